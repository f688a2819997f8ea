"""The calls of a ledger: recorded with their replies, found again by their requests, counted and taken out of use."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import Amount, Count, Number, Refused
from reasonmed.engine.ledger.changes import UPHEAVAL
from reasonmed.engine.ledger.held import RELEASE
from reasonmed.engine.ledger.packing import BETWEEN, completion_in, encode, rejection_in
from reasonmed.engine.ledger.store import Store
from reasonmed.errors import RequestRejected
from reasonmed.exchange import Completion, Request

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Iterator, Sequence

    from reasonmed.engine.ledger.writer import Sums

_INSERT = f"INSERT OR IGNORE INTO calls VALUES (NULL{', ?' * 19})"  # noqa: S608 - question marks only
_RETIRE = "UPDATE calls SET key = key || x'00' || CAST(call AS BLOB) WHERE key = ? AND max_tokens = ?"
_RETIRE_CALLS = "UPDATE calls SET key = key || x'00' || CAST(call AS BLOB) WHERE call IN ({})"
_PAGE = 500
IN_USE = "length(CAST(key AS BLOB)) = 16"
"""SQL: whether a call may still answer a request; the key of one that is retired is longer.

It is a text, as whatever ``||`` joins is, and the length of a text ends at its first zero.
"""
OF_ROW = """
(question = ?1 OR (stage = 'score' AND question > ?1 || '#' AND question < ?1 || '$'
  AND instr(substr(question, length(?1) + 2), '#') = 0))
"""
"""SQL: whether a call belongs to a row (the first value); calls that score a record bear the record's id."""
_FIND = "SELECT max_tokens, finish, error, completion_tokens, texts FROM calls WHERE key = ?"
_ANSWERED = "SELECT COALESCE(SUM(calls - reused - rejected), 0) FROM totals WHERE model = ?"
_CALLS_OF = f"""
SELECT key, max_tokens, stage, model, sample, attempt, temperature, error, texts FROM calls
WHERE {OF_ROW} AND {IN_USE} ORDER BY call
"""  # noqa: S608 - constants
_REJECTED_OF = f"""
SELECT stage, model, error, texts FROM calls WHERE {OF_ROW} AND error IS NOT NULL AND {IN_USE}
"""  # noqa: S608 - constants
_USAGE_OF = f"""
SELECT stage, COUNT(*), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0), SUM(cost)
FROM calls WHERE {OF_ROW} GROUP BY stage ORDER BY MIN(call)
"""  # noqa: S608 - a constant
_SPENT_ON = f"""
SELECT stage, call >= COALESCE((SELECT MIN(call) FROM calls
    WHERE {OF_ROW} AND stage IN (SELECT value FROM json_each(?2))), 1 << 62) AS later,
  COUNT(*), SUM(reused_from IS NOT NULL), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0),
  COALESCE(SUM(cost), 0.0), SUM(cost IS NULL), COALESCE(SUM(seconds), 0.0)
FROM calls WHERE {OF_ROW} GROUP BY stage, later ORDER BY MIN(call)
"""  # noqa: S608 - a constant
_LAST = f"""
SELECT texts FROM calls WHERE question = ? AND stage = ? AND error IS NULL AND {IN_USE}
ORDER BY attempt DESC, max_tokens DESC LIMIT 1
"""  # noqa: S608 - a constant
_USAGE = """
SELECT question, stage, COUNT(*), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0),
  SUM(cost), SUM(cost IS NULL), COALESCE(SUM(seconds), 0.0), model
FROM calls WHERE reused_from IS NULL GROUP BY question, stage, model
"""
_TOKENS = "SELECT question, sample, prompt_tokens, completion_tokens FROM calls WHERE stage = ?"
_REJECTED = f"SELECT call, stage, question FROM calls WHERE error = ? AND {IN_USE}"  # noqa: S608 - a constant
_ASKED_AGAIN = f"SELECT call, stage, question FROM calls WHERE attempt > 0 AND {IN_USE}"  # noqa: S608 - a constant
_TOTALS = """
SELECT stage, SUM(calls), SUM(reused), SUM(rejected), SUM(unpriced), SUM(prompt_tokens), SUM(cached_tokens),
  SUM(completion_tokens), SUM(cost), SUM(seconds) FROM totals GROUP BY stage
"""
_CACHED = """
SELECT model, SUM(prompt_tokens), MIN(SUM(cached_tokens), SUM(prompt_tokens)) FROM totals GROUP BY model
HAVING SUM(prompt_tokens) > 0 AND (SUM(cached_tokens) > 0
  OR model IN (SELECT model FROM (SELECT model, cached_tokens FROM calls ORDER BY call LIMIT 1000)
    WHERE cached_tokens IS NOT NULL)
  OR model IN (SELECT model FROM (SELECT model, cached_tokens FROM calls ORDER BY call DESC LIMIT 1000)
    WHERE cached_tokens IS NOT NULL))
ORDER BY model
"""
"""A server that never had anything in its cache is known by what it said of the first or the last calls."""


class _Found(NamedTuple):
    max_tokens: int
    finish: str | None
    error: str | None
    completion_tokens: int | None
    texts: bytes


class Call(NamedTuple):
    """What a call cost: USD (None where no price is known) and seconds; or the run that its reply was reused from."""

    seconds: float
    cost: float | None = None
    reused_from: str | None = None


class Recorded(NamedTuple):
    """A call of a row that may still answer its request."""

    key: bytes
    max_tokens: int
    stage: str
    model: str
    sample: int
    attempt: int
    temperature: float | None
    error: str | None
    texts: bytes


class Rejected(NamedTuple):
    """A call of a row that its endpoint refused."""

    stage: str
    model: str
    kind: str
    texts: bytes


class Asked(NamedTuple):
    """For whom a call was."""

    call: int
    stage: str
    question: str


class Usage(NamedTuple):
    """What a stage's calls for one row took."""

    question: str
    stage: str
    requests: Count
    tokens_in: Count
    tokens_out: Count
    usd: Amount | None
    unpriced: Count
    seconds: Amount
    model: str


class SpentOn(NamedTuple):
    """What a stage's calls for one row took, before the first call of certain stages or from there on."""

    stage: str
    later: Count
    """0 or 1."""
    calls: Count
    reused: Count
    tokens_in: Count
    tokens_out: Count
    usd: Amount
    """As far as prices are known."""
    unpriced: Count
    seconds: Amount


class CachedTotal(NamedTuple):
    """Tokens of a model's prompts, and those of them from the server's prefix cache."""

    model: str
    prompt: Count
    cached: Count


class StageTotal(NamedTuple):
    """Sums over a stage's calls."""

    stage: str
    calls: Count
    reused: Count
    rejected: Count
    unpriced: Count
    prompt: Count
    cached: Count
    completion: Count
    cost: Amount
    seconds: Amount


class Calls(Store):
    """Every request of a run, with its reply or its rejection."""

    def find(self, request: Request) -> Completion | None:
        """The recorded reply that serves a request: one that was not cut and fits, or was cut at the same limit.

        Raises:
            RequestRejected: what is on record is that the endpoint refuses this request.
        """
        limit = request.sampling.max_tokens
        found = list(self.query(_FIND, request.key, shape=_Found))
        for found_limit, finish, error, written, texts in sorted(found, key=lambda row: row[0] != limit):
            try:
                if error is not None:
                    said = rejection_in(texts, finish, error)
                else:
                    completion = completion_in(texts, finish)
            except Refused:  # torn, so that it is asked again
                if not self._read_only:
                    self.write(_RETIRE, request.key, found_limit).result()
                continue
            if error is not None:
                if found_limit == limit:
                    raise RequestRejected(said, error)
                continue
            fits = found_limit <= limit or (written is not None and written <= limit)
            if found_limit == limit or (finish != "length" and fits):
                return completion
        return None

    def record(
        self, request: Request, reply: Completion | RequestRejected, call: Call, held: str = ""
    ) -> asyncio.Future[None]:
        """Queue a call with its reply or its rejection; a request that was ``held`` under this name no longer is."""
        if isinstance(reply, Completion):
            finish, error, body = reply.finish_reason, None, encode(reply)
            counts = (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens, reply.reasoning_tokens)
        else:
            finish, error, body = None, reply.kind, str(reply).encode()
            counts = (None, None, None, None)
        asked = request.sampling
        what = (request.key, asked.max_tokens, request.stage, request.question_id, request.model, request.sample)
        how = (request.attempt, asked.temperature, finish, error, *counts)
        row = (*what, *how, call.cost, call.seconds, time.time(), call.reused_from)
        added = (call.reused_from is not None, error is not None, call.cost is None)
        sums = (1, *added, *(count or 0 for count in counts[:3]), call.cost or 0.0, call.seconds)

        def change(connection: sqlite3.Connection, totals: Sums) -> None:
            texts = zlib.compress(encode(request.messages) + BETWEEN + body, 1)
            if connection.execute(_INSERT, (*row, texts)).rowcount:
                totals.add(request.stage, request.model, sums)
            if held:
                connection.execute(RELEASE, (held,))

        return self._writer.soon(change)

    def has_replies_of(self, model: str) -> bool:
        """Whether the model answered a request of this run, not only of one whose replies are reused."""
        (replies,) = next(self.query(_ANSWERED, model, shape=tuple[int]))
        return replies > 0

    def calls_of(self, row: str) -> Iterator[Recorded]:
        """The calls of a row that may still answer their requests, in the order in which they were recorded."""
        return self.query(_CALLS_OF, row, shape=Recorded)

    def rejections_of(self, row: str) -> Iterator[Rejected]:
        """The calls of a row that were refused, and are not asked again."""
        return self.query(_REJECTED_OF, row, shape=Rejected)

    def usage_of(self, row: str) -> Iterator[tuple[str, int, int, int, float | None]]:
        """All calls of a row by stage: how many, tokens in, tokens out, and USD as far as prices are known."""
        return self.query(_USAGE_OF, row, shape=tuple[str, Count, Count, Count, Amount | None])

    def spent_on(self, row: str, later: Sequence[str]) -> Iterator[SpentOn]:
        """All calls of a row by stage, those before the first call of the ``later`` stages apart from the others."""
        return self.query(_SPENT_ON, row, encode(later).decode(), shape=SpentOn)

    def last_reply(self, row: str, stage: str) -> Completion | None:
        """The reply that ended what a stage asked for a row; None where there is none or it is torn."""
        for (texts,) in self.query(_LAST, row, stage, shape=tuple[bytes]):
            try:
                return completion_in(texts, None)
            except Refused:
                return None
        return None

    def usage(self) -> Iterator[Usage]:
        """What the run's own calls took, by row and stage."""
        return self.query(_USAGE, shape=Usage)

    def tokens(self, stage: str) -> dict[tuple[str, int], tuple[int | None, int | None]]:
        """Tokens in and out of a stage's calls, by row and sample."""
        found = self.query(_TOKENS, stage, shape=tuple[str, int, Count | None, Count | None])
        return {(row, sample): (prompt, completion) for row, sample, prompt, completion in found}

    def rejected(self, kind: str) -> Iterator[Asked]:
        """The calls that were refused for this class of fault."""
        return self.query(_REJECTED, kind, shape=Asked)

    def asked_again(self) -> Iterator[Asked]:
        """The calls that asked again after a reply that could not be used."""
        return self.query(_ASKED_AGAIN, shape=Asked)

    def retire(self, calls: Sequence[int], rows: Sequence[str]) -> None:
        """Take calls out of use, and the outcomes of their rows away; what the calls cost stays spent."""

        def change(connection: sqlite3.Connection) -> None:
            for start in range(0, len(calls), _PAGE):
                page = calls[start : start + _PAGE]
                connection.execute(_RETIRE_CALLS.format(", ".join("?" * len(page))), page)
            connection.executemany("DELETE FROM outcomes WHERE id = ?", [(name,) for name in rows])
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('state', 'drained')")
            connection.execute(UPHEAVAL)

        self.apply(change).result()

    def totals(self) -> Iterator[StageTotal]:
        """Sums over the calls of each stage."""
        return self.query(_TOTALS, shape=StageTotal)

    def cached(self) -> Iterator[CachedTotal]:
        """Prompt tokens, and cached ones among them, of each model whose server reports these."""
        return self.query(_CACHED, shape=CachedTotal)

    def cost(self) -> float:
        """USD of all calls whose price is known."""
        (found,) = next(self.query("SELECT COALESCE(SUM(cost), 0.0) FROM totals", shape=tuple[Amount]))
        return found

    def last_call(self) -> float | None:
        """When the last call was recorded."""
        (last,) = next(self.query("SELECT at FROM calls ORDER BY call DESC LIMIT 1", shape=tuple[Number]), (None,))
        return last
