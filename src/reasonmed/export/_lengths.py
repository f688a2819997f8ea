"""Lengths of chains of thought, in tokens of a named tokenizer or in words."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.backends._weights import sha256_of
from reasonmed.errors import UsageError
from reasonmed.runs.tables.tokens import tokenizer_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Limit(NamedTuple):
    """The greatest length of a chain of thought, and what it is counted in."""

    most: int
    tokenizer: Path | None = None
    """The folder of a model, or its ``tokenizer.json``; None counts words."""

    @property
    def unit(self) -> str:
        """What the length is counted in: ``words``, or the tokens of a tokenizer by its name and hash."""
        if self.tokenizer is None:
            return "words"
        file = self.tokenizer / "tokenizer.json" if self.tokenizer.is_dir() else self.tokenizer
        return f"tokens of {tokenizer_in(self.tokenizer).name} sha256:{sha256_of(file)[:16]}"


class TooLong:
    """The texts that are over a limit. Each is measured once, and told again by its hash.

    Args:
        limit: nothing is over None.
        texts: all texts that will be asked for.

    Raises:
        UsageError: the tokenizer cannot be read.
    """

    def __init__(self, limit: Limit | None, texts: Iterable[str]) -> None:
        self._over: set[bytes] = set()
        if limit is not None:
            count = tokenizer_in(limit.tokenizer).count if limit.tokenizer else lambda text: len(text.split())
            self._over = {_hash(text) for text in texts if count(text) > limit.most}

    def __contains__(self, text: str) -> bool:
        return bool(self._over) and _hash(text) in self._over


def limit_of(most: int | None, tokenizer: Path | None) -> Limit | None:
    """The limit of a command; None where none is set.

    Raises:
        UsageError: a tokenizer without a limit.
    """
    if most is None and tokenizer is not None:
        raise UsageError(f"--tokenizer {tokenizer}: says what --max-cot-tokens N counts; add it")
    return None if most is None else Limit(most, tokenizer)


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
