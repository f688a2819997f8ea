"""Names of fields: which of them hold a question, its options or its key, in whatever words a file has them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from reasonmed.questions import _words as words

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_COUNTS = {"number", "nbr", "num", "count", "n"}
_NAMES = 4096
"""So many names are remembered: those of a file's fields are asked about at every row."""
_PLACES = {"cop", "ra", "idx", "index", "letter", "number"}
_LABELS = {"label", "key"}
_COLUMN = re.compile(
    r"[(\[]?(?P<before>[^\W\d_]*?[ _-]*)(?P<label>[A-Z]|[0-9]{1,2})[)\].:]?(?P<after>[ _-]?(?:option|choice|text))?",
    re.IGNORECASE,
)
_WRONG = re.compile(
    rf"(?:{'|'.join(sorted(words.WRONG, key=len, reverse=True))})"
    r"(?:answers?|options?|choices?|antwort(?:en)?|respuestas?|reponses?|respostas?)?(?:[a-z]|[0-9]{1,2})?"
)


def absent(value: object) -> bool:
    """Whether a value says nothing."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


@lru_cache(_NAMES)
def is_question(name: str) -> bool:
    """Whether a field of this name holds a question."""
    return "".join(_words(name)) in words.QUESTIONS


@lru_cache(_NAMES)
def is_key(name: str) -> bool:
    """Whether a name looks like that of a key."""
    parts = _words(name)
    if not parts or parts[0] in _COUNTS or (words.BESIDE | words.WRONG) & {*parts}:
        return False
    return bool(words.KEY_WORDS & {*parts}) or "".join(parts) in words.KEYS


def kind_of(name: str) -> Literal["place", "label", "any"]:
    """What a key of this name is: a letter or an integer and never a text; a letter rather than a text; or any."""
    parts = {*_words(name)}
    return "place" if _PLACES & parts else "label" if _LABELS & parts else "any"


def question_field(fields: Mapping[str, object]) -> str | None:
    """The field with the question."""
    if "question" in fields:
        return "question"
    return next((name for name in fields if is_question(name)), None)


def list_fields(fields: Mapping[str, object]) -> list[str]:
    """Fields with all options in one value; ``answers`` may be the keys instead, if other fields have options."""
    named = {_list(name): name for name in reversed(list(fields)) if _list(name) and not absent(fields[name])}
    return [named[word] for word in words.LISTS if word in named and _may_list(word, fields[named[word]])]


def _may_list(word: str, value: object) -> bool:
    """``answers`` hold options only as a map or as several texts."""
    return word not in words.MAY_BE_KEYS or isinstance(value, dict) or (isinstance(value, list) and len(value) > 1)


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


def correct_and_wrong(fields: Mapping[str, object]) -> tuple[str, list[str]] | None:
    """The field with the key's text, and those with the other options, where a row has no list of all of them."""
    wrong = [name for name in fields if _is_wrong(name) and not absent(fields[name])]
    right = [name for name in fields if "".join(_words(name)) in words.RIGHT and not absent(fields[name])]
    if not wrong or not right or list_fields(fields) or column_groups(fields):
        return None
    return right[0], wrong


@lru_cache(_NAMES)
def _is_wrong(name: str) -> bool:
    return bool(_WRONG.fullmatch("".join(_words(name))))


@lru_cache(_NAMES)
def is_context(name: str) -> bool:
    """Whether a field of this name holds what a question asks about."""
    return "".join(_words(name)) in words.CONTEXTS


def strays(fields: Mapping[str, object], known: Collection[str]) -> list[str]:
    """Fields that look like a key or an option, and that a reader does not know."""
    columns = {name for group in column_groups(fields) for name in group.values()}
    looks = [name for name in fields if is_key(name) or name in columns or _list(name)]
    return [name for name in looks if name not in known and not absent(fields[name])]


@lru_cache(_NAMES)
def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORDS.findall(_folded(name)))


@lru_cache(_NAMES)
def _folded(name: str) -> str:
    """A name without accents and full-width signs."""
    apart = unicodedata.normalize("NFKD", name)
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not "\u0300" <= sign <= "\u036f")).strip()


@lru_cache(_NAMES)
def _list(name: str) -> str:
    """The word for a list of options that a name is; empty where it is none."""
    word = "".join(_words(name))
    return word if word in words.LISTS else ""


@lru_cache(_NAMES)
def _column(name: str) -> tuple[tuple[str, bool], str] | None:
    """How a column with one option is named, and the option's label."""
    found = _COLUMN.fullmatch(_folded(name))
    if found is None:
        return None
    before = found["before"].lower()
    if before.strip(" _-") and before.strip(" _-") not in words.OPTIONS:
        return None
    return (before + (found["after"] or ""), found["label"].islower()), found["label"].upper()
