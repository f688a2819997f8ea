"""A reader of flash cards: ``Front``, ``Right``, ``Wrong 1``, ``Wrong 2``, ... as columns of a CSV file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.questions import Raw

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {"question": "Front", "answer_text": "Right"}
"""What the file calls our fields, for messages."""


def matches(fields: Mapping[str, Any]) -> bool:
    """Whether a row has this layout."""
    return {"Front", "Right"} <= fields.keys()


def read(fields: Mapping[str, Any]) -> Raw:
    """A row as the file has it; what is checked is checked behind this."""
    wrong = [value for name, value in fields.items() if name.startswith("Wrong ")]
    return Raw(
        question=fields["Front"],
        options=sorted([fields["Right"], *wrong]),
        answer_text=fields["Right"],
        source="flash cards",
        license=fields.get("License"),
    )
