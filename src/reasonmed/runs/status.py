"""Where a run stands, from its ledger alone; may be asked while the run writes."""

from __future__ import annotations

import math
import time
from contextlib import closing
from typing import TYPE_CHECKING, Literal

import msgspec

from reasonmed.documents import Amount, Count, Number
from reasonmed.engine.residency import Turned
from reasonmed.report.statistics.agreement import proportion
from reasonmed.runs.reviews.rates import ReviewRates, rates_in
from reasonmed.runs.samples import equal_samples
from reasonmed.runs.session import last_until, turned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.engine.ledger import Ledger
    from reasonmed.engine.ledger.calls import StageTotal
    from reasonmed.engine.ledger.rows import OutcomeSums
    from reasonmed.runs.directory import RunDirectory

VERSION = 1
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


class PrefixCache(msgspec.Struct, frozen=True):
    """Tokens of a model's prompts, and those that its server did not compute again, with their share."""

    prompt_tokens: Count
    cached_tokens: Count
    share: Number


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


class BatchNow(msgspec.Struct, frozen=True):
    """A batch job: ``state`` is ``collecting``, ``closed``, ``submitting``, ``running``, ``joined`` or ``failed``.

    ``age_s`` is None once it has ended; ``told`` is its result in words.
    """

    id: str | None
    model: str
    provider: str
    state: str
    requests: Count
    answered: Count
    failed: Count
    age_s: Amount | None
    told: str


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
    turns: Turned | None = None
    """What became of the models that take turns in memory; None where all are there at once."""
    prefix_cache: dict[str, PrefixCache] = {}
    """By model, where its server reports it."""
    reviews: ReviewRates | None = None
    """What reviewers found; None where nobody has voted."""
    until_records: Count | None = None
    """Records at which the last session was to begin no further question; None where it was to take all."""
    batches: list[BatchNow] = []
    version: int = VERSION

    @property
    def has_enough(self) -> bool:
        """Whether there are as many records as the last session was to make."""
        return self.until_records is not None and self.records >= self.until_records


class Effort(msgspec.Struct, frozen=True):
    """What a run took so far. Unlike a ``Status`` it is read at once, however many questions there are."""

    state: str
    questions: Count
    done: Count
    calls: Count
    tokens: Count
    spent_usd: Amount | None
    lost_usd: Amount
    demo: bool
    seconds: Amount
    stages: dict[str, StageTotals]


def effort_of(folder: RunDirectory) -> Effort:
    """What a run directory's run took.

    Raises:
        RunDirectoryError: there is no run.
    """
    demo, running = folder.manifest().demo, folder.owner() is not None
    with closing(folder.reader()) as ledger:
        return _effort(ledger, demo=demo, running=running)


def status_of(folder: RunDirectory) -> Status:
    """The status of a run directory.

    Raises:
        RunDirectoryError: there is no run.
    """
    manifest = folder.manifest()
    with closing(folder.reader()) as ledger:
        found = read_status(ledger, demo=manifest.demo, running=folder.owner() is not None)
        return msgspec.structs.replace(found, reviews=rates_in(folder.path, ledger))


def read_status(ledger: Ledger, *, demo: bool, running: bool) -> Status:
    """The status of a ledger that is open already."""
    effort, found = _effort(ledger, demo=demo, running=running), ledger.sums()
    return Status(
        state=effort.state,
        questions=effort.questions,
        succeeded=found.succeeded,
        failures=found.done - found.succeeded,
        unfinished=effort.questions - found.done,
        records=found.records,
        chains={
            "correct": found.right,
            "error": found.wrong,
            "undecided": found.undecided,
            "missing": found.missing,
        },
        tiers=found.tiers,
        reasons=found.reasons,
        calls=effort.calls,
        tokens=effort.tokens,
        spent_usd=effort.spent_usd,
        lost_usd=effort.lost_usd,
        saved=_saved(found, effort.stages),
        demo=effort.demo,
        seconds=effort.seconds,
        stages=effort.stages,
        canaries=_canaries(ledger),
        equal_samples=equal_samples(ledger),
        turns=turned(ledger),
        until_records=last_until(ledger),
        prefix_cache={one.model: prefix_cache(one.prompt, one.cached) for one in ledger.cached()},
        batches=batches_of(ledger, time.time()),
    )


def prefix_cache(prompt: int, cached: int) -> PrefixCache:
    """The use of a prefix cache, from tokens of prompts and those of them that were cached."""
    return PrefixCache(prompt, cached, round(cached / prompt, 4))


def batches_of(ledger: Ledger, now: float) -> list[BatchNow]:
    """The batch jobs of a run, in the order in which they began."""
    return [
        BatchNow(
            one.id,
            one.model,
            one.provider,
            one.state,
            one.requests if one.is_sent else ledger.size_of(one.token).requests,
            one.answered,
            one.failed,
            round(max(0.0, now - one.begun), 1) if one.is_open else None,
            one.problem,
        )
        for one in ledger.batches()
    ]


def _effort(ledger: Ledger, *, demo: bool, running: bool) -> Effort:
    stages = {row.stage: _stage(row) for row in ledger.totals()}
    spent = [stage.spent_usd for stage in stages.values()]
    known = [cost for cost in spent if cost is not None]
    questions, done = ledger.count(), ledger.count_finished()
    finished = ledger.fact("state") == "finished" and done == questions
    return Effort(
        state="running" if running else "finished" if finished else "drained",
        questions=questions,
        done=done,
        calls=sum(stage.calls for stage in stages.values()),
        tokens=sum(stage.prompt_tokens + stage.completion_tokens for stage in stages.values()),
        spent_usd=sum(known) if len(known) == len(spent) else None,
        lost_usd=ledger.usd("lost_usd"),
        demo=demo,
        seconds=_seconds(ledger),
        stages=stages,
    )


def _canaries(ledger: Ledger) -> Canaries | None:
    accepted, rejected, undecided = ledger.canaries()
    planted = accepted + rejected + undecided
    return Canaries(planted, accepted, rejected, undecided, *proportion(accepted, planted)) if planted else None


def _stage(row: StageTotal) -> StageTotals:
    spent = None if row.unpriced else row.cost
    return StageTotals(row.calls, row.reused, row.rejected, row.prompt, row.cached, row.completion, spent, row.seconds)


def _saved(found: OutcomeSums, stages: Mapping[str, StageTotals]) -> dict[Saver, Saving]:
    """What precheck and stop_when_decided saved: verdicts of plain errors, and chains that no tier hung on."""
    savings: dict[Saver, Saving] = {}
    judging = "verify" if "verify" in stages else "verify_steps"
    if found.prechecked:
        savings["precheck"] = _saving(stages, {judging: found.prechecked})
    if found.unsampled:
        savings["stop_when_decided"] = _saving(stages, {"generate": found.unsampled, judging: found.unsampled})
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


def _seconds(ledger: Ledger) -> float:
    """Wall time over all sessions; one that was killed counts up to its last recorded call."""
    last = ledger.last_call()
    return sum((max(0.0, (ended or last or started) - started) for started, ended in ledger.sessions()), 0.0)
