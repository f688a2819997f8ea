"""The part of a judge card that people's labels make: what a run's own verdicts are worth, in two halves of the run.

Thresholds and prompts are tuned on *dev*; the numbers that count are those of *test*. Both are weighted by how many
chains of the half each verdict has, since rejected chains are drawn more often than accepted ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from reasonmed.documents import Count
from reasonmed.pipeline.judging.shares import Estimate, Share
from reasonmed.pipeline.judging.steps import Located, StepCard
from reasonmed.types import digest

if TYPE_CHECKING:
    from reasonmed.types import Verdict

Half = Literal["dev", "test"]
LABELS = "human"


class Worth(msgspec.Struct, frozen=True):
    """A judge on some chains. Shares without a value are not known: nothing that shows them was drawn."""

    cases: Count
    sensitivity: Share
    """Right chains that it accepts."""
    specificity: Share
    """Wrong chains that it rejects."""
    ppv: Share
    """Accepted chains that are right."""
    kappa: Estimate


class Labeled(msgspec.Struct, frozen=True):
    """One half: the judge on all of its chains, and on parts of them."""

    questions: Count
    """Of the half that were labeled."""
    all: Worth
    right: dict[str, Share]
    """Chains that reviewers call right, by the judge's verdict."""
    records: Share
    """Records that reviewers call right; all of them are chains or rewrites that passed the judge."""
    by: dict[str, dict[str, Worth]]
    """By tier, source and model of the chain."""
    unknown: list[str] = []
    """What cannot be known from these labels, in sentences."""
    steps: StepCard | None = None
    located: Located | None = None


class Human(msgspec.Struct, frozen=True):
    """People's labels: reviewers by role, and both halves."""

    roles: dict[str, Count]
    dev: Labeled
    test: Labeled


def half_of(question_id: str) -> Half:
    """The half that a question belongs to, in every card of it."""
    return "dev" if int(digest(("judge card", question_id), 1), 16) % 2 else "test"


def own_word(verdict: Verdict | None) -> str | None:
    """What the judge itself said in a run, also where another reader changed the verdict; None where it was not asked.

    An error that was seen from the chain's answer is no word of a judge.
    """
    if verdict is None or verdict.prechecked:
        return None
    return next((one.outcome for one in verdict.opinions if one.kind == "judge"), verdict.outcome)
