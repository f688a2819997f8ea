"""From the fields of a row to a question; the key is read the same way for every layout."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from reasonmed.errors import QuestionError
from reasonmed.types import Question, digest, letter

if TYPE_CHECKING:
    from pathlib import Path

_FEWEST, _MOST = 2, 26
_SEVERAL = re.compile(r"[A-Z](?:\s*[,;/&+ ]\s*[A-Z])+", re.IGNORECASE)


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
    meta: dict[str, Any] = {}


def build(raw: Raw, path: Path, line: int) -> Question:
    """Check a row and make it a question.

    Raises:
        QuestionError: a field is missing or wrong.
    """
    stem = _text(raw.question, "question")
    options = _options(raw.options)
    context = _text(raw.context, "context") if raw.context not in (None, "", []) else None
    if raw.id in (None, ""):
        name = f"{path.stem}-{digest((stem, options, context), 8)}"
    elif isinstance(raw.id, str | int) and not isinstance(raw.id, bool):
        name = _text(str(raw.id), "id")
    else:
        raise QuestionError(str(path), line, "id", f"must be a text, not {raw.id!r}")
    return Question(
        id=name,
        stem=stem,
        options=options,
        answer=_key(raw, options),
        context=context,
        source=_optional(raw.source, "source"),
        license=_optional(raw.license, "license"),
        split=_optional(raw.split, "split"),
        meta=raw.meta,
    )


def _wrong(field: str, problem: str) -> QuestionError:
    return QuestionError("", 0, field, problem)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise _wrong(field, f"must be a text, not {value!r}" if value is not None else "is missing")
    text = value.strip()
    if not text:
        raise _wrong(field, "is empty")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _wrong(field, f"holds half of a character (a lone surrogate): {text[:40]!r}")
    return text


def _optional(value: object, field: str) -> str | None:
    return None if value in (None, "") else _text(str(value), field)


def _options(value: object) -> tuple[str, ...]:
    if isinstance(value, dict):
        expected = [letter(index) for index in range(len(value))]
        if sorted(value) != expected[: len(value)] or len(value) > _MOST:
            raise _wrong("options", f"must be lettered A, B, C, ... without a gap, not {', '.join(map(str, value))}")
        value = [value[name] for name in expected]
    if not isinstance(value, list | tuple):
        raise _wrong("options", f"must be a list of texts, not {value!r}" if value is not None else "is missing")
    if not _FEWEST <= len(value) <= _MOST:
        raise _wrong("options", f"must be {_FEWEST} to {_MOST}, not {len(value)}: {value!r}")
    return tuple(_option(one, index) for index, one in enumerate(value))


def _option(value: object, index: int) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return _text(value, f"options[{index}]")


def _key(raw: Raw, options: tuple[str, ...]) -> int | None:
    """The key's index: ``answer_index`` wins; it must agree with ``answer`` where both are there."""
    by_answer = _by_answer(raw.answer, options)
    index = _by_index(raw.answer_index, options)
    if index is not None and by_answer is not None and index != by_answer:
        raise _wrong("answer_index", f"is {index} ({options[index]!r}), but answer is {raw.answer!r}")
    return by_answer if index is None else index


def _by_index(value: object, options: tuple[str, ...]) -> int | None:
    if value in (None, ""):
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{1,2}", value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(options):
        raise _wrong("answer_index", f"must be from 0 to {len(options) - 1}, not {value!r}")
    return value


def _by_answer(value: object, options: tuple[str, ...]) -> int | None:
    """A text equal to exactly one option is that option; else a single letter; else an integer is a 0-based index."""
    if isinstance(value, list | tuple):
        if len(value) > 1:
            raise _wrong("answer", f"several keys: {list(value)!r}; a question has one")
        value = value[0] if value else None
    if value in (None, ""):
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return _by_index_in_answer(value, options)
    if not isinstance(value, str):
        raise _wrong("answer", f"must be an option's text, a letter or an index, not {value!r}")
    return _by_words(value.strip(), options)


def _by_index_in_answer(value: int, options: tuple[str, ...]) -> int:
    if 0 <= value < len(options):
        return value
    raise _wrong("answer", f"is the index {value}; there are {len(options)} options, from 0 to {len(options) - 1}")


def _by_words(value: str, options: tuple[str, ...]) -> int:
    same = [index for index, option in enumerate(options) if option == value]
    if len(same) > 1:
        raise _wrong("answer", f"is the text of {len(same)} equal options: {value!r}")
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
        raise _wrong("answer", f"several keys: {value!r}; a question has one")
    raise _wrong("answer", f"{value!r} is not one of the options {list(options)!r}")
