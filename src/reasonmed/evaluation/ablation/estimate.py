"""How much an ablation is, before anything is trained: trainings, tokens, time where it can be known, answers."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.figures import duration
from reasonmed.training.answers_only import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from reasonmed.evaluation.ablation.grid import Arm, Cell, Plan

    Key = tuple[str, str]
    """A base model and a variant."""


class Size(NamedTuple):
    """The rows of a variant as tokens of a base model."""

    tokens: Mapping[str, int]
    """By row id; rows that are too long are not among them."""
    seconds: float | None = None
    """What a token of training is reckoned with; None where this machine's pace is not known."""

    def of(self, rows: Collection[str]) -> int:
        """Tokens of some rows."""
        return sum(self.tokens.get(row, 0) for row in rows)


class Estimate(NamedTuple):
    """How much there is to do."""

    arms: int
    done: int
    tokens: int
    """Of the trainings that are not finished, over all epochs."""
    seconds: float | None
    bases: int
    questions: int
    answers: int
    """To all questions, of every model."""

    def lines(self) -> Iterator[str]:
        """It in sentences."""
        left = self.arms - self.done
        finished = f", {self.done:,} of them finished" if self.done else ""
        time = "no estimate of their time until one has finished here"
        if self.seconds is not None:
            time = f"about {duration(self.seconds)}"
        work = f"{self.tokens:,} tokens through the models, {time}" if left else "nothing to train"
        yield f"{_count(self.arms, 'training')}{finished}: {work}"
        models = _count(self.arms + self.bases, "model")
        yield f"evaluation: {models} on {_count(self.questions, 'question')}, up to {self.answers:,} answers each"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def epochs_of(cell: Cell, plan: Plan, sizes: Mapping[Key, Size], common: Mapping[str, str]) -> float:
    """Epochs of a cell; with equal tokens, every arm sees as many as the one with the fewest does.

    The arm without chains is not that one: its replies are a line, and all others would see next to nothing.
    """
    if plan.equal != "tokens":
        return cell.epochs
    written = [variant for variant in plan.variants if variant != ANSWERS] or [ANSWERS]
    fewest = min(sizes[cell.base, variant].of(common) for variant in written)
    return cell.epochs * fewest / sizes[cell.base, cell.variant].of(cell.rows(common))


def estimate(
    plan: Plan,
    sizes: Mapping[Key, Size],
    common: Mapping[str, str],
    paces: Mapping[str, float],
    answers: tuple[int, int],
) -> Estimate:
    """How much an ablation is.

    Args:
        plan: the ablation.
        sizes: rows as tokens, by base and variant.
        common: ids of the rows that all variants have, with their questions' ids.
        paces: tokens a second of the arms that are finished, by name; 0 where it was not measured.
        answers: the numbers of questions and of answers to them.
    """
    left = [(arm.cell.base, *_work(arm, plan, sizes, common)) for arm in plan.arms if arm.name not in paces]
    measured = _measured(plan.arms, paces)
    seconds: float | None = 0.0
    for base, tokens, reckoned in left:
        pace = measured.get(base, reckoned)
        seconds = None if pace is None or seconds is None else seconds + pace * tokens
    return Estimate(
        arms=len(plan.arms),
        done=len(plan.arms) - len(left),
        tokens=sum(tokens for _, tokens, _ in left),
        seconds=seconds,
        bases=len(plan.bases),
        questions=answers[0],
        answers=answers[1],
    )


def _work(arm: Arm, plan: Plan, sizes: Mapping[Key, Size], common: Mapping[str, str]) -> tuple[int, float | None]:
    """Tokens of a training, and the seconds that each of them is reckoned with."""
    size = sizes[arm.cell.base, arm.cell.variant]
    return round(epochs_of(arm.cell, plan, sizes, common) * size.of(arm.cell.rows(common))), size.seconds


def _measured(arms: Sequence[Arm], paces: Mapping[str, float]) -> dict[str, float]:
    """Seconds a token of finished trainings of this folder, by base."""
    found: dict[str, list[float]] = {}
    for arm in arms:
        if paces.get(arm.name):
            found.setdefault(arm.cell.base, []).append(1 / paces[arm.name])
    return {base: fmean(values) for base, values in found.items()}
