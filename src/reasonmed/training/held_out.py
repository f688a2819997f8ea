"""The saved process reward model on the validation chains: what its own files say of steps that it has not learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.backends.prm import load
from reasonmed.report.statistics.steps import Labeled, measured
from reasonmed.training.record import HeldOut

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.training.prepare import Prepared


def held_out(folder: Path, prepared: Prepared) -> HeldOut:
    """How well the model as saved labels the steps of the validation rows.

    Args:
        folder: the model folder.
        prepared: the run that it is of.
    """
    if prepared.validation is None:
        return HeldOut(reason="there are no validation rows")
    scorer = load(folder, prepared.machine.kind)
    kept = prepared.validation.kept
    found = measured([Labeled(tuple(scorer.score(one.ids, one.ends)), one.ok) for one in kept])
    scorer.release()
    return HeldOut(**found._asdict())
