"""MedQA as the hub has it (GBaker/MedQA-USMLE-4-options-hf): ``sent1``, ``ending0`` to ``ending3``, ``label``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import QuestionError
from reasonmed.questions._build import Raw
from reasonmed.questions._row import glance

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDINGS = ("ending0", "ending1", "ending2", "ending3")
_FIELDS = {"sent1", *_ENDINGS, "label"}
READS = _FIELDS
NAMES = {"question": "sent1", **{f"options[{index}]": name for index, name in enumerate(_ENDINGS)}}


def matches(fields: Mapping[str, object]) -> bool:
    """These fields and no others: data sets of other questions have them too, with more beside them."""
    return fields.keys() - {"id", "sent2"} == _FIELDS


def read(fields: Mapping[str, object]) -> Raw:
    """``label`` is the key's index; ``sent2`` is there and empty."""
    label = fields["label"]
    if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < len(_ENDINGS):
        raise QuestionError("", 0, "label", f"must be the key's index, from 0 to 3, not {glance(label)}")
    if fields.get("sent2"):
        raise QuestionError("", 0, "sent2", f"must be empty, as in MedQA, not {glance(fields['sent2'])}")
    return Raw(
        id=fields.get("id"),
        question=fields["sent1"],
        options=[fields[name] for name in _ENDINGS],
        answer_index=label,
        source="MedQA",
        license="CC-BY-SA-4.0",
    )
