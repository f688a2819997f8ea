"""What all shards share: a cap on money, and the rates of endpoints. One actor for the run; nothing of Ray in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from reasonmed.cluster.places import read_session, write_session

_WINDOW = 60.0
"""Seconds over which rates are counted: so long a shard that ended keeps its part of them."""


class Begun(NamedTuple):
    """What a shard may spend in this session, and what its predecessor did not account for; USD.

    The latter is negative where the predecessor's open requests were counted above what it was granted.
    """

    granted: float | None
    lost: float


class SharedLimits:
    """Grants slices of the money in advance, and parts of the rates.

    Every slice is on disk before a shard has it, so that no death of anybody gives money twice.

    Args:
        run: the run's folder, with a session of shards in it.
        cap: USD that the whole run may cost; None for no cap.
        spent: USD that it had cost before this session.
        shards: how many there are.
    """

    def __init__(self, run: str, cap: float | None, spent: float, shards: int) -> None:
        self._run, self._cap, self._spent, self._shards = Path(run), cap, spent, shards
        self._session = read_session(self._run)
        self._ended = dict.fromkeys(self._session.done, time.monotonic())

    def begin(self, shard: str, holder: str, found: str | None, used: float, reserved: float = 0.0) -> Begun:
        """A shard is worked on, for the first time or again.

        Args:
            shard: its name.
            holder: who works on it from now on.
            found: whose whole ledger it begins with; None where that is an older copy.
            used: USD that this ledger accounts for.
            reserved: what of that is a bound of requests that were open when the predecessor died.
        """
        session = self._session
        known, last = session.granted.get(shard, 0.0), session.holders.get(shard)
        total = used
        if self._cap is not None and last is not None:
            total = max(used - reserved, min(used, known) if found == last else known)
        session.granted[shard] = total
        session.holders[shard] = holder
        write_session(self._run, session)
        return Begun(None if self._cap is None else total, total - used)

    def more(self, shard: str, holder: str, missing: float) -> float:
        """Grant a shard so much more or a slice for a while; 0 where that is not left."""
        session = self._session
        if self._cap is None or session.holders.get(shard) != holder:
            return 0.0
        left = self._cap - self._spent - sum(session.granted.values())
        if missing > left:
            return 0.0
        slice_ = max(missing, left / (2 * max(1, self._shards - len(self._ended))))
        session.granted[shard] += slice_
        write_session(self._run, session)
        return slice_

    def done(self, shard: str, holder: str, used: float) -> None:
        """A shard ended, and its copy accounts for all that it spent: the rest is free again."""
        session = self._session
        if session.holders.get(shard) != holder:
            return
        session.granted[shard] = used
        if shard not in session.done:
            session.done.append(shard)
        self._ended[shard] = time.monotonic()
        write_session(self._run, session)

    def part(self) -> float:
        """The part of each rate that a shard may use: one of those that are left or ended within the last minute."""
        now = time.monotonic()
        gone = sum(now - at >= _WINDOW for at in self._ended.values())
        return 1 / max(1, self._shards - gone)
