"""What a ledger remembers of its run: named facts, amounts of money, and the sessions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from reasonmed.documents import Amount, Number, Refused, decoded
from reasonmed.engine.ledger.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

Shape = TypeVar("Shape")
_NOTE = "INSERT OR REPLACE INTO facts VALUES (?, ?)"
_BEGIN = "INSERT INTO sessions (started, host, pid, changes) VALUES (?, ?, ?, ?)"


class Facts(Store):
    """Facts and sessions of a run."""

    def fact(self, name: str) -> str | None:
        """A remembered fact about the run."""
        found = next(self.query("SELECT value FROM facts WHERE name = ?", name, shape=tuple[str]), None)
        return found[0] if found else None

    def usd(self, name: str) -> float:
        """A remembered amount of money; 0 where there is none.

        Raises:
            RunDirectoryError: it is no amount.
        """
        try:
            return decoded((self.fact(name) or "0.0").encode(), Amount)
        except Refused as problem:
            raise self.refuse(f"the fact {name}", problem) from problem

    def told(self, name: str, shape: type[Shape]) -> Shape | None:
        """A remembered fact that is JSON; None where there is none.

        Raises:
            RunDirectoryError: it is something else.
        """
        found = self.fact(name)
        try:
            return None if found is None else decoded(found.encode("utf-8", "replace"), shape)
        except Refused as problem:
            raise self.refuse(f"the fact {name}", problem) from problem

    def note(self, **facts: str) -> None:
        """Remember facts; returns when they are on disk."""
        self.apply(lambda connection: connection.executemany(_NOTE, list(facts.items()))).result()

    async def note_soon(self, name: str, value: str) -> None:
        """Remember a fact, committed with other changes; returns when it is on disk."""
        await self.put(_NOTE, name, value)

    def begin_session(self, host: str, pid: int, changes: str) -> int:
        """Note that a session begins; gives its number."""
        self.write(_BEGIN, time.time(), host, pid, changes).result()
        (session,) = next(self.query("SELECT MAX(session) FROM sessions", shape=tuple[int]))
        return session

    def end_session(self, session: int, how: str) -> None:
        """Note how a session ended."""
        self.write("UPDATE sessions SET ended = ?, how = ? WHERE session = ?", time.time(), how, session).result()

    def sessions(self) -> Iterator[tuple[float, float | None]]:
        """When each session began and ended; one that was killed has no end."""
        return self.query("SELECT started, ended FROM sessions", shape=tuple[Number, Number | None])
