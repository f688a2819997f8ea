"""From the fields of a row to a question; the key is read the same way for every layout."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from reasonmed.errors import QuestionError
from reasonmed.questions._row import glance
from reasonmed.types import Question, digest, letter

if TYPE_CHECKING:
    from pathlib import Path

_FEWEST, _MOST = 2, 26
_SURROGATE = re.compile("[\ud800-\udfff]")
_SEVERAL = re.compile(r"(?:[A-Z]|\d)(?:(?: *[,;/&+|] *| | and | or )(?:[A-Z]|\d))+", re.IGNORECASE)


class Raw(Struct, frozen=True, kw_only=True):
    """A row as a reader hands it on: values as the file has them, unchecked."""

    question: Any
    options: Any
    answer: Any = None
    answer_index: Any = None
    id: Any = None
    context: Any = None
    source: Any = None
    license: Any = None
    split: Any = None
    reference: Any = None
    meta: dict[str, Any] = {}


def build(raw: Raw, path: Path, line: int) -> Question:  # noqa: ARG001 - whoever calls knows the line
    """Check a row and make it a question.

    Raises:
        QuestionError: a field is missing or wrong; the caller adds file and line.
    """
    stem = _text(raw.question, "question")
    reference = _optional(raw.reference, "reference")
    options = () if raw.options == [] or (raw.options is None and reference) else _options(raw.options)
    context = _optional(raw.context, "context")
    return Question(
        id=_id(raw.id) or f"{path.stem}-{digest((stem, options, context), 8)}",
        stem=stem,
        options=options,
        answer=_key(raw, options),
        context=context,
        source=_optional(raw.source, "source"),
        license=_optional(raw.license, "license"),
        split=_optional(raw.split, "split"),
        meta=_meta(raw.meta),
        reference=reference if not options else None,
    )


def index_of_letter(value: object, count: int) -> object:
    """The index that a letter stands for, where a layout says that its key is a letter; any other value as it is."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    name = value.strip().upper() if isinstance(value, str) else ""
    names = [letter(index) for index in range(min(count, _MOST))]
    return names.index(name) if name in names else value


def _wrong(field: str, problem: str) -> QuestionError:
    return QuestionError("", 0, field, problem)


def _absent(value: object) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise _wrong(field, f"must be a text, not {glance(value)}" if value is not None else "is missing")
    text = value.strip()
    if not text:
        raise _wrong(field, "is empty")
    if _SURROGATE.search(text):
        raise _wrong(field, f"holds half of a character (a lone surrogate): {glance(text)}")
    return text


def _optional(value: object, field: str) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return None if _absent(value) else _text(value, field)


def _id(value: object) -> str | None:
    return _text(value, "id") if isinstance(value, float) else _optional(value, "id")


def _meta(value: dict[str, Any]) -> dict[str, Any]:
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as strange:
        raise _wrong("meta", f"cannot be kept ({strange}): {glance(value)}") from strange
    return value


def _options(value: object) -> tuple[str, ...]:
    if isinstance(value, dict):
        value = _in_order({name: one for name, one in value.items() if one is not None})
    if not isinstance(value, list | tuple):
        raise _wrong("options", f"must be a list of texts, not {glance(value)}" if value is not None else "is missing")
    if not _FEWEST <= len(value) <= _MOST:
        raise _wrong("options", f"must be {_FEWEST} to {_MOST}, not {len(value)}: {glance(value)}")
    return tuple(_option(one, index) for index, one in enumerate(value))


def _in_order(lettered: dict[str, Any]) -> list[Any]:
    expected = [letter(index) for index in range(min(len(lettered), _MOST))]
    if lettered.keys() != set(expected):
        names = glance(", ".join(map(str, lettered)))
        raise _wrong("options", f"must be lettered A, B, C, ... to at most Z, without a gap, not {names}")
    return [lettered[name] for name in expected]


def _option(value: object, index: int) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        value = str(value)
    return _text(value, f"options[{index}]")


def _key(raw: Raw, options: tuple[str, ...]) -> int | None:
    """The key's index: ``answer_index`` wins; it must agree with ``answer`` where both are there."""
    if not options:
        _refuse_key(raw)
        return None
    answer, index = _single(raw.answer, "answer"), _by_index(raw.answer_index, options)
    if _absent(answer):
        return index
    if index is not None and isinstance(answer, str) and answer.strip() == options[index]:
        return index
    by_answer = _by_answer(answer, options)
    if index is not None and index != by_answer:
        raise _wrong("answer_index", f"is {index} ({glance(options[index])}), but answer is {glance(raw.answer)}")
    return by_answer


def _refuse_key(raw: Raw) -> None:
    for field in ("answer_index", "answer"):
        if not _absent(getattr(raw, field)):
            told = glance(getattr(raw, field))
            fix = f"where {field} is {told}; the answer of an open-ended question goes into `reference`"
            raise _wrong("options", f"must be {_FEWEST} to {_MOST}, not 0: [], {fix}")


def _single(value: object, field: str) -> object:
    if not isinstance(value, list | tuple):
        return value
    if len(value) > 1:
        raise _wrong(field, f"several keys: {glance(list(value))}; a question has one")
    return value[0] if value else None


def _by_index(value: object, options: tuple[str, ...]) -> int | None:
    value = _single(value, "answer_index")
    if _absent(value):
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{1,2}", value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and _SEVERAL.fullmatch(value.strip()):
        raise _wrong("answer_index", f"several keys: {glance(value)}; a question has one")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(options):
        raise _wrong("answer_index", f"must be from 0 to {len(options) - 1}, not {glance(value)}")
    return value


def _by_answer(value: object, options: tuple[str, ...]) -> int:
    """A text equal to exactly one option is that option; else a single letter; else an integer is a 0-based index."""
    if isinstance(value, str):
        return _by_words(value.strip(), options)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong("answer", f"must be an option's text, a letter or an index, not {glance(value)}")
    if 0 <= value < len(options):
        return value
    raise _wrong(
        "answer", f"is the index {glance(value)}; there are {len(options)} options, from 0 to {len(options) - 1}"
    )


def _by_words(value: str, options: tuple[str, ...]) -> int:
    same = [index for index, option in enumerate(options) if option == value]
    if len(same) > 1:
        raise _wrong("answer", f"is the text of {len(same)} equal options: {glance(value)}")
    if same:
        return same[0]
    if len(value) == 1 and value.isascii() and value.isalpha():
        index = ord(value.upper()) - ord("A")
        if index < len(options):
            return index
    near = [index for index, option in enumerate(options) if option.casefold() == value.casefold()]
    if len(near) == 1:
        return near[0]
    if _SEVERAL.fullmatch(value):
        raise _wrong("answer", f"several keys: {glance(value)}; a question has one")
    raise _wrong("answer", f"{glance(value)} is not one of the options {glance(list(options))}")
