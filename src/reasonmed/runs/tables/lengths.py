"""Lengths of the texts of a data set in words, in steps and in tokens of a named tokenizer, by tier and writer."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Count
from reasonmed.parsing.steps import split_steps
from reasonmed.runs.tables.shapes import NONE, Quantiles, Table, named, ordered, quantiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reasonmed.runs.tables.shapes import Key, Seen
    from reasonmed.types import Kept


class Long(Struct, frozen=True):
    """The texts of one kind; ``text`` is ``chain`` or ``response``."""

    text: str
    tier: str
    writer: str
    texts: Count
    words: Quantiles
    steps: Quantiles
    tokens: Quantiles


class Lengths:
    """Measures the texts of records.

    Args:
        tokens: how many tokens a text has; None where no tokenizer is named.
        tokenizer: its name.
    """

    def __init__(self, tokens: Callable[[str], int] | None = None, tokenizer: str = "") -> None:
        self._measures = {"words": _words, "steps": _steps} | ({"tokens": tokens} if tokens else {})
        self._tokenizer = tokenizer
        self._found: defaultdict[tuple[Key, str], Counter[int]] = defaultdict(Counter)

    def add(self, one: Seen) -> None:
        """Measure the texts of a question's records."""
        for kept in (one.story.kept or ())[: one.records]:
            for kind, text, writer in _texts(kept):
                sizes = {name: measure(text) for name, measure in self._measures.items()}
                for key in ((kind, one.tier, None), (kind, None, writer), (kind, one.tier, writer), (kind, None, None)):
                    for name, size in sizes.items():
                        self._found[key, name][size] += 1

    def tables(self) -> Iterator[Table]:
        """One table."""
        tokens = f"tokens of {self._tokenizer}" if self._tokenizer else "tokens: name a tokenizer with --tokenizer"
        rows = [self._row(key) for key in ordered({key for key, _ in self._found})]
        yield Table("lengths", "Lengths of the texts of records: median (p10 to p90)", rows, (tokens,))

    def _row(self, key: Key) -> Long:
        text, tier, writer = named(key)
        words, steps, tokens = (self._found.get((key, name), Counter()) for name in ("words", "steps", "tokens"))
        return Long(text, tier, writer, words.total(), quantiles(words), quantiles(steps), quantiles(tokens))


def _texts(kept: Kept) -> Iterator[tuple[str, str, str]]:
    yield "chain", kept.text, kept.model
    if kept.response is not None:
        yield "response", kept.response, kept.response_model or NONE


def _words(text: str) -> int:
    return len(text.split())


def _steps(text: str) -> int:
    return len(split_steps(text))
