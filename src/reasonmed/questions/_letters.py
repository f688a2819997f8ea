"""Letters that options carry in their texts: ``A. Atrophy``, ``(b) Atrophy``, and lists of options in one text."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = r"[A-Za-zＡ-Ｚａ-ｚ]|\d{1,2}|[１-９]"
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_MARK = re.compile(
    rf"\s*(?:[-*•]\s+)?(?:\*\*|__)?(?:option\s+)?"
    rf"(?:\(({_NAME})\)|\[({_NAME})\]|（({_NAME})）|【({_NAME})】|<([A-Z])>|([①-⑳])|({_NAME})[、．：）](?!\d)"
    r"|([A-Za-zＡ-Ｚａ-ｚ])\s?[.):]|(\d{1,2})[.):](?=\s|\*\*)|([ivx]{2,4})[.)](?=\s|\*\*)"
    r"|([A-Za-z])\s+[-\u2013\u2014](?=\s))"
    r"(?:\*\*|__)?\s*(\S.*)",
    re.DOTALL | re.IGNORECASE,
)
_BARE = re.compile(r"\s*([A-ZＡ-Ｚ])[ \t]+(\S.*)", re.DOTALL)
"""A letter and a space: a mark only where every line of a text begins so."""
_INLINE = re.compile(
    rf"(?:(?<=[\s,;。；，])|^)(?:-\s+)?(?:\*\*)?(?:\(({_NAME})\)|（({_NAME})）|【({_NAME})】|\[({_NAME})\]|<([A-Z])>|([①-⑳])"
    r"|([A-Za-z])[ ]?[.):](?!\d)|([A-Z])[ ]-(?=[ ])|([A-Z])(?:[.):](?=\d))"
    r"|([A-Za-zＡ-Ｚ])[、．：）]|(\d{1,2})[.)](?=\s)"
    r"|([ivx]{1,4})[.)](?=\s))(?:\*\*)?\s*"
)
_ENDS = re.compile(r"[?？:：.。!！)）]['\"”’]?\s*\Z")
"""What a question ends with, before the options that follow in the same line."""
_REACH = 20
_FEWEST_INLINE = 3
_MOST_FIRSTS = 3
_FIRST = ("A", "1", "I")
_HEADER = re.compile(r"(?:answer\s+choices|answer\s+options|options|choices)\s*:?[ \t]*", re.IGNORECASE)
_LINE_HEADER = re.compile(
    r"\n[ \t]*(?:answer\s+choices|answer\s+options|options|choices)\s*+(?::\s*+)?\Z", re.IGNORECASE
)
_STEM_HEADER = re.compile(r"(?:answer\s+choices|answer\s+options|options|choices)\s*:\s*(?=\(?A[.):])", re.IGNORECASE)


class _Marked(NamedTuple):
    name: str
    text: str


def unlettered(texts: Sequence[object]) -> list[str] | None:
    """The options without their letters; None unless all carry one, in order, and have text behind it."""
    marked = [_marked(text) if isinstance(text, str) else None for text in texts]
    found = [one for one in marked if one is not None]
    if len(found) < max(len(texts), 2) or not _in_order([one.name for one in found]):
        return None
    bare = [one.text for one in found]
    return unlettered(bare) or bare


def mark_of(text: str) -> tuple[str, str] | None:
    """The letter that a text begins with, and the rest of the text."""
    return _marked(text)


def split_list(text: str) -> list[str] | None:
    """The options of a text that lists them by letters, a line each or one behind the other; None where unclear."""
    header = _HEADER.match(text.strip())
    body = text.strip()[header.end() :] if header else text.strip()
    return _by_lines(body) or _by_marks(body)


def split_stem(text: str) -> tuple[str, list[str]] | None:
    """A question that ends with its lettered options, as stem and options; None where it does not, or is unclear."""
    lines = text.splitlines()
    firsts = (number for number in range(len(lines) - 1, 0, -1) if _is_first(lines[number]))
    for first in islice(
        firsts, _MOST_FIRSTS
    ):  # before the last A: with another one behind it, letters are out of order
        options = _by_lines("\n".join(lines[first:]))
        stem = _LINE_HEADER.sub("", "\n".join(lines[:first])).strip()
        if options is not None and stem:
            return stem, options
    header = _STEM_HEADER.search(text)
    options = _by_marks(text[header.end() :]) if header else None
    if header and options and text[: header.start()].strip():
        return text[: header.start()].strip(), options
    return _in_one_line(text)


def _in_one_line(text: str) -> tuple[str, list[str]] | None:
    """Letters behind the end of a question in the same line, each there once."""
    firsts = [
        one
        for one in _INLINE.finditer(text)
        if _plain(one.groups()) in _FIRST and _ENDS.search(text[max(0, one.start() - _REACH) : one.start()])
    ]
    for first in firsts[-1:]:
        options = _by_marks(text[first.start() :])
        if options and len(options) >= _FEWEST_INLINE:
            return text[: first.start()].strip(), options
    return None


def _is_first(line: str) -> bool:
    found = _marked(line)
    return found is not None and found.name in _FIRST


def _marked(text: str) -> _Marked | None:
    found = _MARK.fullmatch(text)
    if found is None:
        return None
    *names, rest = found.groups()
    return _Marked(_plain(names), rest.rstrip())


def _plain(names: Sequence[str | None]) -> str:
    return unicodedata.normalize("NFKC", next(name for name in names if name)).upper()


def _in_order(names: Sequence[str]) -> bool:
    expected = [letter(index) for index in range(len(names))]
    numbers = [str(index + 1) for index in range(len(names))]
    return [*names] in (expected, numbers, [*_ROMAN[: len(names)]])


def _by_lines(text: str) -> list[str] | None:
    """Every line begins with the next letter; a line without one goes on with the option before it."""
    lines = [line for line in text.splitlines() if line.strip()]
    bare = [_BARE.fullmatch(line) for line in lines]
    if all(bare) and not any(map(_marked, lines)):
        found = [_Marked(_plain([one[1]]), one[2].rstrip()) for one in bare if one]
    else:
        found = []
        for line in lines:
            one = _marked(line)
            if one is None and not found:
                return None
            if one is None:
                found[-1] = found[-1]._replace(text=f"{found[-1].text}\n{line.rstrip()}")
            else:
                found.append(one)
    return [one.text for one in found] if len(found) > 1 and _in_order([one.name for one in found]) else None


def _by_marks(text: str) -> list[str] | None:
    """Letters in one line; each must be there exactly once, so that no option is cut in two."""
    marks = list(_INLINE.finditer(text))
    names = [_plain(one.groups()) for one in marks]
    if len(marks) < 2 or marks[0].start() or not _in_order(names):  # noqa: PLR2004 - one option is no list
        return None
    ends = [*(one.start() for one in marks[1:]), len(text)]
    texts = [text[one.end() : end].strip() for one, end in zip(marks, ends, strict=True)]
    for sign in ",;，；":
        if all(one.endswith(sign) for one in texts[:-1]):
            texts = [*(one[:-1].rstrip() for one in texts[:-1]), texts[-1]]
    return texts if all(texts) else None
