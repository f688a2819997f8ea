"""The gate: a run that asks for a judge card goes on only with a card of this judge above its thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.documents import Document
from reasonmed.errors import RecipeError, UsageError
from reasonmed.pipeline.judging.card import FORMAT, STRATA, Card
from reasonmed.pipeline.judging.human import LABELS
from reasonmed.recipe.identity import differences, judge_identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reasonmed.pipeline.judging.steps import StepCard
    from reasonmed.recipe.options import Recipe, RequireJudgeCard

CARD = Document("judge card", Card, UsageError, "make one with `reasonmed judge-card`", ("format", (FORMAT,)))
_PLACE = "stages.verify.require_judge_card"


def read_card(path: Path) -> Card:
    """A card from its JSON file.

    Raises:
        UsageError: there is no such file, or it is no judge card of this format.
    """
    try:
        card = CARD.read(path)
    except OSError as unread:
        told = f"the judge card {path} cannot be read: {unread.strerror or unread}"
        raise UsageError(f"{told}; make one with `reasonmed judge-card`") from unread
    missing = [name for name in STRATA if name not in card.strata]
    if missing or not {"temperature", "prompt"} <= card.judge.keys():
        raise CARD.refuse(path, f"it says nothing of {missing[0] if missing else 'its temperature or prompt'}")
    return card


def check_judge(recipe: Recipe) -> None:
    """See that the recipe's judge has the card that the recipe asks for.

    Raises:
        RecipeError: the card is of another judge, or below a threshold; every reason is said.
        UsageError: there is no card.
    """
    verify = recipe.stages.verify
    wanted = verify.require_judge_card if verify else None
    if wanted is None:
        return
    problems = list(_problems(read_card(wanted.file), wanted, recipe))
    if problems:
        raise RecipeError(problems, str(wanted.file))


def _problems(card: Card, wanted: RequireJudgeCard, recipe: Recipe) -> Iterator[str]:
    for change in differences(card.judge, judge_identity(recipe)):
        yield f"{_PLACE}: the card is of another judge: {change}; make a card of this one with `reasonmed judge-card`"
    yield from _problems_of_labels(card, wanted)
    found = card.strata["broken_reasoning"]
    for name in ("sensitivity", "specificity"):
        one, least = getattr(found, name), getattr(wanted, name)
        if one.share is None:
            yield f"{_PLACE}.{name}: the card has no case that shows it; {least} is asked for"
        elif one.share < least:
            yield f"{_PLACE}.{name}: {one.share:.3f} ({one.count} of {one.of}) on broken reasoning is below {least}"
    if recipe.stages.verify is not None and recipe.stages.verify.steps is True:
        yield from _problems_of_steps(card.steps, wanted)


def _problems_of_labels(card: Card, wanted: RequireJudgeCard) -> Iterator[str]:
    if wanted.labels == LABELS and card.human is None:
        said = ", ".join(f"{count} {name}" for name, count in card.labels.items()) or "none"
        yield (
            f"{_PLACE}.labels: the card's labels are not of reviewers ({said}); review a run of this judge with "
            "`reasonmed view RUN`, then make its card with `reasonmed judge-card RUN --from-review`"
        )
    if wanted.n is not None and card.cases < wanted.n:
        more = (
            "review more chains that are drawn at random, then make the card again with `reasonmed judge-card RUN "
            "--from-review`"
            if wanted.labels == LABELS
            else "make one of more chains with `reasonmed judge-card`"
        )
        yield f"{_PLACE}.n: the card has {card.cases} labeled chains, and {wanted.n} are asked for; {more}"


def _problems_of_steps(steps: StepCard | None, wanted: RequireJudgeCard) -> Iterator[str]:
    if steps is None:
        yield (
            f"{_PLACE}: the card has no figures on steps, and stages.verify.steps is true; make a card of this judge "
            "of steps with `reasonmed judge-card`"
        )
        return
    least, found = wanted.step_sensitivity, steps.found.at_step
    if least is not None and found.share is None:
        yield f"{_PLACE}.step_sensitivity: the card has no fault with a place; {least} is asked for"
    elif least is not None and found.share is not None and found.share < least:
        yield (
            f"{_PLACE}.step_sensitivity: {found.share:.3f} ({found.count} of {found.of}) found at the right step is "
            f"below {least}"
        )
    most, alarms = wanted.step_false_alarms, steps.alarms.per_chain.value
    if most is not None and alarms is None:
        yield f"{_PLACE}.step_false_alarms: the card has no sound chain with labels; at most {most} is asked for"
    elif most is not None and alarms is not None and alarms > most:
        yield f"{_PLACE}.step_false_alarms: {alarms:.3f} flagged steps in a sound chain is above {most}"
