"""The gate: a run that asks for a judge card goes on only with a card of this judge above its thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import RecipeError, UsageError
from reasonmed.outside import Unusable, json_as, reason, small_file
from reasonmed.pipeline.judging.card import FORMAT, Card
from reasonmed.recipe.identity import differences, judge_identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reasonmed.recipe.options import Recipe, RequireJudgeCard

_PLACE = "stages.verify.require_judge_card"


def read_card(path: Path) -> Card:
    """A card from its JSON file.

    Raises:
        UsageError: there is no such file, or it is no judge card of this format.
    """
    try:
        card = json_as(small_file(path), Card)
    except OSError as unread:
        raise UsageError(f"the judge card {path} cannot be read: {reason(unread)}") from unread
    except Unusable as wrong:
        raise UsageError(f"{path} is no judge card: {wrong}") from wrong
    if card.format != FORMAT:
        raise UsageError(f"{path} has judge card format {card.format}; this version reads format {FORMAT}")
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
    found = card.strata["broken_reasoning"]
    for name in ("sensitivity", "specificity"):
        one, least = getattr(found, name), getattr(wanted, name)
        if one.share is None:
            yield f"{_PLACE}.{name}: the card has no case that shows it; {least} is asked for"
        elif one.share < least:
            yield f"{_PLACE}.{name}: {one.share:.3f} ({one.count} of {one.of}) on broken reasoning is below {least}"
