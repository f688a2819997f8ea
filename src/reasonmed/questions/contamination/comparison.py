"""The four methods: which entries a question is a copy of, and how near it comes in each method's own measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.questions.contamination.candidates import Candidates
from reasonmed.questions.contamination.fingerprint import Fingerprint, fingerprint, masked_words
from reasonmed.questions.contamination.fuzzy import Fuzzy
from reasonmed.questions.contamination.minhash import Signer, similarity
from reasonmed.questions.leads import shorter
from reasonmed.questions.normal import hashed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reasonmed.questions.contamination.index import Benchmark
    from reasonmed.types import Question

_OWN = 12
"""A stem of so many words is one question's own; a shorter one may be a turn of phrase."""
_VIGNETTE = 25
_HALF = 0.5
_NEVER = 2.0
_PIECE = 4
"""A stem that is a piece of a benchmark's has at least so many n-grams in common with it."""


class _Least(NamedTuple):
    """The similarity from which a stem is a copy.

    ``vignette`` and ``short`` are for stems whose options agree too, ``alone`` for those whose options do not, but
    whose last words are the same.
    """

    vignette: float
    short: float
    alone: float


_NGRAM = _Least(vignette=0.5, short=0.6, alone=0.8)
_MINHASH = _Least(vignette=0.3, short=0.45, alone=0.75)
_FUZZY = _Least(vignette=0.82, short=0.82, alone=_NEVER)


class Probe(NamedTuple):
    """A question as it is compared."""

    print: Fingerprint
    words: list[str]
    options: frozenset[str]
    grams: frozenset[bytes]
    signature: bytes
    shorter: tuple[str, ...]
    """Hashes of the stem without the lead."""


class Comparison:
    """All entries of some benchmarks, ready to be compared with.

    Args:
        benchmarks: what is compared with.
        methods: the methods that will be used.

    Raises:
        UsageError: a method needs packages which are missing.
    """

    def __init__(self, benchmarks: Sequence[Benchmark], methods: Sequence[str]) -> None:
        self.entries = [entry for one in benchmarks for entry in one.entries]
        self._signer = Signer() if "minhash" in methods else None
        self._candidates = Candidates(self.entries, signed=self._signer is not None)
        stems: list[list[str] | None] = []
        for one in benchmarks:
            stems += one.words or [None] * len(one.entries)
        self._fuzzy = Fuzzy(stems) if "fuzzy" in methods else None
        self._ways: dict[str, Callable[[Probe], Iterator[tuple[int, float]]]] = {
            "exact": self._exact,
            "ngram": self._ngram,
            "minhash": self._minhash,
            "fuzzy": self._fuzzily,
        }

    def probe(self, question: Question) -> Probe:
        """A question as it is compared."""
        words = masked_words(question.stem)
        made = fingerprint(question, words)
        signature = self._signer.sign(words) if self._signer else b""
        bare = tuple(hashed(stem) for stem in shorter(question.stem))
        return Probe(made, words, frozenset(made.options), made.gram_set(), signature, bare)

    def by(self, method: str, probe: Probe) -> Iterator[tuple[int, float]]:
        """The numbers of the entries that a question is a copy of, each with its similarity."""
        return self._ways[method](probe)

    def _exact(self, probe: Probe) -> Iterator[tuple[int, float]]:
        same = self._candidates.by_exact.get(probe.print.exact, ())
        yield from ((number, 1.0) for number in same)
        for number in self._candidates.by_stem.get(probe.print.stem, ()):
            if number not in same and (probe.print.words >= _OWN or self._agree(probe, number)):
                yield number, 1.0
        for stem in probe.shorter:
            found = self._candidates.by_stem.get(stem, ())
            yield from ((number, 1.0) for number in found if self._agree(probe, number))

    def _ngram(self, probe: Probe) -> Iterator[tuple[int, float]]:
        telling = self._candidates.telling_grams(probe.grams)
        for number in self._candidates.by_grams(telling):
            wanted = self._candidates.distinct[number]
            common = len(wanted & probe.grams)
            share = common / len(wanted)
            if common >= _PIECE and self._agree(probe, number):
                share = max(share, common / len(telling))
            if share >= self._least(_NGRAM, probe, number):
                yield number, share

    def _minhash(self, probe: Probe) -> Iterator[tuple[int, float]]:
        for number in self._candidates.alike(probe.print.options, probe.signature):
            least = self._least(_MINHASH, probe, number)
            alike = similarity(self.entries[number].signature, probe.signature) if least < _NEVER else 0.0
            if alike >= least:
                yield number, alike

    def _fuzzily(self, probe: Probe) -> Iterator[tuple[int, float]]:
        if self._fuzzy is None:
            return
        for number in self._candidates.alike(probe.print.options, probe.signature):
            least = self._least(_FUZZY, probe, number)
            alike = self._fuzzy.similarity(number, probe.words, least) if least < _NEVER else 0.0
            if alike >= least:
                yield number, alike

    def _least(self, least: _Least, probe: Probe, number: int) -> float:
        entry = self.entries[number]
        if self._agree(probe, number):
            return least.vignette if entry.words >= _VIGNETTE else least.short
        return least.alone if entry.words >= _OWN and entry.end in probe.grams else _NEVER

    def _agree(self, probe: Probe, number: int) -> bool:
        """Whether half of the options are the same and tell something, or all are where none could (yes, no)."""
        options = self.entries[number].options
        common = probe.options.intersection(options)
        telling = self._candidates.telling
        if common.isdisjoint(telling):
            return len(common) == len(options) == len(probe.options) and telling.isdisjoint(options)
        return len(common) >= _HALF * max(len(options), len(probe.options))
