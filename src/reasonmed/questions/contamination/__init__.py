"""Contamination: which questions are copies of a benchmark's, and how much of that benchmark was looked at.

- ``fingerprint``: a question as hashes; what an index holds in place of text.
- ``minhash``: signatures of word pairs (datasketch).
- ``index``: indexes written to files and read back; benchmarks out of indexes or question files.
- ``candidates``: which of a benchmark's questions are worth a comparison.
- ``matcher``: the comparison by four methods, on stem and options together.
- ``screen``: questions that match, taken out of a run before anything is asked about them.
"""

from reasonmed.questions.contamination.index import Benchmark, benchmark, build, build_of, write_index
from reasonmed.questions.contamination.matcher import METHODS, Match, Matcher, matcher_of

__all__ = ["METHODS", "Benchmark", "Match", "Matcher", "benchmark", "build", "build_of", "matcher_of", "write_index"]
