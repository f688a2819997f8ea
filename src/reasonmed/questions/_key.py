"""The key of a question, read the same way in every layout: a text, a letter, or an integer."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed.errors import QuestionError
from reasonmed.questions._letters import mark_of
from reasonmed.questions._literal import literal
from reasonmed.questions._names import absent, label_of
from reasonmed.questions._row import glance
from reasonmed.questions._stray import without_stray
from reasonmed.questions._words import SAID
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SEVERAL = re.compile(r"(?:[A-Z]|\d)(?:(?: *[,;/&+|] *| | and | or )(?:[A-Z]|\d))+", re.IGNORECASE)
_LETTERS = re.compile(r"[A-Z]{2,}")
_INTEGER = re.compile(r"(-?\d{1,2})(?:[.,]0)?")
_DRESSED = re.compile(
    rf"(?:(?:the\s+)?(?:(?:correct|right|best|final|richtige|korrekte)\s+)?(?:{SAID})\s*(?:(?:is|ist|es|est|è|é)\b|:)?\s*"
    r"|选择?|答案(?:是|为|:)?|正解(?:は|:)?|정답(?:은|:)?)?\s*[(\[]?([A-Za-z]|\d{1,2})[)\].:]?",
    re.IGNORECASE,
)
_SPACED = re.compile(r"([A-Za-z])\s+(\S.*)", re.DOTALL)
_AROUND = "'\"“”„‘’*_` "
_EXPLAINED = re.compile(r"\.?(?<!\s)\s++Explanation\s*+:.*", re.DOTALL)

Kind = Literal["index", "number", "text", "place", "label", "any"]
"""``index`` counts from 0, ``number`` from 1. A ``place`` is a letter or an integer; a ``label`` is one of them before
it is a text, and ``any`` is a text before it is one of them."""
Way = Literal["text", 0, 1]
"""How an integer is meant: as the text of an option, counted from 0, or counted from 1."""


class Claim(NamedTuple):
    """What one field of a row says of the key."""

    field: str
    value: object
    kind: Kind


class Choices(NamedTuple):
    """The options of a row, for reading its key."""

    texts: Sequence[str]
    numbers: Sequence[str] = ()
    """The file's own numbers of them."""
    raw: Sequence[object] = ()
    """The options as the file has them."""


class Open(NamedTuple):
    """An integer that can be meant in several ways, and the key that each of them gives."""

    value: object
    ways: dict[Way, int]
    numeric: bool
    """Whether value and options are both numbers of the file, not texts."""
    any: tuple[int, ...]
    """All keys that it may mean, for a row whose other fields say which."""


def key_of(claims: Sequence[Claim], choices: Choices, settle: Callable[[Claim, Open], Way]) -> int | None:
    """The key's index; None where no field names one. Several fields must agree.

    Args:
        claims: what the row's fields say, the one that counts first.
        choices: the options.
        settle: says how an integer of a field is meant.

    Raises:
        QuestionError: a key is none of the options, or two fields name different ones.
    """
    meant = [
        (claim, meaning(claim, choices))
        for claim in (single(one, choices) for one in claims)
        if not absent(claim.value)
    ]
    known = any(not isinstance(found, Open) for _, found in meant)
    told = [
        (claim, _settled(claim, found, choices, None if known else settle) if isinstance(found, Open) else found)
        for claim, found in meant
    ]
    if not told:
        return None
    (first, keys), *others = told
    for claim, also in others:
        agreed = tuple(key for key in keys if key in also)
        if not agreed:
            shown = f"is {keys[0]} ({glance(choices.texts[keys[0]])}), but {claim.field} is {glance(claim.value)}"
            raise wrong(first.field, shown)
        keys = agreed
    same = [key for key in keys if choices.texts[key] == choices.texts[keys[0]]]
    if len(same) > 1:
        raise wrong(first.field, f"is the text of {len(same)} equal options: {glance(first.value)}")
    return keys[0]


def meaning(claim: Claim, choices: Choices) -> tuple[int, ...] | Open:
    """The keys that a value may mean, the likeliest first; or an integer that only the whole file can settle."""
    value, kind = _integral(claim.value), claim.kind
    if kind in ("index", "number"):
        return (_counted(claim, value, choices, 0 if kind == "index" else 1),)
    if isinstance(value, str):
        return _of_text(claim, without_stray(value), choices)
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(claim.field, f"must be an option's text, a letter or an index, not {glance(value)}")
    if str(value) in choices.numbers:
        return (choices.numbers.index(str(value)),)
    return _open(claim, value, choices)


def wrong(field: str, problem: str) -> QuestionError:
    """The error that says what is wrong with a field; the caller adds file and line."""
    return QuestionError("", 0, field, problem)


def single(claim: Claim, choices: Choices) -> Claim:
    """A claim whose list of one key is that key; a list with a mark for each option is the index of the marked one.

    Raises:
        QuestionError: a list holds several keys.
    """
    value = claim.value
    told = literal(value) if isinstance(value, str) and value not in choices.texts else value
    if not isinstance(told, list | tuple):
        return claim
    if len(told) == len(choices.texts) and sum(one in (0, 1) for one in told) == len(told) > 1 and sum(told) == 1:
        return Claim(claim.field, told.index(1), "index")
    if len(told) > 1:
        raise wrong(claim.field, f"several keys: {glance(list(told))}; a question has one")
    return claim._replace(value=told[0] if told else None)


def _integral(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _counted(claim: Claim, value: object, choices: Choices, base: int) -> int:
    if isinstance(value, str) and (integer := _INTEGER.fullmatch(value.strip())):
        value = int(integer[1])
    if isinstance(value, str) and _SEVERAL.fullmatch(value.strip()):
        raise wrong(claim.field, f"several keys: {glance(value)}; a question has one")
    count = len(choices.texts)
    if isinstance(value, bool) or not isinstance(value, int) or not base <= value < count + base:
        raise wrong(claim.field, f"must be from {base} to {count - 1 + base}, not {glance(value)}")
    return value - base


def _open(claim: Claim, value: int, choices: Choices) -> Open:
    same = [index for index, option in enumerate(choices.texts) if option == str(value)]
    ways: dict[Way, int] = {"text": same[0]} if len(same) == 1 and claim.kind in ("any", "text") else {}
    ways |= {base: value - base for base in (0, 1) if 0 <= value - base < len(choices.texts)}
    numbers = all(isinstance(one, int | float) for one in choices.raw) and isinstance(claim.value, int | float)
    return Open(claim.value, ways, bool(choices.raw) and numbers, tuple(dict.fromkeys([*same, *ways.values()])))


def _settled(
    claim: Claim, found: Open, choices: Choices, settle: Callable[[Claim, Open], Way] | None
) -> tuple[int, ...]:
    """The keys of an integer; without ``settle`` all that it may mean, since other fields of the row say which."""
    if settle is None and not found.any:
        raise wrong(claim.field, f"must name one of {len(choices.texts)} options, not {glance(claim.value)}")
    if settle is None:
        return found.any
    way = settle(claim, found)
    if way in found.ways:
        return (found.ways[way],)
    if way == "text":
        raise _no_option(claim, choices)
    last = len(choices.texts) - 1 + way
    raise wrong(claim.field, f"must be from {way} to {last}, not {glance(claim.value)}")


def _of_text(claim: Claim, value: str, choices: Choices) -> tuple[int, ...] | Open:
    if claim.kind != "text":
        if value in choices.numbers:
            return (choices.numbers.index(value),)
        if integer := _INTEGER.fullmatch(value):
            return _open(claim, int(integer[1]), choices)
    same = _same(value, choices.texts) if claim.kind != "place" else ()
    placed = _by_letter(value, len(choices.texts)) if claim.kind != "text" else ()
    if same or placed:
        return tuple(dict.fromkeys((*placed, *same) if claim.kind == "label" else (*same, *placed)))
    if _SEVERAL.fullmatch(value) or _ascending(value, len(choices.texts)):
        raise wrong(claim.field, f"several keys: {glance(value)}; a question has one")
    if claim.kind == "place":
        last = letter(len(choices.texts) - 1)
        raise wrong(claim.field, f"must be a letter from A to {last}, or a number, not {glance(value)}")
    near = _dressed(value, choices)
    if near is None:
        raise _no_option(claim, choices)
    if isinstance(near, tuple):
        return near
    return (choices.numbers.index(str(near)),) if str(near) in choices.numbers else _open(claim, near, choices)


def _same(value: str, texts: Sequence[str]) -> tuple[int, ...]:
    return tuple(index for index, option in enumerate(texts) if option == value)


def _by_letter(value: str, count: int) -> tuple[int, ...]:
    names = [letter(index) for index in range(count)]
    return (names.index(value.upper()),) if value.isascii() and value.upper() in names else ()


def _ascending(value: str, count: int) -> bool:
    """Whether these are several letters of options, each once and in order, as ``ABD``."""
    return bool(_LETTERS.fullmatch(value)) and list(value) == sorted({*value}) and value[-1] <= letter(count - 1)


def _dressed(value: str, choices: Choices) -> tuple[int, ...] | int | None:
    """A text in another case, ``(B)``, ``Option 2``, ``B. its text``, or a text with an explanation behind it."""
    texts = choices.texts
    folded = [_folded(option) for option in texts]
    said = _folded(_EXPLAINED.sub("", value))
    for one in (_folded(value), said, said.removesuffix(".")):
        if folded.count(one) == 1:
            return (folded.index(one),)
    bare = unicodedata.normalize("NFKC", _EXPLAINED.sub("", value)).strip(_AROUND)
    found = _DRESSED.fullmatch(bare)
    name = found[1] if found else label_of(bare)
    if name.isdecimal():
        return int(name)
    if name != bare or found:
        return _by_letter(name, len(texts)) or None
    spaced = _SPACED.fullmatch(bare)
    marked = mark_of(bare) or (spaced.groups() if spaced else None)
    if marked is None:
        return None
    placed = _by_letter(marked[0], len(texts))
    text = _folded(marked[1])
    return placed if placed and folded[placed[0]] in (text, text.rstrip(".")) else None


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _no_option(claim: Claim, choices: Choices) -> QuestionError:
    return wrong(claim.field, f"{glance(claim.value)} is not one of the options {glance(list(choices.texts))}")
