"""The ledger's one writer: a thread that commits what is handed to it, in groups."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from concurrent.futures import Future
from contextlib import closing, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Change = Callable[[sqlite3.Connection, "Sums"], object]
    Group = list[tuple[Change, Future[None] | asyncio.Future[None]]]

_GROUP = 64
_WINDOW = 0.005
"""A group is handed over when it has so many changes, or after so many seconds."""

_ADD_TOTAL = """
INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stage, model) DO UPDATE SET
  calls = calls + excluded.calls, reused = reused + excluded.reused, rejected = rejected + excluded.rejected,
  unpriced = unpriced + excluded.unpriced, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
  cached_tokens = cached_tokens + excluded.cached_tokens,
  completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
  seconds = seconds + excluded.seconds
"""


class Sums:
    """What a group of calls adds to the totals of its stages and models."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], list[float]] = {}

    def add(self, stage: str, model: str, values: tuple[float, ...]) -> None:
        """Add one call's values, in the order of the columns."""
        row = self._rows.get((stage, model))
        if row is None:
            self._rows[stage, model] = list(values)
        else:
            for index, value in enumerate(values):
                row[index] += value

    def write(self, connection: sqlite3.Connection) -> None:
        """Add them to the table."""
        if self._rows:
            connection.executemany(_ADD_TOTAL, [(*name, *values) for name, values in self._rows.items()])


class GroupWriter:
    """Commits changes in groups, each group in one transaction.

    Args:
        connect: makes the writer's own connection.
        check: raises where a commit would go to where nobody finds it.
        explain: turns a failed commit into the error that everyone who waits gets.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        check: Callable[[], None],
        explain: Callable[[Exception], Exception],
    ) -> None:
        self._connect, self._check, self._explain = connect, check, explain
        self._queue: queue.SimpleQueue[Group | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._group: Group = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def now(self, change: Change) -> Future[None]:
        """Hand a change over at once; the future is done when it is on disk."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()
        self._hand_over([(change, done)])
        return done

    def soon(self, change: Change) -> asyncio.Future[None]:
        """Hand a change over with others of this event loop; the future is done when it is on disk."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._group.append((change, done))
        if len(self._group) >= _GROUP:
            self.flush()
        elif len(self._group) == 1:
            loop.call_later(_WINDOW, self.flush)
        return done

    def flush(self) -> None:
        """Hand over what has gathered."""
        if self._group:
            group, self._group = self._group, []
            self._hand_over(group)

    def _hand_over(self, group: Group) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
            self._thread.start()
        self._queue.put(group)

    def _work(self) -> None:
        try:
            connection = self._connect()
        except sqlite3.Error as failed:
            while (group := self._queue.get()) is not None:
                _tell([done for _, done in group], self._explain(failed))
            return
        with closing(connection):
            while (group := self._queue.get()) is not None:
                self._commit(connection, group)

    def _commit(self, connection: sqlite3.Connection, group: Group) -> None:
        failed: Exception | None = None
        sums = Sums()
        try:
            self._check()
            connection.execute("BEGIN IMMEDIATE")
            for change, _ in group:
                change(connection, sums)
            sums.write(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - handed to everyone who waits; the thread lives on
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            failed = self._explain(error)
        _tell([done for _, done in group], failed)

    def close(self) -> None:
        """Write what has gathered, then end the thread."""
        self.flush()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None


def _tell(waiting: Sequence[Future[None] | asyncio.Future[None]], failed: Exception | None) -> None:
    """Everyone who waits learns what became of the group; an event loop is woken once."""
    loops = {done.get_loop() for done in waiting if isinstance(done, asyncio.Future)}
    _resolve([done for done in waiting if isinstance(done, Future)], failed)
    for loop in loops:
        own = [done for done in waiting if isinstance(done, asyncio.Future)]
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, own, failed)


def _resolve(waiting: Sequence[Future[None] | asyncio.Future[None]], failed: Exception | None) -> None:
    for done in waiting:
        if done.done():
            continue
        if failed is None:
            done.set_result(None)
        else:
            done.set_exception(failed)
