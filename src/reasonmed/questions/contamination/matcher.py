"""The comparison of a question with benchmarks: four methods, each on the stem and the options together.

Equal options alone say nothing (many questions share a list), and neither does an equal vignette alone (many are asked
of one). A copy has a stem that is near enough and, besides, at least half of the options or the same last words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import UsageError
from reasonmed.questions.contamination.comparison import Comparison
from reasonmed.questions.contamination.fingerprint import SIZE
from reasonmed.questions.contamination.index import benchmark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from reasonmed.questions.contamination.comparison import Probe
    from reasonmed.questions.contamination.index import Benchmark
    from reasonmed.types import Question

METHODS = ("exact", "ngram", "minhash", "fuzzy")
"""In the order in which they are tried: a question that one method finds in a benchmark is not given to the next."""


class Match(NamedTuple):
    """A question of a benchmark that a question is a copy of.

    ``similarity`` is 0 to 1 in the method's own measure: 1 for equal hashes, the share of the n-grams of
    the benchmark's stem, or of a piece of it, the
    Jaccard similarity of word pairs, or the share of equal letters. ``options`` counts the benchmark's options found.
    """

    benchmark: str
    id: str
    method: str
    similarity: float
    options: int
    of_options: int

    @property
    def evidence(self) -> str:
        """The match in a sentence."""
        shared = f"{self.options} of {self.of_options} options"
        return f"{self.id} of {self.benchmark}: {_MEASURES[self.method].format(self.similarity)}, {shared}"

    @property
    def rank(self) -> tuple[float, int, str]:
        """What makes one match better than another."""
        return self.similarity, self.options, self.id


_MEASURES = {
    "exact": "the same stem in normal form",
    "ngram": f"{{:.0%}} of the {SIZE}-word sequences shared",
    "minhash": "word pairs alike by {:.2f}",
    "fuzzy": "letters equal by {:.0%}",
}


class Matcher:
    """Finds copies of benchmarks' questions.

    Args:
        benchmarks: what is compared with.
        methods: some of ``METHODS``.

    Raises:
        UsageError: an unknown method, two benchmarks of one name, or one that needs packages which are missing.
    """

    def __init__(self, benchmarks: Sequence[Benchmark], methods: Sequence[str] = METHODS) -> None:
        unknown = [name for name in methods if name not in METHODS]
        if unknown:
            raise UsageError(f"method {', '.join(unknown)}: there are {', '.join(METHODS)}")
        names = [one.name for one in benchmarks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(
                f"two benchmarks are called {', '.join(twice)}; give one another name: `reasonmed index --name`"
            )
        self.benchmarks = tuple(benchmarks)
        self._home = [one.name for one in benchmarks for _ in one.entries]
        self._comparison = Comparison(benchmarks, methods)
        self.wanted = tuple(name for name in METHODS if name in methods)

    def __reduce__(self) -> tuple[type[Matcher], tuple[object, ...]]:
        """Another process makes its own of the same benchmarks."""
        return Matcher, (self.benchmarks, self.wanted)

    def methods(self, benchmark: Benchmark) -> list[str]:
        """The methods that can be used on a benchmark: fuzzy comparison needs its text, MinHash its signatures."""
        lacking = set() if benchmark.words is not None else {"fuzzy"}
        if not any(one.signature for one in benchmark.entries):
            lacking.add("minhash")
        return [name for name in self.wanted if name not in lacking]

    def matches(self, question: Question) -> list[Match]:
        """The best match in each benchmark, by the first method that finds one there; in the benchmarks' order."""
        probe = self._comparison.probe(question)
        found: dict[str, Match] = {}
        for method in self.wanted:
            best: dict[str, Match] = {}
            for number, similarity in self._comparison.by(method, probe):
                match = self._match(method, probe, number, similarity)
                if match.benchmark not in best or match.rank > best[match.benchmark].rank:
                    best[match.benchmark] = match
            found = best | found
        return [found[one.name] for one in self.benchmarks if one.name in found]

    def _match(self, method: str, probe: Probe, number: int, similarity: float) -> Match:
        entry = self._comparison.entries[number]
        shared = len(probe.options.intersection(entry.options))
        return Match(self._home[number], entry.id, method, round(similarity, 3), shared, len(entry.options))


def matcher_of(paths: Sequence[Path], methods: Sequence[str] | None = None) -> Matcher | None:
    """What finds questions of the benchmarks in these files; None where there are none.

    Args:
        paths: indexes, or question files.
        methods: some of ``METHODS``; all by default.
    """
    if not paths:
        return None
    wanted = METHODS if methods is None else tuple(methods)
    return Matcher([benchmark(path, signed="minhash" in wanted) for path in paths], wanted)
