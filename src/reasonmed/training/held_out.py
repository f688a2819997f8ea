"""The saved process reward model on the validation chains: what its own files say of steps that it has not learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reasonmed.backends.prm import load
from reasonmed.report.statistics.steps import Labeled, measured

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.training.prepare import Prepared

Bounded = tuple[float, float, float]
"""A value with the ends of its interval."""


class HeldOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """How well steps are labeled that were not learned; or why that is not known."""

    chains: int = 0
    steps: int = 0
    faults: int = 0
    auc: Bounded | None = None
    accuracy: Bounded | None = None
    first_error: Bounded | None = None
    reason: str = ""


_NAMES = {"auc": "AUC", "accuracy": "accuracy", "first_error": "first fault of a chain"}


def held_out(folder: Path, prepared: Prepared) -> dict[str, object]:
    """How well the model as saved labels the steps of the validation rows, as run.json has it.

    Args:
        folder: the model folder.
        prepared: the run that it is of.
    """
    told = HeldOut(reason="there are no validation rows")
    if prepared.validation is not None:
        scorer = load(folder, prepared.machine.kind)
        kept = prepared.validation.kept
        found = measured([Labeled(tuple(scorer.score(one.ids, one.ends)), one.ok) for one in kept])
        scorer.release()
        told = HeldOut(**found._asdict())
    made: dict[str, object] = msgspec.to_builtins(told)
    return made


def sentence(found: object) -> str:
    """What run.json has of it, in a sentence."""
    told = msgspec.convert(found, HeldOut)
    if told.reason:
        return f"not measured: {told.reason}"
    values = [(words, getattr(told, name)) for name, words in _NAMES.items()]
    parts = [f"{words} {one[0]:.3f} ({one[1]:.3f} to {one[2]:.3f})" for words, one in values if one is not None]
    return f"{', '.join(parts)}; {told.chains:,} chains, {told.steps:,} steps, {told.faults:,} faulty"
