"""A question as hashes. They confirm a text that somebody has; they do not give one that nobody has.

Numbers count as equal in n-grams and signatures, so that a copy with other vital signs is still a copy; they do not in
the exact hashes and in the options.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from reasonmed.questions.normal import normal, question_hash, stem_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.types import Question

SIZE = 8
"""Words of an n-gram; a shorter stem is one n-gram."""
BYTES = 8
"""Bytes of an n-gram's hash."""
_NUMBERS = re.compile(r"\d+(?: \d+)*")


class Fingerprint(Struct, frozen=True):
    """What is kept of a question.

    ``exact`` and ``stem`` are the hashes of ``reasonmed.questions.normal`` without the context: a benchmark's question
    is copied with or without its passage. ``grams`` are hashes of ``BYTES`` bytes each, sorted; ``end`` is the one of
    the last words, which are what is asked. ``signature`` is empty where none was made.
    """

    id: str
    exact: str
    stem: str
    options: tuple[str, ...]
    words: int
    grams: bytes
    end: bytes
    signature: bytes = b""

    def gram_set(self) -> frozenset[bytes]:
        """The hashes of the n-grams."""
        return frozenset(self.grams[at : at + BYTES] for at in range(0, len(self.grams), BYTES))


def fingerprint(question: Question, words: Sequence[str]) -> Fingerprint:
    """A question's fingerprint without its signature.

    Args:
        question: the question.
        words: its ``masked_words``.
    """
    bare = replace(question, context=None)
    hashes = gram_hashes(words)
    return Fingerprint(
        id=question.id,
        exact=question_hash(bare),
        stem=stem_hash(bare),
        options=tuple(sorted({_option_hash(option) for option in question.options})),
        words=len(words),
        grams=b"".join(sorted(set(hashes))),
        end=hashes[-1] if hashes else b"",
    )


def masked_words(stem: str) -> list[str]:
    """The words of a stem's normal form, every number being 0."""
    return _NUMBERS.sub("0", normal(stem)).split()


def gram_hashes(words: Sequence[str]) -> list[bytes]:
    """Hashes of the n-grams of words, in their order."""
    if len(words) <= SIZE:
        return [_hash(" ".join(words).encode())] if words else []
    encoded = [word.encode() for word in words]
    return [_hash(b" ".join(encoded[at : at + SIZE])) for at in range(len(words) - SIZE + 1)]


@lru_cache(maxsize=1 << 16)
def _option_hash(option: str) -> str:
    return blake2b(normal(option).encode(), digest_size=BYTES).hexdigest()


def _hash(text: bytes) -> bytes:
    return blake2b(text, digest_size=BYTES).digest()
