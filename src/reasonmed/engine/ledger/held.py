"""Requests that are held for batch jobs, and the batches: what is collected, what is under way, what came of it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import Amount, Count, Number, decoded
from reasonmed.engine.ledger.facts import Facts
from reasonmed.engine.ledger.packing import pack, unpacked
from reasonmed.exchange import Request

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

RELEASE = "DELETE FROM held WHERE name = ?"
"""SQL: a request is no longer held; it is recorded."""
_KEPT = ("collecting", "closed")
_OPEN = (*_KEPT, "submitting", "running")
_COLUMNS = "token, model, run, provider, state, staged, id, requests, answered, failed, begun, problem"
_BATCHES = f"SELECT {_COLUMNS} FROM batches ORDER BY begun, token"  # noqa: S608 - a constant
_NEW = f"INSERT OR IGNORE INTO batches ({_COLUMNS}) VALUES (?, ?, ?, ?, 'collecting', NULL, NULL, 0, 0, 0, ?, '')"  # noqa: S608 - a constant
_BEGIN = "UPDATE batches SET state = 'submitting', requests = ?, begun = ? WHERE token = ?"
_MOVE = "UPDATE held SET token = ?, tries = tries - ?, worst = 0, sent = NULL WHERE name = ?"
_HOLD = "INSERT OR REPLACE INTO held (name, model, request, bytes, at, tries, token) VALUES (?, ?, ?, ?, ?, 0, ?)"
_PLACE = "SELECT token, at, tries FROM held WHERE name = ?"
_HELD = "SELECT request, worst, sent FROM held WHERE name = ? AND token = ?"
_WAITING = """
SELECT rowid, name, at, tries, bytes, worst, request FROM held WHERE token = ?2 AND rowid > ?1 ORDER BY rowid LIMIT ?3
"""
_SIZE = "SELECT COUNT(*), COALESCE(SUM(bytes), 0), COALESCE(MIN(at), 0.0) FROM held WHERE token = ?"
_RESERVED = """
SELECT COALESCE(SUM(worst), 0.0) FROM held JOIN batches USING (token) WHERE state IN ('submitting', 'running')
"""


def _request(packed: bytes) -> Request:
    return decoded(unpacked(packed), Request)


class Batch(NamedTuple):
    """A batch, from the first request that it collects to the last reply that is taken from it."""

    token: str
    model: str
    run: str
    provider: str
    state: str
    """``collecting``, ``closed`` (full, or its time is up), ``submitting``, ``running``, ``joined`` or ``failed``."""
    staged: str | None
    """What was put up at the provider before the batch was made of it."""
    id: str | None
    requests: Count
    answered: Count
    failed: Count
    begun: Number
    problem: str

    @property
    def is_open(self) -> bool:
        """Whether requests wait for it."""
        return self.state in _OPEN

    @property
    def is_sent(self) -> bool:
        """Whether it was submitted, or may have been."""
        return self.state not in _KEPT

    @property
    def is_under_way(self) -> bool:
        """Whether its provider has it, or may have it."""
        return self.is_open and self.is_sent


class Place(NamedTuple):
    """Where a held request is: in a batch, or, without a token, on its way to be sent at once."""

    token: str | None
    at: Number
    tries: Count


class Waiting(NamedTuple):
    """A request of a batch."""

    rowid: int
    name: str
    at: Number
    tries: Count
    size: Count
    worst: Amount
    packed: bytes


class Joining(NamedTuple):
    """A request whose result has come: itself, what was reserved for it, and what was sent where that differs."""

    packed: bytes
    worst: Amount
    sent: str | None


class Size(NamedTuple):
    """What a batch has collected."""

    requests: Count
    bytes: Count
    oldest: Number


class Collecting(NamedTuple):
    """A batch as it begins to collect."""

    token: str
    model: str
    run: str
    provider: str
    at: float


class Ended(NamedTuple):
    """How a batch ended: ``joined`` or ``failed``."""

    state: str
    problem: str
    token: str


class Move(NamedTuple):
    """Where a request without a reply goes; without a token it is sent at once."""

    token: str | None
    untried: int
    """1 where its last batch does not count as a try."""
    name: str


class Sending(NamedTuple):
    """What is noted of a request when its batch is submitted."""

    worst: float
    sent: str | None
    name: str


class Held(Facts):
    """Requests that wait for batch jobs."""

    def run_name(self) -> str:
        """What batches of this run are labeled with."""
        found = self.fact("batch_run")
        if found is None:
            found = secrets.token_hex(8)
            self.note(batch_run=found)
        return found

    def batches(self) -> list[Batch]:
        """All batches, in the order in which they began; none in a ledger that an older version made."""
        return list(self.query(_BATCHES, shape=Batch)) if self.has_table("batches") else []

    def place_of(self, name: str) -> Place | None:
        """Where a request is held; None where it is not."""
        return next(self.query(_PLACE, name, shape=Place), None)

    def size_of(self, token: str) -> Size:
        """What a batch has collected."""
        return next(self.query(_SIZE, token, shape=Size))

    def reserved(self) -> float:
        """USD that the requests in batches under way may cost at most."""
        if not self.has_table("batches"):
            return 0.0
        (found,) = next(self.query(_RESERVED, shape=tuple[Amount]))
        return found

    def request_in(self, packed: bytes) -> Request:
        """A held request.

        Raises:
            RunDirectoryError: it is torn.
        """
        return self.read(packed, _request)

    def waiting_for(self, token: str) -> Iterator[Waiting]:
        """The requests of a batch in the order in which they came; read page by page."""
        start = 0
        while page := list(self.query(_WAITING, start, token, 256, shape=Waiting)):
            yield from page
            start = page[-1].rowid

    def joining(self, name: str, token: str) -> Joining | None:
        """A request of a batch; None where it is recorded already, or never was in this batch."""
        return next(self.query(_HELD, name, token, shape=Joining), None)

    async def hold(self, name: str, request: Request, size: int, batch: Collecting) -> None:
        """Hold a request for a batch; returns when it is on disk."""
        row = (name, request.model, pack(request), size, batch.at, batch.token)

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(_NEW, batch)
            connection.execute(_HOLD, row)

        await self.change_soon(change)

    async def begin_batch(
        self, token: str, at: float, rows: Sequence[Sending], others: Sequence[str], to: Collecting | None
    ) -> None:
        """Note that a batch is about to be submitted with these requests; all others go into another one."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(_BEGIN, (len(rows), at, token))
            connection.executemany("UPDATE held SET worst = ?, sent = ?, tries = tries + 1 WHERE name = ?", rows)
            if to is not None:
                connection.execute(_NEW, to)
                connection.executemany("UPDATE held SET token = ? WHERE name = ?", [(to.token, one) for one in others])

        await self.change_soon(change)

    async def update_batch(self, token: str, **columns: str | float | None) -> None:
        """Note what became of a batch."""
        marks = ", ".join(f"{name} = ?" for name in columns)
        await self.put(f"UPDATE batches SET {marks} WHERE token = ?", *columns.values(), token)  # noqa: S608 - our names

    async def end_batch(self, ended: Ended, moves: Sequence[Move], to: Sequence[Collecting]) -> None:
        """Note that a batch has ended; its requests without a reply move into another one, or are sent at once."""

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(_NEW, to)
            connection.executemany(_MOVE, moves)
            connection.execute("UPDATE batches SET state = ?, problem = ? WHERE token = ?", ended)

        await self.change_soon(change)
