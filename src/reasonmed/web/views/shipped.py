"""An export at a glance, as its first page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.types import Tier
from reasonmed.web.views import View

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from reasonmed.export import Export


def shipped_view(path: Path, told: Export | None, read: Sequence[str]) -> View:
    """The view of a manifest; of a file without one only its name is known."""
    values: dict[str, object] = {"title": "Export" if told else path.name, "read": read, "told": told}
    if told is not None:
        counts = told.card.counts
        named = [tier for tier in (*Tier, "none") if any(one.get(tier) for one in counts.tiers.values())]
        values["figures"] = [
            ("Questions", sum(one.questions for one in told.splits.values())),
            ("Records", told.records),
            *((f"Records in {name}", one.records) for name, one in told.splits.items()),
        ]
        values["splits"], values["sources"] = list(counts.tiers), counts.sources
        values["tiers"] = [(tier, [one.get(tier, 0) for one in counts.tiers.values()]) for tier in named]
        values["formats"] = [(name, _form(told, name), _rows(told, name)) for name in told.formats]
        left = {"records": told.left_out, "questions": told.questions_left_out, "chains": told.chains_left_out}
        values["left_out"] = [(what, why, count) for what, whys in left.items() for why, count in whys.items()]
    return View("shipped", values)


def _form(told: Export, name: str) -> str:
    return told.forms.get(name, "").replace("``", "")


def _rows(told: Export, name: str) -> list[tuple[str, int]]:
    return [(file, count) for file, count in told.rows.items() if file.split("/")[0] == name]
