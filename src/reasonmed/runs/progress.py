"""What anyone may look at while a job runs: the live view, the log, the control socket."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from reasonmed.engine.flow.endpoint import Endpoint
    from reasonmed.engine.flow.traffic import Control

_LONG = 1.0
"""Seconds from which a wait that an endpoint asks for is worth a word."""


class StageNow(Struct):
    """A stage's requests at one moment."""

    done: int
    from_ledger: int
    open: int
    waiting: int
    tokens_in: int
    tokens_out: int


class EndpointNow(Struct):
    """An address at one moment; ``held_s`` are the seconds for which it asked to be left alone."""

    model: str
    address: str
    open: int
    limit: int
    ceiling: int
    state: str
    held_s: float | None


class TurnsNow(Struct):
    """Models that take turns in memory: which are open, how many questions wait for each other one, and switches."""

    open: list[str]
    waiting: dict[str, int]
    switches: int


class Snapshot(Struct, kw_only=True):
    """A job at one moment: counts, rates, money and endpoints."""

    phase: str
    total: int
    done: int
    replies: int
    replies_per_s: float
    tokens_per_s: float
    tokens_written: int
    open: int
    waiting: int
    from_ledger: int
    faults: dict[str, int]
    last_error: str | None
    spent_usd: float | None
    projected_usd: float | None
    elapsed_s: float
    left_s: float | None
    records: int | None = None
    """None where the job is not to end at a number of records."""
    until_records: int | None = None
    stages: dict[str, StageNow]
    endpoints: list[EndpointNow]
    turns: TurnsNow | None
    """None where all models are in memory at once."""
    batches: dict[str, int] = {}
    """Requests ``held`` for batch jobs, those ``submitted``, and the ``batches`` that these are in; empty without."""


@dataclass
class Watch:
    """How a job goes."""

    total: int = 0
    done_before: int = 0
    done: int = 0
    control: Control | None = None
    phase: str = "starting"
    notes: list[str] = field(default_factory=list)
    """What a person should be told, in order: changes since the last session, questions taken in."""
    started: float = field(default_factory=time.monotonic)
    until_records: int | None = None
    """Records at which no further row is begun."""
    records: int = 0
    """Records so far, where the job is to end at a number of them."""
    gained: int = 0
    """Those of this session."""

    @property
    def asked(self) -> bool:
        """Whether anything was done or asked in this session, with or without an answer."""
        meter = self.control.meter if self.control else None
        return bool(self.done or (meter and (meter.faults or any(one.done for one in meter.stages.values()))))

    @property
    def has_enough(self) -> bool:
        """Whether there are as many records as were wanted."""
        return self.until_records is not None and self.records >= self.until_records

    @property
    def so_far(self) -> tuple[int, int]:
        """What is done, and of how much: of the rows, or of the wanted records where these end the job first."""
        rows = (self.done_before + self.done, self.total)
        if self.until_records is None or not self.records:
            return rows
        records = (min(self.records, self.until_records), self.until_records)
        return records if records[0] * rows[1] > rows[0] * records[1] else rows

    def snapshot(self) -> Snapshot:
        """Counts, rates, money and endpoints at this moment."""
        elapsed = max(0.001, time.monotonic() - self.started)
        control = self.control
        stages = control.meter.stages if control else {}
        replies = sum(one.done for one in stages.values())
        written = sum(one.completion_tokens for one in stages.values())
        spent = control.budget_spent() if control else None
        done, of = self.so_far
        return Snapshot(
            phase="paused" if control and control.scheduler.paused else self.phase,
            total=self.total,
            done=self.done_before + self.done,
            replies=replies,
            replies_per_s=round(replies / elapsed, 2),
            tokens_per_s=round(written / elapsed, 1),
            tokens_written=written,
            open=sum(one.in_flight for one in stages.values()),
            waiting=sum(one.waiting for one in stages.values()),
            from_ledger=sum(one.replayed for one in stages.values()),
            faults=dict(sorted(control.meter.faults.items())) if control else {},
            last_error=control.meter.last_error if control else None,
            spent_usd=spent,
            projected_usd=None if spent is None or not self.done else spent / done * of,
            elapsed_s=round(elapsed, 1),
            left_s=self._left(elapsed),
            records=None if self.until_records is None else self.records,
            until_records=self.until_records,
            stages={
                name: StageNow(
                    done=one.done,
                    from_ledger=one.replayed,
                    open=one.in_flight,
                    waiting=one.waiting,
                    tokens_in=one.prompt_tokens,
                    tokens_out=one.completion_tokens,
                )
                for name, one in list(stages.items())
            },
            endpoints=[
                _endpoint(pool.name, one)
                for pool in (control.scheduler.pools if control else ())
                for one in pool.endpoints
            ],
            turns=_turns(control) if control else None,
            batches=dict(control.meter.batched) if control else {},
        )

    def _left(self, elapsed: float) -> float | None:
        """Seconds that are left, by the questions done in this session, or by the records where these end it first."""
        goals = [(self.done, self.total - self.done_before - self.done)]
        if self.until_records is not None:
            goals.append((self.gained, self.until_records - self.records))
        if any(missing <= 0 for _, missing in goals):
            return None
        return min((round(elapsed / made * missing, 1) for made, missing in goals if made), default=None)


def _turns(control: Control) -> TurnsNow | None:
    if control.residency is None:
        return None
    turned = control.residency.turned
    return TurnsNow([*turned.open], dict(sorted(control.turns.parked.items())), turned.switches)


def _endpoint(model: str, endpoint: Endpoint) -> EndpointNow:
    window = endpoint.window
    held = endpoint.held_until - endpoint.clock()
    state = (
        "down"
        if endpoint.breaker.open
        else "held"
        if held >= _LONG
        else "throttled"
        if window.size < window.ceiling
        else "up"
    )
    return EndpointNow(
        model=model,
        address=endpoint.name,
        open=endpoint.in_flight,
        limit=int(window.size),
        ceiling=window.ceiling,
        state=state,
        held_s=round(held, 1) if held >= _LONG else None,
    )
