"""Turns: rows that wait for a model which is not open now leave memory, and are replayed when it is.

A layer above a back end raises ``Parked`` in the place of a reply and says what is waited for. The row's key is noted,
others have its place, and the row is done again from its first line once one of the things that it waits for is there:
recorded replies return at once.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Generic, Protocol, Self

from reasonmed.engine.job import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Holder(Protocol):
    """Why requests are held, and what ends that: models that share memory, jobs that a provider takes a day for."""

    def ready(self, wait: str) -> bool:
        """Whether a row that waits for this can continue; never for a name that is another holder's."""
        ...

    async def turn(self, waits: Mapping[str, int]) -> bool:
        """Make something ready, or wait until something is; False where none of these is this holder's.

        Called when no row is under way and none can continue. May be canceled: the run is to end.

        Args:
            waits: all that is waited for, with the number of rows that do.
        """
        ...


class Turns:
    """Everything that rows of a run may have to wait for."""

    def __init__(self) -> None:
        self._holders: list[Holder] = []
        self.parked: Counter[str] = Counter()
        """What rows wait for now, with the number of rows that do."""

    def add(self, holder: Holder) -> None:
        """Take a holder in; those that came first have their turn first."""
        self._holders.append(holder)

    def ready(self, waits: Iterable[str]) -> bool:
        """Whether a row that waits for these can continue."""
        return any(holder.ready(wait) for wait in waits for holder in self._holders)

    async def turn(self) -> None:
        """Nothing else can be done: have one of the things that are waited for made ready."""
        for holder in self._holders:
            if await holder.turn(self.parked):
                return
        raise RuntimeError(f"nobody makes ready what rows wait for: {', '.join(sorted(self.parked))}")


class Replayed(Generic[Row]):
    """The rows of a job, each once, and those that were parked again, as often as they can continue.

    An iterator that may be asked again after its end: more rows may be ready by then. In memory are keys alone.

    Args:
        rows: all rows that are not done, from the first one.
        key: names a row.
        turns: knows which ones can continue.
    """

    def __init__(self, rows: Callable[[], Iterable[Row]], key: Callable[[Row], str], turns: Turns) -> None:
        self._rows, self._key, self._turns = rows, key, turns
        self._source = iter(rows())
        self._parked: dict[frozenset[str], set[str]] = {}

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Row:
        while True:
            for row in self._source:
                return row
            keys = self._take()
            if not keys:
                raise StopIteration
            self._source = (row for row in self._rows() if self._key(row) in keys)

    def park(self, row: Row, waits: frozenset[str]) -> None:
        """A row leaves memory until one of these is ready."""
        self._parked.setdefault(waits, set()).add(self._key(row))
        self._turns.parked.update(waits)

    def _take(self) -> set[str]:
        """The keys of the rows that can continue."""
        ready = [waits for waits in self._parked if self._turns.ready(waits)]
        keys: set[str] = set()
        for waits in ready:
            those = self._parked.pop(waits)
            self._turns.parked -= Counter(dict.fromkeys(waits, len(those)))
            keys |= those
        return keys

    async def turn(self) -> bool:
        """Have something made ready that rows wait for; False where none do."""
        if not self._parked:
            return False
        await self._turns.turn()
        return True
