"""Where a run stands, from its ledger alone; may be asked while the run writes."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from reasonmed.documents import Amount, Count, Number
from reasonmed.report.statistics.agreement import proportion
from reasonmed.runs.samples import equal_samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.directory import RunDirectory

_OUTCOMES = """
SELECT COUNT(*), COALESCE(SUM(reason IS NULL), 0), COALESCE(SUM(records), 0), COALESCE(SUM(right), 0),
  COALESCE(SUM(wrong), 0), COALESCE(SUM(undecided), 0), COALESCE(SUM(missing), 0) FROM outcomes
"""
_UNASKED = "SELECT COALESCE(SUM(unsampled), 0), COALESCE(SUM(prechecked), 0) FROM outcomes"
_CANARIES = """
SELECT COALESCE(SUM(accepted), 0), COALESCE(SUM(rejected), 0), COALESCE(SUM(canaries.undecided), 0)
FROM canaries JOIN outcomes USING (id)
"""
_TOTALS = """
SELECT stage, SUM(calls), SUM(reused), SUM(rejected), SUM(unpriced), SUM(prompt_tokens), SUM(cached_tokens),
  SUM(completion_tokens), SUM(cost), SUM(seconds) FROM totals GROUP BY stage
"""


class _Counted(NamedTuple):
    done: Count
    succeeded: Count
    records: Count
    right: Count
    wrong: Count
    undecided: Count
    missing: Count


class _Summed(NamedTuple):
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


Saver = Literal["precheck", "stop_when_decided"]
"""An option that saves requests."""


class StageTotals(msgspec.Struct, frozen=True):
    """One stage's recorded calls. ``spent_usd`` is None where a call has no known price."""

    calls: Count
    reused: Count
    rejected: Count
    prompt_tokens: Count
    cached_tokens: Count
    completion_tokens: Count
    spent_usd: Amount | None
    seconds: Amount


class Saving(msgspec.Struct, frozen=True):
    """Requests that were not needed, and what they would have cost at the mean of their stages so far.

    ``tokens`` and ``usd`` are None where there is no such mean: no call of the stage yet, or no known price.
    """

    calls: Count
    tokens: Count | None
    usd: Amount | None


class Canaries(msgspec.Struct, frozen=True):
    """Planted chains with broken reasoning: how many the judge let pass, with the share's 95 % Wilson interval."""

    planted: Count
    accepted: Count
    rejected: Count
    undecided: Count
    accepted_share: Number
    low: Number
    high: Number


class Status(msgspec.Struct, frozen=True):
    """Where a run stands. ``records`` counts rows of the data set, ``succeeded`` the questions that have any."""

    state: str
    questions: Count
    succeeded: Count
    failures: Count
    unfinished: Count
    records: Count
    chains: dict[str, Count]
    tiers: dict[str, Count]
    reasons: dict[str, Count]
    calls: Count
    tokens: Count
    spent_usd: Amount | None
    lost_usd: Amount
    """Worst case of tries that ended without a known usage, and of those open at a kill; part of what a cap counts."""
    saved: dict[Saver, Saving]
    demo: bool
    seconds: Amount
    stages: dict[str, StageTotals]
    canaries: Canaries | None = None
    """None where the run has none, or none yet."""
    equal_samples: dict[str, Count] = {}
    """Models whose chains of thought are equal at every question that has several of them, with these questions."""


def status_of(folder: RunDirectory) -> Status:
    """The status of a run directory.

    Raises:
        RunDirectoryError: there is no run.
    """
    manifest = folder.manifest()
    with closing(folder.reader()) as ledger:
        return read_status(ledger, demo=manifest.demo, running=folder.owner() is not None)


def read_status(ledger: Ledger, *, demo: bool, running: bool) -> Status:
    """The status of a ledger that is open already."""
    (questions,) = next(ledger.query("SELECT COUNT(*) FROM items", shape=tuple[Count]))
    found = next(ledger.query(_OUTCOMES, shape=_Counted))
    stages = {row.stage: _stage(row) for row in ledger.query(_TOTALS, shape=_Summed)}
    spent = [stage.spent_usd for stage in stages.values()]
    known = [cost for cost in spent if cost is not None]
    finished = ledger.fact("state") == "finished" and found.done == questions
    return Status(
        state="running" if running else "finished" if finished else "drained",
        questions=questions,
        succeeded=found.succeeded,
        failures=found.done - found.succeeded,
        unfinished=questions - found.done,
        records=found.records,
        chains={
            "correct": found.right,
            "error": found.wrong,
            "undecided": found.undecided,
            "missing": found.missing,
        },
        tiers=_counts(ledger, "SELECT tier, COUNT(*) FROM outcomes WHERE tier IS NOT NULL GROUP BY tier"),
        reasons=_counts(ledger, "SELECT reason, COUNT(*) FROM outcomes WHERE reason IS NOT NULL GROUP BY reason"),
        calls=sum(stage.calls for stage in stages.values()),
        tokens=sum(stage.prompt_tokens + stage.completion_tokens for stage in stages.values()),
        spent_usd=sum(known) if len(known) == len(spent) else None,
        lost_usd=ledger.usd("lost_usd"),
        saved=_saved(ledger, stages),
        demo=demo,
        seconds=_seconds(ledger),
        stages=stages,
        canaries=_canaries(ledger),
        equal_samples=equal_samples(ledger),
    )


def _canaries(ledger: Ledger) -> Canaries | None:
    if not next(ledger.query("SELECT 1 FROM sqlite_master WHERE name = 'canaries'"), None):
        return None
    accepted, rejected, undecided = next(ledger.query(_CANARIES, shape=tuple[Count, Count, Count]))
    planted = accepted + rejected + undecided
    return Canaries(planted, accepted, rejected, undecided, *proportion(accepted, planted)) if planted else None


def _stage(row: _Summed) -> StageTotals:
    spent = None if row.unpriced else row.cost
    return StageTotals(row.calls, row.reused, row.rejected, row.prompt, row.cached, row.completion, spent, row.seconds)


def _saved(ledger: Ledger, stages: Mapping[str, StageTotals]) -> dict[Saver, Saving]:
    """What precheck and stop_when_decided saved: verdicts of plain errors, and chains that no tier hung on."""
    unsampled, prechecked = next(ledger.query(_UNASKED, shape=tuple[Count, Count]))
    savings: dict[Saver, Saving] = {}
    if prechecked:
        savings["precheck"] = _saving(stages, {"verify": prechecked})
    if unsampled:
        savings["stop_when_decided"] = _saving(stages, {"generate": unsampled, "verify": unsampled})
    return savings


def _saving(stages: Mapping[str, StageTotals], unasked: Mapping[str, int]) -> Saving:
    tokens, usd = 0.0, 0.0
    calls = sum(unasked.values())
    for name, count in unasked.items():
        stage = stages.get(name)
        if stage is None or not stage.calls:
            return Saving(calls, None, None)
        tokens += count * (stage.prompt_tokens + stage.completion_tokens) / stage.calls
        usd = math.nan if stage.spent_usd is None else usd + count * stage.spent_usd / stage.calls
    return Saving(calls, round(tokens), None if math.isnan(usd) else usd)


def _counts(ledger: Ledger, sql: str) -> dict[str, int]:
    return dict(sorted(ledger.query(sql, shape=tuple[str, Count])))


def _seconds(ledger: Ledger) -> float:
    """Wall time over all sessions; one that was killed counts up to its last recorded call."""
    (last,) = next(ledger.query("SELECT at FROM calls ORDER BY call DESC LIMIT 1", shape=tuple[Number]), (None,))
    sessions = ledger.query(_SESSIONS, shape=tuple[Number, Number | None])
    return sum((max(0.0, (ended or last or started) - started) for started, ended in sessions), 0.0)


_SESSIONS = "SELECT started, ended FROM sessions"
