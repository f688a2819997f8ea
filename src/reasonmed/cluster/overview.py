"""One live view of all shards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.runs.progress import EndpointNow, StageNow, Watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.runs.progress import Snapshot

_STATES = ("up", "throttled", "held", "down")


@dataclass
class Overview(Watch):
    """How a run goes whose shards are worked on elsewhere; once they have ended, that of the rest."""

    shards: dict[str, Snapshot] = field(default_factory=dict)
    """What each of them said last."""
    spent_before: float | None = None
    """USD that the run had cost before."""

    @property
    def asked(self) -> bool:
        """Whether anything was done or asked in this session."""
        return super().asked or any(one.done or one.replies for one in self.shards.values())

    def snapshot(self) -> Snapshot:
        """Sums over all shards at this moment."""
        own = super().snapshot()
        parts = list(self.shards.values())
        if not parts or self.control is not None:
            return own
        done = self.done_before + sum(one.done for one in parts)
        costs = [one.spent_usd for one in parts]
        known = [cost for cost in costs if cost is not None]
        spent = sum(known) + self.spent_before if len(known) == len(costs) and self.spent_before is not None else None
        replies, written = (sum(getattr(one, name) for one in parts) for name in ("replies", "tokens_written"))
        gone = done - self.done_before
        return replace(
            own,
            done=done,
            replies=replies,
            replies_per_s=round(replies / max(own.elapsed_s, 0.001), 2),
            tokens_per_s=round(written / max(own.elapsed_s, 0.001), 1),
            tokens_written=written,
            open=sum(one.open for one in parts),
            waiting=sum(one.waiting for one in parts),
            from_ledger=sum(one.from_ledger for one in parts),
            faults=dict(sorted(sum((Counter(one.faults) for one in parts), Counter()).items())),
            last_error=next((one.last_error for one in parts if one.last_error), None),
            spent_usd=spent,
            projected_usd=None if spent is None or not done else spent / done * self.total,
            left_s=round(own.elapsed_s / gone * (self.total - done), 1) if gone and done < self.total else None,
            stages=_stages(parts),
            endpoints=_endpoints(parts),
        )


def _stages(parts: Iterable[Snapshot]) -> dict[str, StageNow]:
    sums: dict[str, StageNow] = {}
    for one in parts:
        for name, stage in one.stages.items():
            so_far = sums.get(name)
            values = [getattr(stage, each) for each in StageNow.__struct_fields__]
            before = [getattr(so_far, each) for each in StageNow.__struct_fields__] if so_far else [0] * len(values)
            sums[name] = StageNow(*map(sum, zip(values, before, strict=True)))
    return sums


def _endpoints(parts: Iterable[Snapshot]) -> list[EndpointNow]:
    """Each address once, with the requests of all shards and the worst of their states."""
    sums: dict[tuple[str, str], EndpointNow] = {}
    for one in parts:
        for each in one.endpoints:
            name = (each.model, each.address)
            other = sums.get(name)
            sums[name] = each if other is None else _both(other, each)
    return list(sums.values())


def _both(one: EndpointNow, other: EndpointNow) -> EndpointNow:
    held = [each.held_s for each in (one, other) if each.held_s is not None]
    return replace(
        one,
        open=one.open + other.open,
        limit=one.limit + other.limit,
        ceiling=one.ceiling + other.ceiling,
        state=max(one.state, other.state, key=_STATES.index),
        held_s=max(held, default=None),
    )
