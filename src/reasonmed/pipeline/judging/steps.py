"""What a judge of steps is worth: planted faults that it finds, at which step, and sound steps that it flags.

A step is *flagged* where its label is not ok, and *faulty* where it holds characters of a planted fault. Steps of one
question resemble each other: all intervals take them together.
"""

from __future__ import annotations

from collections import defaultdict
from math import comb
from statistics import fmean
from typing import TYPE_CHECKING

import msgspec

from reasonmed.documents import Count
from reasonmed.parsing.step_labels import TYPES
from reasonmed.parsing.steps import MOST
from reasonmed.pipeline.judging.shares import Estimate, Share, clustered, estimate
from reasonmed.report.statistics.intervals import CONFIDENCE, standard_error
from reasonmed.report.statistics.krippendorff import alpha_by_cluster
from reasonmed.report.statistics.strata import Strata, Stratum
from reasonmed.report.statistics.students_t import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reasonmed.types import Probe, Question, Step, Verdict


class Found(msgspec.Struct, frozen=True):
    """Planted faults that the judge finds. A case without usable labels is one where it finds nothing."""

    anywhere: Share
    """It flags any step."""
    at_step: Share
    """It flags a faulty step; of the faults that have a place."""
    first: Share
    """The first step that it flags is a faulty one; of the faults that have a place."""
    by_chance: float | None
    """The share at the right step if the same flags fell on steps at random; None where no fault has a place."""


class Alarms(msgspec.Struct, frozen=True):
    """Flagged steps of sound chains, of those whose steps have labels."""

    per_chain: Estimate
    """Their mean number."""
    chains: Share
    """Chains with any."""


class Agreement(msgspec.Struct, frozen=True):
    """Two judges' labels of the same steps: Krippendorff's alpha, with intervals by a bootstrap over questions."""

    judges: tuple[str, str]
    chains: Count
    steps: Count
    labels: Estimate
    """Over ok, error and unsupported."""
    ok: Estimate
    """Over ok and not ok."""


class Located(msgspec.Struct, frozen=True):
    """Whether the first flagged step is the first faulty one, or none is flagged where none is faulty."""

    first_fault: Share
    """Of wrong chains with a marked fault and labels."""
    no_alarm: Share
    """Of sound chains with labels."""
    f1: Estimate
    """The harmonic mean of both."""


class StepCard(msgspec.Struct, frozen=True):
    """A judge of steps on trial. Without ``by_kind``, faults are those of the stratum of broken reasoning."""

    labelled: Share
    """Sound and wrong chains for which usable labels came."""
    sensitivity: Share
    """Faulty steps that it flags: of the steps, not of the chains, that hold a planted fault and have labels."""
    specificity: Share
    """Steps of sound chains that it does not flag, of those that have labels."""
    found: Found
    by_kind: dict[str, Found]
    """By mutation, those that make the answer wrong included."""
    by_type: dict[str, Found]
    """By the type of fault, where the mutation determines it."""
    alarms: Alarms
    second: Agreement | None = None
    """With the recipe's second judge, on these chains; None where it has none."""


def step_card_of(tried: Sequence[tuple[Question, Probe]]) -> StepCard | None:
    """The part of a card that tells of steps; None where no case has labels."""
    cases = [_Case(question, probe) for question, probe in tried if probe.stratum != "injection"]
    if not any(one.steps for one in cases):
        return None
    planted = [one for one in cases if one.is_faulty]
    broken = [one for one in planted if one.probe.stratum == "broken_reasoning"]
    sound = [one for one in cases if one.probe.stratum == "sound" and one.steps]
    kinds = dict.fromkeys(one.probe.kind for one in planted)
    types = {one.probe.fault for one in broken}
    return StepCard(
        labelled=clustered([(one.question, bool(one.steps)) for one in cases]),
        sensitivity=clustered([(one.question, flag) for one in broken for flag in one.flags(faulty=True)]),
        specificity=clustered([(one.question, not flag) for one in sound for flag in one.flags(faulty=False)]),
        found=_found(broken),
        by_kind={kind: _found([one for one in planted if one.probe.kind == kind]) for kind in kinds},
        by_type={name: _found([one for one in broken if one.probe.fault == name]) for name in TYPES if name in types},
        alarms=_alarms(sound),
        second=agreement((one.question, one.probe.verdict) for one in cases),
    )


def located(tried: Sequence[tuple[Question, Probe]]) -> Located | None:
    """How often the judge finds a chain's first fault, and flags nothing in a sound one; None without either."""
    cases = [one for one in (_Case(question, probe) for question, probe in tried) if one.steps]
    faulty = [(one.question, one.first_is_first) for one in cases if one.is_faulty and any(one.faulty)]
    sound = [(one.question, not any(one.flagged)) for one in cases if one.probe.stratum == "sound"]
    if not faulty or not sound:
        return None
    mean = Strata([Stratum(len(faulty), faulty), Stratum(len(sound), sound)]).value(_harmonic)
    return Located(clustered(faulty), clustered(sound), Estimate(None, 0.0, 1.0) if mean is None else estimate(mean))


def _harmonic(shares: Sequence[float]) -> float | None:
    first, second = shares
    return 2 * first * second / (first + second) if first + second else 0.0


def agreement(judged: Iterable[tuple[str, Verdict | None]]) -> Agreement | None:
    """How far a judge and a second one agree on steps; None where no chain has labels of both.

    Args:
        judged: chains' verdicts, each with the id of its question.
    """
    pairs: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    chains, judges = 0, ("", "")
    for question, verdict in judged:
        second = next((one for one in verdict.opinions if one.kind == "second"), None) if verdict else None
        if verdict is None or second is None or not verdict.steps or not second.steps:
            continue
        chains, judges = chains + 1, (verdict.judge, second.model)
        pairs[question] += [(one.label, other.label) for one, other in zip(verdict.steps, second.steps, strict=True)]
    if not chains:
        return None
    told = list(pairs.values())
    return Agreement(
        judges=judges,
        chains=chains,
        steps=sum(map(len, told)),
        labels=estimate(alpha_by_cluster(told)),
        ok=estimate(alpha_by_cluster([[(one == "ok", other == "ok") for one, other in steps] for steps in told])),
    )


class _Case:
    """A judged chain with its labels: which steps are flagged, and which hold a planted fault."""

    def __init__(self, question: Question, probe: Probe) -> None:
        self.question, self.probe = question.id, probe
        self.steps: tuple[Step, ...] = probe.verdict.steps if probe.verdict is not None else ()
        self.flagged = [step.label != "ok" for step in self.steps]
        self.faulty = [_overlaps(step, probe.spans) for step in self.steps]

    @property
    def is_faulty(self) -> bool:
        """Whether it holds a fault that was planted, or that people found."""
        return self.probe.known == "planted" or (self.probe.known == "human" and self.probe.stratum != "sound")

    def flags(self, *, faulty: bool) -> list[bool]:
        """Whether each of the faulty steps, or of the others, is flagged."""
        return [flag for flag, one in zip(self.flagged, self.faulty, strict=True) if one == faulty]

    @property
    def at_step(self) -> bool:
        return any(self.flags(faulty=True))

    @property
    def first(self) -> bool:
        return any(self.flagged) and self.faulty[self.flagged.index(True)]

    @property
    def first_is_first(self) -> bool:
        """Whether the first flagged step is the first faulty one."""
        return any(self.flagged) and self.flagged.index(True) == self.faulty.index(True)

    @property
    def by_chance(self) -> float:
        """The chance that one of as many flags falls on a faulty step."""
        steps, flags, others = len(self.steps), sum(self.flagged), self.faulty.count(False)
        return 1 - comb(others, flags) / comb(steps, flags)


def _overlaps(step: Step, spans: Sequence[tuple[int, int]]) -> bool:
    return any(step.start < end and start < step.end for start, end in spans)


def _found(cases: Sequence[_Case]) -> Found:
    placed = [one for one in cases if one.probe.spans]
    return Found(
        anywhere=clustered([(one.question, any(one.flagged)) for one in cases]),
        at_step=clustered([(one.question, one.at_step) for one in placed]),
        first=clustered([(one.question, one.first) for one in placed]),
        by_chance=fmean(one.by_chance for one in placed) if placed else None,
    )


def _alarms(sound: Sequence[_Case]) -> Alarms:
    return Alarms(
        per_chain=_mean([sum(one.flagged) for one in sound], [one.question for one in sound]),
        chains=clustered([(one.question, any(one.flagged)) for one in sound]),
    )


def _mean(counts: Sequence[int], questions: Sequence[str]) -> Estimate:
    """The mean of counts; its error is never less than that of a single flag, so that few chains do not show none."""
    if not counts:
        return Estimate(None, 0.0, float(MOST))
    mean, clusters = fmean(counts), len(set(questions))
    if clusters == 1:
        return Estimate(mean, 0.0, float(MOST))
    error = max(standard_error(counts, questions), 1 / (clusters + 2))
    half = quantile(CONFIDENCE, clusters - 1) * error
    return Estimate(mean, max(0.0, mean - half), mean + half)
