"""What people's labels say of a judge, for people: both halves side by side, then the test half in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.pipeline.judging.sections import Section, estimated, told
from reasonmed.report.markdown import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.pipeline.judging.human import Human, Labeled, Worth

_NOTE = (
    "Labels are the majority of reviewers; a text on which they are split is left out. Tune thresholds and prompts "
    "on dev, and the numbers that count are those of test. Sensitivity, specificity and kappa are weighted by how many "
    "chains of the half each verdict has, so they are not the plain shares of the counts beside them. Accepted and "
    "right: of the chains that the judge accepts."
)


def facts_of(human: Human) -> Iterator[str]:
    """What a reader must know before the numbers."""
    roles = ", ".join(f"{role} {number:,}" for role, number in human.roles.items())
    reviewers = count(sum(human.roles.values()), "reviewer")
    yield f"Labels: by {reviewers} ({roles}) on texts of the run that were drawn at random"
    yield "What is measured: the judge's own verdicts in the run; no request was made"
    for name, half in (("dev", human.dev), ("test", human.test)):
        for line in half.unknown:
            yield f"{name}: {line}"


def of_human(human: Human) -> Iterator[Section]:
    """The halves, and the test half by verdict and by part."""
    halves = (human.dev, human.test)
    rows = [
        ("labeled chains", *(str(half.all.cases) for half in halves)),
        ("sensitivity", *(told(half.all.sensitivity) for half in halves)),
        ("specificity", *(told(half.all.specificity) for half in halves)),
        ("accepted and right", *(told(half.all.ppv) for half in halves)),
        ("Cohen's kappa", *(estimated(half.all.kappa) for half in halves)),
        ("records that are right", *(told(half.records) for half in halves)),
        *_located(halves),
    ]
    yield Section("Against people's labels", _NOTE, ("", "dev", "test"), rows)
    verdicts = [(name, told(one)) for name, one in human.test.right.items()]
    if verdicts:
        yield Section("Right, by the judge's verdict", "Of the test half.", ("verdict", "right"), verdicts)
    parts = [_part(name, part, one) for name, of in human.test.by.items() for part, one in of.items()]
    if parts:
        columns = ("by", "", "chains", "sensitivity", "specificity", "accepted and right")
        yield Section("By part", "Of the test half.", columns, parts)


def _located(halves: tuple[Labeled, ...]) -> Iterator[tuple[str, ...]]:
    if any(half.located for half in halves):
        found = [half.located for half in halves]
        yield ("first faulty step found", *("none counted" if one is None else told(one.first_fault) for one in found))
        yield (
            "no step flagged in sound ones",
            *("none counted" if one is None else told(one.no_alarm) for one in found),
        )
        yield ("F1 of both", *("not defined" if one is None else estimated(one.f1) for one in found))


def _part(name: str, part: str, one: Worth) -> tuple[str, ...]:
    return (name, part, str(one.cases), told(one.sensitivity), told(one.specificity), told(one.ppv))
