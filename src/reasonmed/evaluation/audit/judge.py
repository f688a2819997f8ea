"""Who judges an audit: a model as evaluations name them, sampled as its recipe says, with its judge card if given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Document
from reasonmed.errors import UsageError
from reasonmed.evaluation.audit.facts import JudgeCard
from reasonmed.evaluation.audit.job import Auditor
from reasonmed.evaluation.models import Candidate, candidate
from reasonmed.pipeline.judging.card import FORMAT
from reasonmed.recipe.identity import differences
from reasonmed.recipe.options import Verify

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.recipe.options import Recipe

DEFAULT = 200
"""Questions whose answers are judged."""


class _Card(Struct):
    """As much of a judge card as an audit is corrected by."""

    format: int
    judge: dict[str, object]
    steps: JudgeCard | None = None


_CARD = Document(
    "judge card",
    _Card,
    UsageError,
    "make one with `reasonmed judge-card` and verify: {steps: true}",
    ("format", (FORMAT,)),
)


def auditor(
    questions: int | None, judge: str | Candidate | None, recipe: Recipe | None = None, card: Path | None = None
) -> Auditor | None:
    """Who audits by these options; None where none of them is given.

    A model that is the recipe's judge is sampled as the recipe says, another one as ``verify`` by default.

    Raises:
        UsageError: an option lacks another one, there is no such model, or the card is none or of another judge.
    """
    if judge is None:
        if questions is None and card is None:
            return None
        raise UsageError("--audit-steps and --judge-card need --judge NAME, the model that judges the steps")
    name = judge.name if isinstance(judge, Candidate) else judge
    verify = recipe.stages.verify if recipe is not None else None
    made = Auditor(
        judge=judge if isinstance(judge, Candidate) else candidate(judge, recipe, "--judge"),
        questions=DEFAULT if questions is None else questions,
        options=verify if verify is not None and verify.model == name else Verify(model=name),
        card=None,
    )
    return made if card is None else made.with_card(_counts(card, made))


def _counts(path: Path, audit: Auditor) -> JudgeCard:
    """What a card says of the judge's labels of steps."""
    file = path / "judge_card.json" if path.is_dir() else path
    try:
        found = _CARD.read(file)
    except OSError as unread:
        raise UsageError(f"--judge-card {path} cannot be read: {unread.strerror or unread}") from unread
    others = list(differences(found.judge, audit.identity))
    if others:
        raise UsageError(
            f"--judge-card {path}: it is of another judge: {'; '.join(others)}. Give -r with the recipe of the card, "
            "or make a card of this judge with `reasonmed judge-card`"
        )
    if found.steps is None:
        raise _CARD.refuse(file, "it says nothing of steps")
    return found.steps
