"""What a row says of itself: its own source and license, and fields that a person has mapped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.questions._names import absent, column_groups, is_key, list_fields
from reasonmed.questions._options import of_columns
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.questions._build import Raw

NUMBER, TEXT = "mapped:answer_number", "mapped:answer_text"
"""Fields that a person has mapped as these; a file's own of such a name is as open as any."""
_PRIVATE = {"answer_number": NUMBER, "answer_text": TEXT}
_KEYS = {"answer", "answer_index", *_PRIVATE}
_SAYS = ("row", "layout")


def attributed(raw: Raw, fields: Mapping[str, object]) -> Raw:
    """A row under its own source and license, where it names them.

    The license of a layout is that of the data set which is published so: a row that names another source does not
    get it.
    """
    source, license_ = _own(fields, "source"), _own(fields, "license", "licence")
    theirs = raw.license if source is None or _same(source, raw.source) else None
    said = fields.get("license_source")
    return replace(
        raw,
        source=raw.source if source is None else source,
        license=theirs if license_ is None else license_,
        license_source="layout" if license_ is None else said if said in _SAYS else "row",
    )


def renamed(fields: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """Fields under the names that a person has mapped; others that look like a mapped key or options go to ``meta``."""
    theirs = mapped_names(names)
    rest = {name: value for name, value in fields.items() if name not in theirs and name not in names}
    aside = {name for name in rest if _KEYS & names.keys() and is_key(name)}
    if "options" in names:
        aside |= {*list_fields(rest), *(name for group in column_groups(rest) for name in group.values())}
    meta = rest.pop("meta", None)
    kept = {**(meta if isinstance(meta, dict) else {} if meta is None else {"meta": meta})}
    kept |= {name: rest.pop(name) for name in list(rest) if name in aside}
    mapped = {_PRIVATE.get(ours, ours): fields[name] for ours, name in names.items() if name in fields}
    columns = names.get("options", "").split("|")
    if len(columns) > 1 and names["options"] not in fields:
        mapped["options"] = of_columns({letter(place): name.strip() for place, name in enumerate(columns)}, fields)
    return rest | ({"meta": kept} if kept or meta is not None else {}) | mapped


def mapped_names(names: Mapping[str, str]) -> set[str]:
    """The file's names that a person has mapped; options may be several columns, with ``|`` between them."""
    return {part.strip() for ours, name in names.items() for part in (name.split("|") if ours == "options" else [name])}


def _own(fields: Mapping[str, object], *names: str) -> object:
    found = (value for name, value in fields.items() if name.lower() in names and not absent(value))
    return next(found, None)


def _same(source: object, published: object) -> bool:
    """Whether a row's source is the data set that its layout is published as: MedQA is in ``MedQA-USMLE``."""
    return isinstance(source, str) and _folded(str(published)) in _folded(source)


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
