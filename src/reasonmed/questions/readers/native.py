"""reasonmed's own layout and the original's: ``question``, ``options``, optional ``answer``, ``answer_index``, ...

Options are a list or a map by letters; in CSV files also a JSON list, or columns ``A``, ``B``, ... or ``option_a``, ...
or numbers from 0 or 1. Fields with other names go to ``meta``. A question with ``reference``, its answer in words, and
nothing that could be options is open-ended.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from reasonmed.errors import QuestionError
from reasonmed.questions._build import Raw
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Mapping

_KNOWN = ("id", "question", "options", "answer", "answer_index", "context", "source", "license", "split", "meta")
_COLUMN = re.compile(r"(?:option|choice|op)?[ _-]?([A-Z]|[0-9]{1,2})", re.IGNORECASE)
_KEYS_OF_OTHERS = ("answer_idx", "label", "cop", "final_decision", "QUESTION")
_KEYS = {"answer", "answer_index"}


def matches(fields: Mapping[str, Any]) -> bool:
    """A question with options, and no key of another layout."""
    has_options = "options" in fields or bool(_columns(fields)) or _is_open_ended(fields)
    return "question" in fields and has_options and "opa" not in fields and _foreign(fields) is None


def read(fields: Mapping[str, Any]) -> Raw:
    """The row as it is."""
    foreign = _foreign(fields)
    if foreign is not None:
        mend = f"say --layout, or map it: `reasonmed questions FILE --map answer={foreign} -o OUT`"
        raise QuestionError("", 0, foreign, f"looks like the key of another layout; {mend}")
    columns = {} if "options" in fields else _columns(fields)
    meta = fields.get("meta")
    reference = {"reference": fields["reference"]} if _is_open_ended(fields) else {}
    used = {*_KNOWN, *columns.values(), *reference}
    others = {name: value for name, value in fields.items() if name not in used}
    return Raw(
        **reference,
        **{name: fields.get(name) for name in _KNOWN if name not in ("meta", "options")},
        options=_lettered(fields, columns) if columns else _listed(fields.get("options")),
        meta={**others, **(meta if isinstance(meta, dict) else {} if meta is None else {"meta": meta})},
    )


def _is_open_ended(fields: Mapping[str, Any]) -> bool:
    """Whether a row has an answer in words and nothing that could be options."""
    listed = any(isinstance(value, list | dict) and value for name, value in fields.items() if name != "meta")
    return bool(fields.get("reference")) and not fields.get("options") and not _columns(fields) and not listed


def _foreign(fields: Mapping[str, Any]) -> str | None:
    """A field that looks like another layout's key, where the row has none of ours; MedQA has both."""
    if "answer_idx" in fields and "answer_index" not in fields:
        return "answer_idx"
    if _KEYS & fields.keys():
        return None
    return next((name for name in _KEYS_OF_OTHERS if name in fields), None)


def _listed(options: object) -> object:
    if isinstance(options, str) and options.lstrip().startswith("["):
        try:
            return msgspec.json.decode(options)
        except (msgspec.DecodeError, RecursionError):
            return options
    return options


def _columns(fields: Mapping[str, Any]) -> dict[str, str]:
    """The columns with options: from letter or number to the column's name."""
    found = {match[1].upper(): name for name in fields if (match := _COLUMN.fullmatch(name))}
    return found if len(found) > 1 else {}


def _lettered(fields: Mapping[str, Any], columns: Mapping[str, str]) -> object:
    """Options from columns, as a map by letters; a gap stays a gap, so that no key moves to another option."""
    if not all(name.isdecimal() for name in columns):
        return {name: fields[column] for name, column in columns.items()}
    base = 0 if "0" in columns else 1
    return {letter(int(name) - base): fields[column] for name, column in columns.items()}
