"""Options in whatever form a file has them: lists, maps, objects, columns, or one text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import QuestionError
from reasonmed.questions._letters import split_list
from reasonmed.questions._literal import literal
from reasonmed.questions._names import absent, label_of
from reasonmed.questions._row import glance
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST = 26
_BETWEEN = tuple(re.compile(sign) for sign in (r"\n+", r"\t+", r"\|+", r"#{2,}", ";"))
"""What may stand between the options of one text; the first that is there does."""
_TEXT_FIELDS = (
    *("text", "content", "atext", "value", "option", "choice", "answer", "description"),
    *("option_text", "choice_text", "answer_text"),
)
_LABEL_FIELDS = ("letter", "label", "key", "aid", "id", "option_id", "choice_id")
_MARKS = re.compile(r"(?:is[ _-]?)?(?:correct|right|true)(?:[ _-]?(?:answer|option|choice))?", re.IGNORECASE)
"""A field that says whether an option is the key, also as 0 and 1."""


class Listed(NamedTuple):
    """Options in order, unchecked; ``numbers`` are the file's own names of them where it numbers them."""

    texts: list[object]
    numbers: tuple[str, ...] = ()
    key: object = None
    """The indices of options that are themselves marked as correct."""


def listed(value: object) -> Listed:
    """The options of a value.

    Raises:
        QuestionError: it holds no options, or not in an order that is clear.
    """
    if isinstance(value, str):
        value = _of_text(value)
    if isinstance(value, dict):
        return _of_map(value)
    if not isinstance(value, list | tuple):
        problem = f"must be a list of texts, not {glance(value)}" if value is not None else "is missing"
        raise QuestionError("", 0, "options", problem)
    if value and all(isinstance(one, dict) for one in value):
        pairs = [next(iter(one.items())) for one in value if len(one) == 1]
        if len(pairs) == len(value) > 1 and len({name for name, _ in pairs}) == len(pairs):
            return _of_map(dict(pairs))
        return _of_objects(list(value))
    if len(value) > 1 and all(isinstance(one, list) and len(one) == 2 for one in value):  # noqa: PLR2004 - label and text
        labels = [str(label) for label, _ in value]
        if _sequence(labels):
            return _of_map(dict(zip(labels, (text for _, text in value), strict=True)))
    return Listed(list(value))


def of_columns(columns: Mapping[str, str], fields: Mapping[str, object]) -> dict[str, object]:
    """Options from columns, as a map by label; the last ones may be empty, a gap stays a gap."""
    values = {name: None if absent(fields.get(column)) else fields[column] for name, column in columns.items()}
    return {name: value for name, value in values.items() if value is not None}


def _of_text(text: str) -> object:
    """A list or map in JSON's or Python's notation, lettered lines, or texts with a sign between them."""
    inner = text.strip()
    told = literal(inner)
    if told is not None:
        return told
    if found := split_list(inner):
        return found
    for between in _BETWEEN:
        parts = [part.strip() for part in between.split(inner) if part.strip() or between.pattern != r"\n+"]
        if len(parts) > (2 if between.pattern == ";" else 1) and all(parts):
            return parts
    return text


def _of_map(value: dict[str, object]) -> Listed:
    """By letters, by numbers, or two lists side by side: labels and texts."""
    lists = [one for one in value.values() if isinstance(one, list)]
    if len(lists) == len(value) == 2 and len(lists[0]) == len(lists[1]):  # noqa: PLR2004 - labels and texts
        for labels, texts in (lists, lists[::-1]):
            if _sequence([str(label) for label in labels]):
                return _of_map(dict(zip(map(str, labels), texts, strict=True)))
    said = {name: one for name, one in value.items() if not absent(one)}
    there = {label_of(str(name)): one for name, one in said.items()}
    if len(there) < len(said) or not _sequence(list(there)):
        names = glance(", ".join(str(name) for name in said))
        problem = f"must be lettered A, B, C, ... to at most Z, without a gap, not {names}"
        raise QuestionError("", 0, "options", problem)
    if "A" in there:
        return Listed([there[letter(index)] for index in range(len(there))])
    names_in_order = sorted(there, key=int)
    return Listed([there[name] for name in names_in_order], tuple(names_in_order))


def _sequence(names: Sequence[str]) -> bool:
    """Whether these are A, B, C, ... or numbers from 0 or 1, each once, in any order."""
    count = len(names)
    expected = [[letter(index) for index in range(min(count, MOST))]]
    expected += [[str(base + index) for index in range(min(count, MOST))] for base in (0, 1)]
    return count <= MOST and any(sorted(name.strip().upper() for name in names) == sorted(one) for one in expected)


def _of_objects(value: list[dict[str, object]]) -> Listed:
    """Objects with a text each, and perhaps a label and a mark that says whether it is the key."""
    names = [name for name in value[0] if all(name in one for one in value)]
    flags = [name for name in names if all(_is_mark(name, one[name]) for one in value)]
    labels = next((name for name in names if name not in flags and _labels(value, name)), None)
    texts = [name for name in names if name not in flags and name != labels]
    chosen = next((name for name in _TEXT_FIELDS if name in texts), texts[0] if len(texts) == 1 else None)
    unclear = labels is None and any(name in _LABEL_FIELDS for name in names)
    if chosen is None or len(flags) > 1 or unclear:
        return Listed(list(value))
    key = [index for index, one in enumerate(value) if one[flags[0]]] if flags else None
    if labels is None:
        return Listed([one[chosen] for one in value], (), key)
    found = [str(one[labels]) for one in value]
    if len({*found}) < len(found):
        raise QuestionError("", 0, "options", f"a letter stands twice: {', '.join(found):.80}")
    if flags:
        marks = _of_map({label: one[flags[0]] for label, one in zip(found, value, strict=True)}).texts
        key = [index for index, mark in enumerate(marks) if mark]
    return _of_map({label: one[chosen] for label, one in zip(found, value, strict=True)})._replace(key=key)


def _is_mark(name: str, value: object) -> bool:
    return isinstance(value, bool) or bool(value in (0, 1) and _MARKS.fullmatch(name))


def _labels(value: list[dict[str, object]], name: str) -> bool:
    """Whether a field of objects holds labels, such as A, B or 1, 2; one that stands twice is a mistake in them."""
    found = [str(one[name]) for one in value if isinstance(one[name], str | int)]
    if len(found) < len(value) or not all(re.fullmatch("[A-Za-z]|[0-9]{1,2}", one) for one in found):
        return False
    return _sequence(found) or (name in _LABEL_FIELDS and len({*found}) < len(found))
