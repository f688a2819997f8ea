"""MinHash signatures of pairs of words, by datasketch (extra ``check``)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from datasketch import LeanMinHash

PERMUTATIONS = 64
SCHEME = "affine32"
"""How datasketch makes the permutations; signatures of two schemes cannot be compared."""
NEEDS = "needs datasketch and rapidfuzz: pip install 'reasonmed[check]'"


class Signer:
    """Makes signatures: ``PERMUTATIONS`` numbers of four bytes each.

    Raises:
        UsageError: datasketch is missing.
    """

    def __init__(self) -> None:
        try:
            from datasketch import MinHash
        except ImportError as missing:
            raise UsageError(f"MinHash {NEEDS}") from missing
        self._empty = MinHash(num_perm=PERMUTATIONS, hashfunc=crc32, scheme=SCHEME)

    def sign(self, words: Sequence[str]) -> bytes:
        """The signature of words in their order; empty where there are none."""
        if not words:
            return b""
        pairs = {f"{one} {other}".encode() for one, other in pairwise(words)}
        made = self._empty.copy()
        made.update_batch(sorted(pairs or {words[0].encode()}))
        signature: bytes = made.hashvalues.astype("<u4").tobytes()
        return signature


class Neighbors:
    """Signatures that can be searched: a locality-sensitive hash over them.

    Args:
        signatures: in the order of the numbers that are given back; empty ones are never found.
        similarity: from about which Jaccard similarity on a signature is found.
    """

    def __init__(self, signatures: Iterable[bytes], similarity: float) -> None:
        import numpy as np
        from datasketch import LeanMinHash, MinHashLSH

        self._all = list(signatures)
        self._numpy, self._made = np, LeanMinHash
        self._search = MinHashLSH(threshold=similarity, num_perm=PERMUTATIONS)
        for number, signature in enumerate(self._all):
            if signature:
                self._search.insert(number, self._lean(signature), check_duplication=False)

    def near(self, signature: bytes) -> list[int]:
        """The numbers of the signatures that may be similar."""
        return sorted(self._search.query(self._lean(signature))) if signature else []

    def similarity(self, number: int, signature: bytes) -> float:
        """The estimated Jaccard similarity of a signature with the one of a number."""
        return similarity(self._all[number], signature)

    def _lean(self, signature: bytes) -> LeanMinHash:
        return self._made(seed=1, scheme=SCHEME, hashvalues=self._numpy.frombuffer(signature, dtype="<u4"))


def similarity(one: bytes, other: bytes) -> float:
    """The estimated Jaccard similarity of two signatures; 0 where either is empty."""
    if not one or not other:
        return 0.0
    numbers, others = memoryview(one).cast("I"), memoryview(other).cast("I")
    return sum(map(int.__eq__, numbers, others)) / PERMUTATIONS
