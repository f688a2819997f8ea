"""The data card of an export: ``README.md`` with the hub's YAML, its pictures, and ``croissant.json``.

Everything in it comes from the export's manifest, which holds the facts of the run (``facts``), and from what is given
by hand: a report of checks, a judge card, a name. No clock is read: the same manifest gives the same bytes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.errors import UsageError
from reasonmed.export.card.croissant import croissant
from reasonmed.export.card.extras import read_judge_card, read_report
from reasonmed.export.card.facts import Taken, gather
from reasonmed.export.card.head import head
from reasonmed.export.card.pictures import draw
from reasonmed.export.card.statements import summary, without_license
from reasonmed.export.card.text import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["CARD", "CROISSANT", "About", "Taken", "gather", "render", "without_license"]

CARD, CROISSANT = "README.md", "croissant.json"
_PICTURES = "card"


class About(NamedTuple):
    """What a card says beyond the run; None leaves it as it was, or out."""

    name: str | None = None
    """The title; made of the question file's name by default."""
    creator: str | None = None
    url: str | None = None
    """Where the data set is published."""
    findings: Path | None = None
    """A report of ``reasonmed check --json``."""
    judge_card: Path | None = None
    """A ``judge_card.json``."""

    def told(self, roles: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """As the export's manifest keeps it.

        Args:
            roles: who did what in the run.

        Raises:
            UsageError: a file cannot be read or is something else, or the judge card is of another judge.
        """
        found: dict[str, Any] = {
            "about": {key: value for key, value in self._asdict().items() if key in _OWN and value is not None}
        }
        if self.findings is not None:
            found["checks"] = read_report(self.findings)
        if self.judge_card is not None:
            found["judge_card"] = read_judge_card(self.judge_card)
            judges = [name for role in roles if role["stage"] == "verify" for name in role["models"]]
            if found["judge_card"]["name"] not in judges:
                named = found["judge_card"]["name"]
                raise UsageError(
                    f"--judge-card {self.judge_card}: is of the judge {named!r}, and says nothing about this "
                    f"run's judge, {', '.join(judges)}"
                )
        return found


_OWN = ("name", "creator", "url")


def render(folder: Path, told: Mapping[str, Any], configs: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The card's files: their contents by their names in the folder.

    Args:
        folder: where the export's tables are.
        told: the export's manifest, with ``card`` (facts), ``about`` and ``sha256``.
        configs: what ``datasets`` loads.
    """
    name = told["about"].get("name") or _name(told)
    drawn = draw(told["card"]["counts"])
    shown = {f"{_PICTURES}/{file}": title for file, (title, _) in drawn.items()}
    return {
        CARD: head(told, configs, name) + "\n" + text(told, configs, name, shown),
        CROISSANT: croissant(folder, told, name, summary(told)),
        **{f"{_PICTURES}/{file}": svg for file, (_, svg) in drawn.items()},
    }


def _name(told: Mapping[str, Any]) -> str:
    read = told["card"]["run"]["input"]
    stem = os.path.splitext(read["file"])[0] if read else "questions"  # noqa: PTH122 - a name, not a path
    return f"Medical reasoning on {stem}"
