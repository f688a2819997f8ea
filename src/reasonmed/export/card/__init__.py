"""The data card of an export: ``README.md`` with the hub's YAML, its pictures, and ``croissant.json``.

Everything in it comes from the export's manifest, which holds the facts of the run (``facts``), and from what is given
by hand: a report of checks, a judge card, a name. No clock is read: the same manifest gives the same bytes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reasonmed.export.card.croissant import croissant
from reasonmed.export.card.extras import About
from reasonmed.export.card.facts import Taken, part_of, tally
from reasonmed.export.card.head import head
from reasonmed.export.card.pictures import draw
from reasonmed.export.card.several import together
from reasonmed.export.card.statements import summary, without_license
from reasonmed.export.card.text import text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from reasonmed.export._configs import Config
    from reasonmed.export._manifest import Export

__all__ = ["CARD", "CROISSANT", "About", "Taken", "part_of", "render", "tally", "together", "without_license"]

CARD, CROISSANT = "README.md", "croissant.json"
_PICTURES = "card"


def render(folder: Path, told: Export, configs: Sequence[Config]) -> dict[str, str]:
    """The card's files: their contents by their names in the folder.

    Args:
        folder: where the export's tables are.
        told: the export's manifest.
        configs: what ``datasets`` loads.
    """
    name = told.about.name or _name(told)
    drawn = draw(told.card.counts)
    shown = {f"{_PICTURES}/{file}": title for file, (title, _) in drawn.items()}
    return {
        CARD: head(told, configs, name) + "\n" + text(told, configs, name, shown),
        CROISSANT: croissant(folder, told, name, summary(told)),
        **{f"{_PICTURES}/{file}": svg for file, (_, svg) in drawn.items()},
    }


def _name(told: Export) -> str:
    runs = [part.run for part in told.card.parts] or [told.card.run]
    stems = [os.path.splitext(run.input.file)[0] if run.input else "questions" for run in runs]  # noqa: PTH122 - names
    return f"Medical reasoning on {', '.join(dict.fromkeys(stems))}"
