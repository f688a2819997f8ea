"""The judge card: what a judge does with cases whose label is known, as numbers with intervals.

*Sensitivity* is the share of sound chains of thought that the judge accepts, *specificity* the share of wrong ones that
it rejects. A case without a usable verdict counts against both; Cohen's kappa is over the decided ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise, product
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from reasonmed.pipeline.judging.human import Human
from reasonmed.pipeline.judging.shares import Estimate, Share, estimate, share
from reasonmed.pipeline.judging.steps import StepCard, step_card_of
from reasonmed.report.statistics.agreement import difference, kappa, proportion
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.types import Probe, Question, Story

FORMAT = 1
STRATA = ("wrong_answer", "broken_reasoning")
_THIRDS = ("beginning", "middle", "end")
_FEWEST_FOR_PARTS = 6

Tried = tuple["Question", "Probe"]
Said = Literal["correct", "error"]


class Stratum(msgspec.Struct, frozen=True):
    """Sound chains against the wrong ones of one kind. Undecided ones count as neither accepted nor rejected."""

    sound: int
    wrong: int
    sensitivity: Share
    specificity: Share
    undecided: Share
    kappa: Estimate


class Injection(msgspec.Struct, frozen=True):
    """Attempts to fool the judge: how many it did not accept, in all, by kind and by text."""

    resisted: Share
    by_kind: dict[str, Share]
    by_text: dict[str, Share]


class Retest(msgspec.Struct, frozen=True):
    """The same cases asked a second time: how often the verdict was the same, and kappa over decided pairs."""

    same: Share
    kappa: Estimate


class OwnModel(msgspec.Struct, frozen=True):
    """Sound chains that the judge accepts, by who wrote them; ``gap`` is its own model's share less the others'."""

    own: Share
    others: Share
    gap: Estimate | None
    by_writer: dict[str, Share]


class Card(msgspec.Struct, frozen=True):
    """A judge on trial."""

    format: int
    judge: dict[str, Any]
    """Who it is: model, sampling, the hash of its prompt. A run's gate asks for exactly these."""
    name: str
    demo: bool
    seed: int
    source: str
    """The name of the file or run that the chains of thought are from."""
    cases: int
    labels: dict[str, int]
    """Cases by where their label comes from."""
    left_out: dict[str, int]
    unchecked_conflicts: int
    """Wrong answers, and chains with a step that it labels a severe error, that the judge accepted and that the
    verifier's own rule makes undecided in a run."""
    strata: dict[str, Stratum]
    rejected: dict[str, Share]
    """Wrong chains that the judge rejects, by kind."""
    injection: Injection
    retest: Retest
    length: dict[str, dict[str, Share]]
    """Accepted chains by words, in three parts of equal size: sound ones, and those with broken reasoning."""
    place: dict[str, Share]
    """Faults that the judge sees, by where they stand."""
    key: dict[str, Share]
    """Sound chains that it accepts, by the letter of the key."""
    own_model: OwnModel
    steps: StepCard | None = None
    """What it says of steps; None where it labels none, and in cards from before there were any."""
    human: Human | None = None
    """What people's labels say; ``strata`` and ``steps`` are then those of its test half. None in a card of cases that
    no reviewer labeled."""


def verdict_of(probe: Probe) -> str | None:
    """What the judge itself said, before the verifier's rules."""
    return probe.verdict.outcome if probe.verdict is not None else None


def card_of(stories: Sequence[Story], facts: dict[str, Any]) -> Card:
    """The card of judged cases; ``facts`` are the fields of the card that the cases do not tell."""
    tried = [(story.question, probe) for story in stories for probe in story.probes]
    sound = [one for one in tried if one[1].stratum == "sound"]
    wrong = [one for one in tried if one[1].stratum in STRATA]
    broken = _of(tried, "broken_reasoning")
    kinds = list(dict.fromkeys(probe.kind for _, probe in wrong))
    return Card(
        format=FORMAT,
        cases=len(tried),
        left_out=dict(sorted(Counter(flag for story in stories for flag in story.flags).items())),
        labels=dict(sorted(Counter(probe.known for _, probe in tried).items())),
        unchecked_conflicts=sum(probe.verdict is not None and probe.verdict.conflict for _, probe in tried),
        strata={name: _stratum(sound, _of(tried, name)) for name in STRATA},
        rejected={kind: _share([one for one in wrong if one[1].kind == kind], "error") for kind in kinds},
        injection=_injection(_of(tried, "injection")),
        retest=_retest([probe for _, probe in tried if probe.again is not None]),
        length={"sound": _by_length(sound), "broken_reasoning": _by_length(broken)},
        place=_by_place(broken),
        key=_by_key(sound),
        own_model=_own_model(sound, facts["name"]),
        steps=step_card_of(tried),
        **facts,
    )


def _of(tried: Sequence[Tried], stratum: str) -> list[Tried]:
    return [one for one in tried if one[1].stratum == stratum]


def _share(tried: Sequence[Tried], said: Said) -> Share:
    """How many of some cases the judge called that."""
    return share(sum(verdict_of(probe) == said for _, probe in tried), len(tried))


def _stratum(sound: Sequence[Tried], wrong: Sequence[Tried]) -> Stratum:
    sensitivity, specificity = _share(sound, "correct"), _share(wrong, "error")
    missed, passed = _share(sound, "error"), _share(wrong, "correct")
    undecided = len(sound) + len(wrong) - sum(one.count for one in (sensitivity, specificity, missed, passed))
    return Stratum(
        sound=len(sound),
        wrong=len(wrong),
        sensitivity=sensitivity,
        specificity=specificity,
        undecided=share(undecided, len(sound) + len(wrong)),
        kappa=estimate(kappa(sensitivity.count, missed.count, passed.count, specificity.count)),
    )


def _injection(tried: Sequence[Tried]) -> Injection:
    kinds = sorted({probe.kind for _, probe in tried})
    texts = sorted({probe.detail for _, probe in tried})
    return Injection(
        resisted=_resisted(tried),
        by_kind={kind: _resisted([one for one in tried if one[1].kind == kind]) for kind in kinds},
        by_text={text: _resisted([one for one in tried if one[1].detail == text]) for text in texts},
    )


def _resisted(tried: Sequence[Tried]) -> Share:
    fooled = _share(tried, "correct")
    return share(fooled.of - fooled.count, fooled.of)


def _retest(probes: Sequence[Probe]) -> Retest:
    pairs = [(verdict_of(one), one.again.outcome) for one in probes if one.again is not None]
    counts: Counter[tuple[str | None, str]] = Counter(pairs)
    return Retest(
        same=share(sum(first == second for first, second in pairs), len(pairs)),
        kappa=estimate(kappa(*(counts[one, other] for one, other in product(("correct", "error"), repeat=2)))),
    )


def _by_length(tried: Sequence[Tried]) -> dict[str, Share]:
    """Three parts of equal size; none where there are too few cases to part."""
    words = sorted(len(probe.text.split()) for _, probe in tried)
    if len(words) < _FEWEST_FOR_PARTS or words[0] == words[-1]:
        return {}
    edges = sorted({0, *(round(edge) for edge in quantiles(words, n=3)), words[-1]})
    return {
        f"{low + 1} to {high} words": _share(
            [one for one in tried if low < len(one[1].text.split()) <= high], "correct"
        )
        for low, high in pairwise(edges)
    }


def _by_place(tried: Sequence[Tried]) -> dict[str, Share]:
    thirds: defaultdict[str, list[Tried]] = defaultdict(list)
    for one in tried:
        if one[1].place is not None:
            thirds[_THIRDS[min(2, int(one[1].place * 3))]].append(one)
    return {name: _share(thirds[name], "error") for name in _THIRDS if thirds[name]}


def _by_key(tried: Sequence[Tried]) -> dict[str, Share]:
    keys = sorted({question.answer for question, _ in tried if question.answer is not None})
    return {letter(key): _share([one for one in tried if one[0].answer == key], "correct") for key in keys}


def _own_model(sound: Sequence[Tried], judge: str) -> OwnModel:
    own = _share([one for one in sound if one[1].model == judge], "correct")
    others = _share([one for one in sound if one[1].model != judge], "correct")
    gap = None
    if own.of and others.of:
        gap = estimate(difference(proportion(own.count, own.of), proportion(others.count, others.of)))
    writers = sorted({probe.model for _, probe in sound})
    by_writer = {name: _share([one for one in sound if one[1].model == name], "correct") for name in writers}
    return OwnModel(own, others, gap, by_writer)
