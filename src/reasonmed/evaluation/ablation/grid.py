"""What an ablation trains: variants, bases, epochs and shares as one grid, checked before anything is trained."""

from __future__ import annotations

import math
import re
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed.errors import UsageError
from reasonmed.training.answers_only import ANSWERS
from reasonmed.training.settings import Training, changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reasonmed.evaluation import Auditor

BASE = "base"
_UNSAFE = re.compile(r"[^A-Za-z0-9._]+")
_ROUNDING = 1e-9
"""What a share of a count may lack of a whole number: 0.29 of 100 is 28.999999999999996."""

Equal = Literal["examples", "tokens"]


class Cell(NamedTuple):
    """What arms that differ in the seed alone have in common."""

    name: str
    variant: str
    base: str
    """The base model, as a training file names it."""
    untrained: str
    """The name of that base model in tables."""
    epochs: float
    share: float = 1.0
    nested: bool = True
    """Whether the share is of the questions by their hashes; else of the rows in the order of their ids."""

    @property
    def place(self) -> tuple[object, ...]:
        """Its coordinates in the grid."""
        return self.variant, self.base, self.epochs, self.share

    def rows(self, common: Mapping[str, str]) -> frozenset[str]:
        """Ids of the rows that it is trained on, out of row ids with their questions' ids."""
        if self.nested:
            return nested(common, self.share)
        return frozenset(sorted(common)[: max(math.floor(len(common) * self.share), 1)])


class Arm(NamedTuple):
    """One model to train: a cell of the grid and a seed."""

    cell: Cell
    seed: int

    @property
    def name(self) -> str:
        """The model's folder."""
        return f"{self.cell.name}-{self.seed}"


class Axes(NamedTuple):
    """What a grid has beside variants and seeds; an empty axis is the training file's own value, or all rows."""

    bases: tuple[str, ...] = ()
    epochs: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    """Of the questions. A smaller share is part of every larger one."""


class Plan(NamedTuple):
    """What an ablation does."""

    settings: Training
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    equal: Equal = "examples"
    shares: tuple[float, ...] = ()
    """Smaller shares of the rows of the first variant, as arms of their own."""
    audit: Auditor | None = None
    """Who judges the steps of the answers; nobody by default."""
    axes: Axes = Axes()

    @property
    def trained(self) -> tuple[str, ...]:
        """The variants, with the one without chains always among them."""
        return tuple(dict.fromkeys((*self.variants, ANSWERS)))

    @property
    def bases(self) -> tuple[str, ...]:
        """The base models; the training file's own one is called as it is there."""
        own = self.settings.base_model
        return tuple(dict.fromkeys(own if _same(one, own) else one for one in self.axes.bases or (own,)))

    @property
    def cells(self) -> list[Cell]:
        """The grid. What is the training file's own value has no part in a name, so that a grid can grow."""
        found = [
            self._cell(variant, base, epochs, share)
            for base in self.bases
            for epochs in dict.fromkeys(self.axes.epochs or (self.settings.epochs,))
            for share in dict.fromkeys(self.axes.shares or (1.0,))
            for variant in self.trained
        ]
        first = self._cell(self.variants[0], self.settings.base_model, self.settings.epochs, 1.0)
        for share in self.shares:
            name = f"{first.variant}-{share:.0%}".replace("%", "pct")
            found.append(first._replace(name=name, share=share, nested=False))
        return found

    @property
    def arms(self) -> list[Arm]:
        """Every model to train."""
        return [Arm(cell, seed) for cell in self.cells for seed in self.seeds]

    def _cell(self, variant: str, base: str, epochs: float, share: float) -> Cell:
        own = base == self.settings.base_model
        parts = [variant, *([] if own else [called(base)])]
        parts += [f"e{epochs:g}"] if epochs != self.settings.epochs else []
        parts += [f"share{share:g}"] if share != 1 else []
        return Cell("-".join(parts), variant, base, BASE if own else f"{BASE}-{called(base)}", epochs, share)

    def settings_of(self, arm: Arm) -> Training:
        """The training file of an arm."""
        cell = arm.cell
        told: dict[str, object] = {"variant": cell.variant, "seed": arm.seed, "epochs": cell.epochs}
        if cell.base != self.settings.base_model:
            told |= {"base_model": cell.base, "revision": None}
        return changed(self.settings, told)


def check(plan: Plan) -> None:
    """Refuse a plan that cannot be, before anything is read.

    Raises:
        UsageError: with the value and what to say in its place.
    """
    if plan.settings.method != "sft":
        raise UsageError(
            f"method: {plan.settings.method}: an ablation compares what fine-tuning learns; say method: sft"
        )
    if any(plan.axes) and plan.shares:
        raise UsageError(
            "--shares is of one base and one number of epochs; with --base, --epochs or --share say "
            f"--share {','.join(f'{one:g}' for one in (*plan.shares, 1.0))}, which is of all variants"
        )
    if len(set(plan.axes.epochs)) > 1 and plan.settings.max_steps is not None:
        raise UsageError(f"--epochs: max_steps: {plan.settings.max_steps} ends every training alike; remove it there")
    names: dict[str, Cell] = {}
    for cell in plan.cells:
        other = names.setdefault(cell.name, cell)
        if other != cell:
            what = next(f"{one} and {two}" for one, two in zip(other.place, cell.place, strict=True) if one != two)
            raise UsageError(f"two arms would be called {cell.name}: {what}; give one of them another value or name")


def numbers(option: str, given: Iterable[str], most: float = math.inf) -> tuple[float, ...]:
    """Values of an option that is repeated or has commas: over 0, and no more than the most.

    Raises:
        UsageError: one is no such number.
    """
    found = []
    for text in listed(given):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (0 < value <= most and value < math.inf):
            bounds = "over 0" if most == math.inf else f"over 0 and at most {most:g}"
            raise UsageError(f"{option} {text}: must be numbers {bounds}, separated by commas")
        found.append(value)
    return tuple(dict.fromkeys(found))


def below_one(option: str, given: Iterable[str]) -> tuple[float, ...]:
    """The same for shares of which none may be all.

    Raises:
        UsageError: one is no such share.
    """
    found = numbers(option, given, 1)
    if 1 in found:
        raise UsageError(f"{option} 1: must be less than 1; the arm with all rows is always trained")
    return found


def listed(given: Iterable[str]) -> Iterator[str]:
    """Values of an option that is repeated or has commas; a path with commas is one value."""
    for text in given:
        yield from [text] if _is_path(text) else (one.strip() for one in text.split(",") if one.strip())


def _is_path(text: str) -> bool:
    try:
        return bool(text) and Path(text).exists()
    except OSError:  # longer than a name may be
        return False


def nested(common: Mapping[str, str], share: float) -> frozenset[str]:
    """Ids of the rows of a share of the questions, at least one: a prefix in the order of hashes of questions' ids."""
    questions = sorted({*common.values()}, key=lambda one: (blake2b(one.encode(), digest_size=16).digest(), one))
    kept = {*questions[: max(math.floor(len(questions) * share + _ROUNDING), 1)]}
    return frozenset(row for row, question in common.items() if question in kept)


def pairs(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """What is compared: each cell with its base, and cells that differ in one thing."""
    found = [(cell.untrained, cell.name) for cell in cells]
    found += [
        (one.name, other.name)
        for place, one in enumerate(cells)
        for other in cells[place + 1 :]
        if sum(a != b for a, b in zip(one.place, other.place, strict=True)) == 1
    ]
    return found


def called(base: str) -> str:
    """What a base model is called in names: the last part of its path or id."""
    return _UNSAFE.sub("-", base.rstrip("/").rpartition("/")[2]).strip("-.") or "model"


def _same(one: str, other: str) -> bool:
    """Whether two names of base models are of one model."""
    paths = Path(one).expanduser(), Path(other).expanduser()
    return one == other or (all(path.exists() for path in paths) and paths[0].samefile(paths[1]))
