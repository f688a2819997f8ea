"""reasonmed's own layout and the original's: ``question``, ``options``, optional ``answer``, ``answer_index``, ...

Options are a list or a map by letters; in CSV files also a JSON list, or columns ``A``, ``B``, ... or ``option_a``, ...
Fields with other names go to ``meta``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from reasonmed.questions._build import Raw

if TYPE_CHECKING:
    from collections.abc import Mapping

_KNOWN = ("id", "question", "options", "answer", "answer_index", "context", "source", "license", "split", "meta")
_COLUMN = re.compile(r"(?:option|choice|op)?[ _-]?([A-Z]|\d{1,2})", re.IGNORECASE)
_OTHERS = {"answer_idx", "label", "opa", "final_decision", "QUESTION", "cop"}


def matches(fields: Mapping[str, Any]) -> bool:
    """A question's text with options, and none of the marks of another layout."""
    has_options = "options" in fields or bool(_columns(fields))
    return isinstance(fields.get("question"), str) and has_options and not _OTHERS & fields.keys()


def read(fields: Mapping[str, Any]) -> Raw:
    """The row as it is."""
    columns = {} if "options" in fields else _columns(fields)
    options = list(columns.values()) if columns else _listed(fields.get("options"))
    known = {name: fields.get(name) for name in _KNOWN if name not in ("meta", "options")}
    others = {
        name: value for name, value in fields.items() if name not in _KNOWN and name not in _names(fields, columns)
    }
    meta = fields.get("meta")
    return Raw(**known, options=options, meta={**others, **(meta if isinstance(meta, dict) else {})})


def _listed(options: object) -> object:
    if isinstance(options, str) and options.lstrip().startswith("["):
        try:
            return msgspec.json.decode(options)
        except msgspec.DecodeError:
            return options
    return options


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Option columns in the order of their letters or numbers."""
    found = {}
    for name, value in fields.items():
        match = _COLUMN.fullmatch(name)
        if match and name != "0":
            found[match[1].upper().rjust(2)] = value
    return dict(sorted(found.items())) if len(found) > 1 else {}


def _names(fields: Mapping[str, Any], columns: dict[str, Any]) -> set[str]:
    return {name for name in fields if columns and _COLUMN.fullmatch(name)}
