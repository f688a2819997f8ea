"""Where a run stands, from its ledger alone; may be asked while the run writes."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

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


class StageTotals(msgspec.Struct, frozen=True):
    """One stage's recorded calls. ``spent_usd`` is None where a call has no known price."""

    calls: int
    reused: int
    rejected: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    spent_usd: float | None
    seconds: float


class Saving(msgspec.Struct, frozen=True):
    """Requests that were not needed, and what they would have cost at the mean of their stages so far.

    ``tokens`` and ``usd`` are None where there is no such mean: no call of the stage yet, or no known price.
    """

    calls: int
    tokens: int | None
    usd: float | None


class Canaries(msgspec.Struct, frozen=True):
    """Planted chains with broken reasoning: how many the judge let pass, with the share's 95 % Wilson interval."""

    planted: int
    accepted: int
    rejected: int
    undecided: int
    accepted_share: float
    low: float
    high: float


class Status(msgspec.Struct, frozen=True):
    """Where a run stands. ``records`` counts rows of the data set, ``succeeded`` the questions that have any."""

    state: str
    questions: int
    succeeded: int
    failures: int
    unfinished: int
    records: int
    chains: dict[str, int]
    tiers: dict[str, int]
    reasons: dict[str, int]
    calls: int
    tokens: int
    spent_usd: float | None
    lost_usd: float
    """Worst case of tries that ended without a known usage, and of those open at a kill; part of what a cap counts."""
    saved: dict[str, Saving]
    demo: bool
    seconds: float
    stages: dict[str, StageTotals]
    canaries: Canaries | None = None
    """None where the run has none, or none yet."""
    equal_samples: dict[str, int] = {}
    """Models whose chains of thought are equal at every question that has several of them, with these questions."""


def status_of(folder: RunDirectory) -> Status:
    """The status of a run directory.

    Raises:
        RunDirectoryError: there is no run.
    """
    manifest = folder.manifest()
    with closing(folder.reader()) as ledger:
        return read_status(ledger, demo=bool(manifest["demo"]), running=folder.owner() is not None)


def read_status(ledger: Ledger, *, demo: bool, running: bool) -> Status:
    """The status of a ledger that is open already."""
    (questions,) = next(ledger.query("SELECT COUNT(*) FROM items"))
    done, succeeded, records, right, wrong, undecided, missing = next(ledger.query(_OUTCOMES))
    stages = {row[0]: _stage(row[1:]) for row in ledger.query(_TOTALS)}
    spent = [stage.spent_usd for stage in stages.values()]
    known = [cost for cost in spent if cost is not None]
    remembered = ledger.fact("state")
    return Status(
        state="running" if running else "finished" if remembered == "finished" and done == questions else "drained",
        questions=questions,
        succeeded=succeeded,
        failures=done - succeeded,
        unfinished=questions - done,
        records=records,
        chains={"correct": right, "error": wrong, "undecided": undecided, "missing": missing},
        tiers=_counts(ledger, "SELECT tier, COUNT(*) FROM outcomes WHERE tier IS NOT NULL GROUP BY tier"),
        reasons=_counts(ledger, "SELECT reason, COUNT(*) FROM outcomes WHERE reason IS NOT NULL GROUP BY reason"),
        calls=sum(stage.calls for stage in stages.values()),
        tokens=sum(stage.prompt_tokens + stage.completion_tokens for stage in stages.values()),
        spent_usd=sum(known) if len(known) == len(spent) else None,
        lost_usd=float(ledger.fact("lost_usd") or 0.0),
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
    accepted, rejected, undecided = next(ledger.query(_CANARIES))
    planted = accepted + rejected + undecided
    return Canaries(planted, accepted, rejected, undecided, *proportion(accepted, planted)) if planted else None


def _stage(row: tuple[Any, ...]) -> StageTotals:
    calls, reused, rejected, unpriced, prompt, cached, completion, cost, seconds = row
    spent = None if unpriced else cost
    return StageTotals(calls, reused, rejected, prompt, cached, completion, spent, seconds)


def _saved(ledger: Ledger, stages: Mapping[str, StageTotals]) -> dict[str, Saving]:
    """What precheck and stop_when_decided saved: verdicts of plain errors, and chains that no tier hung on."""
    unsampled, prechecked = next(ledger.query(_UNASKED))
    savings = {}
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
    return dict(sorted((name, count) for name, count in ledger.query(sql)))


def _seconds(ledger: Ledger) -> float:
    """Wall time over all sessions; one that was killed counts up to its last recorded call."""
    (last,) = next(ledger.query("SELECT at FROM calls ORDER BY call DESC LIMIT 1"), (None,))
    spans = [(ended or last or started) - started for started, ended in ledger.query(_SESSIONS)]
    return float(sum(max(0.0, span) for span in spans))


_SESSIONS = "SELECT started, ended FROM sessions"
