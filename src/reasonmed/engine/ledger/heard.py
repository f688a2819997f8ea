"""Every call of a row with what it asked, how it ended and what it took; its texts apart, as they are long."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import Amount, Count
from reasonmed.engine.ledger.calls import IN_USE, OF_ROW
from reasonmed.engine.ledger.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEARD = f"""
SELECT call, {IN_USE}, stage, question, model, sample, attempt, temperature, max_tokens, finish, error, prompt_tokens,
  cached_tokens, completion_tokens, reasoning_tokens, cost, seconds, reused_from
FROM calls WHERE {OF_ROW} ORDER BY call
"""  # noqa: S608 - constants
_TEXTS = f"SELECT call, texts FROM calls WHERE {OF_ROW}"  # noqa: S608 - a constant


class Heard(NamedTuple):
    """A call of a row; one that is not in use (0) was retired, and answers no request any more."""

    call: Count
    in_use: int
    stage: str
    question: str
    model: str
    sample: int
    attempt: int
    temperature: float | None
    max_tokens: int
    finish: str | None
    error: str | None
    prompt_tokens: Count | None
    cached_tokens: Count | None
    completion_tokens: Count | None
    reasoning_tokens: Count | None
    cost: Amount | None
    seconds: Amount | None
    reused_from: str | None


class HeardCalls(Store):
    """The calls of a row, for whoever reads its story."""

    def heard_of(self, row: str) -> Iterator[Heard]:
        """All calls of a row, retired ones too, in the order in which they were recorded."""
        return self.query(_HEARD, row, shape=Heard)

    def texts_of(self, row: str) -> dict[int, bytes]:
        """The packed texts of these calls, by their numbers."""
        return dict(self.query(_TEXTS, row, shape=tuple[Count, bytes]))
