"""Names of fields: which of them hold a question, its options or its key, in whatever words a file has them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_QUESTIONS = {"question", "stem", "qtext", "questiontext", "questionstem", "fullquestion"}
_LISTS = (
    *("options", "choices", "option", "choice", "answerchoices", "answeroptions", "alternatives", "candidates"),
    *("endings", "answers"),
)
_KEYS = {"label", "labels", "target", "key", "truth", "groundtruth", "solution", "finaldecision", "decision"}
_KEY_WORDS = {"answer", "answers", "ans", "correct", "gold", "cop", "ra"}
_COUNTS = {"number", "nbr", "num", "count", "n"}
_BESIDE = {
    *("explanation", "explanations", "exp", "rationale", "reason", "reasoning", "type", "source", "long", "full"),
    *("open", "free"),
    *("url", "link", "image", "format", "count", "start", "pred"),
}
"""A name with such a word is of something beside the key: ``answer_explanation``, ``long_answer``."""
_NAMES = 4096
"""So many names are remembered: those of a file's fields are asked about at every row."""
_PLACES = {"cop", "ra", "idx", "index", "letter", "number"}
_LABELS = {"label", "key"}
_COLUMN = re.compile(
    r"((?:options?|opt|op|choices?|answers?|ans|alternatives?|candidates?|endings?|distractors?)?[ _-]?)"
    r"([A-Z]|[a-z]|[0-9]{1,2})",
    re.IGNORECASE,
)


def absent(value: object) -> bool:
    """Whether a value says nothing."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


@lru_cache(_NAMES)
def is_question(name: str) -> bool:
    """Whether a field of this name holds a question."""
    return "".join(_words(name)) in _QUESTIONS


@lru_cache(_NAMES)
def is_key(name: str) -> bool:
    """Whether a name looks like that of a key."""
    words = _words(name)
    if not words or words[0] in _COUNTS or _BESIDE & {*words}:
        return False
    return bool(_KEY_WORDS & {*words}) or "".join(words) in _KEYS


def kind_of(name: str) -> Literal["place", "label", "any"]:
    """What a key of this name is: a letter or an integer and never a text; a letter rather than a text; or any."""
    words = {*_words(name)}
    return "place" if _PLACES & words else "label" if _LABELS & words else "any"


def question_field(fields: Mapping[str, Any]) -> str | None:
    """The field with the question."""
    if "question" in fields:
        return "question"
    return next((name for name in fields if is_question(name)), None)


def list_fields(fields: Mapping[str, Any]) -> list[str]:
    """Fields with all options in one value; ``answers`` may be the keys instead, if other fields have options."""
    named = {_list(name): name for name in reversed(list(fields)) if _list(name) and not absent(fields[name])}
    return [named[word] for word in _LISTS if word in named and _may_list(word, fields[named[word]])]


def _may_list(word: str, value: object) -> bool:
    """``answers`` hold options only as a map or as several texts."""
    return word != "answers" or isinstance(value, dict) or (isinstance(value, list) and len(value) > 1)


def column_groups(fields: Collection[str]) -> list[dict[str, str]]:
    """Fields with one option each, by the option's label; one group for each way of naming them.

    A group begins with A, 0 or 1 and has two members at least, so that ``a`` or ``op`` alone are no options.
    """
    groups: dict[tuple[str, bool], dict[str, str]] = {}
    for name in fields:
        found = _column(name)
        if found:
            groups.setdefault(found[0], {})[found[1]] = name
    return [group for group in groups.values() if len(group) > 1 and {"A", "0", "1"} & group.keys()]


def label_of(name: str) -> str:
    """The letter or number at the end of a column's name; the name itself where it is none."""
    found = _column(name.strip())
    return found[1] if found else name


def strays(fields: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """Fields that look like a key or an option, and that a reader does not know."""
    columns = {name for group in column_groups(fields) for name in group.values()}
    looks = [name for name in fields if is_key(name) or name in columns or _list(name)]
    return [name for name in looks if name not in known and not absent(fields[name])]


@lru_cache(_NAMES)
def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORDS.findall(name))


@lru_cache(_NAMES)
def _list(name: str) -> str:
    """The word for a list of options that a name is; empty where it is none."""
    word = "".join(_words(name))
    return word if word in _LISTS else ""


@lru_cache(_NAMES)
def _column(name: str) -> tuple[tuple[str, bool], str] | None:
    """How a column with one option is named, and the option's label."""
    found = _COLUMN.fullmatch(name)
    return ((found[1].lower(), found[2].islower()), found[2].upper()) if found else None
