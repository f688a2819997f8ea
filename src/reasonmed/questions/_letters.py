"""Letters that options carry in their texts: ``A. Atrophy``, ``(b) Atrophy``, and lists of options in one text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARK = re.compile(
    r"\s*(?:option\s+)?(?:\(([A-Za-z]|\d{1,2})\)|\[([A-Za-z]|\d{1,2})\]|([A-Za-z])[.):]|(\d{1,2})[.):](?=\s)"
    r"|([A-Za-z])\s+[-\u2013\u2014](?=\s))\s*(\S.*)",
    re.DOTALL | re.IGNORECASE,
)
_BARE = re.compile(r"\s*([A-Z])[ \t]+(\S.*)", re.DOTALL)
"""A letter and a space: a mark only where every line of a text begins so."""
_INLINE = re.compile(r"(?:(?<=\s)|^)(?:\(([A-Z])\)|([A-Z])[.):](?=\s))\s*")
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
    first = next((number for number in range(len(lines) - 1, 0, -1) if _is_first(lines[number])), None)
    if first is not None:  # the last A: with another one behind it, letters would not be in order
        options = _by_lines("\n".join(lines[first:]))
        stem = _LINE_HEADER.sub("", "\n".join(lines[:first])).strip()
        if options is not None and stem:
            return stem, options
    header = _STEM_HEADER.search(text)
    options = _by_marks(text[header.end() :]) if header else None
    return (text[: header.start()].strip(), options) if header and options and text[: header.start()].strip() else None


def _is_first(line: str) -> bool:
    found = _marked(line)
    return found is not None and found.name == "A"


def _marked(text: str) -> _Marked | None:
    found = _MARK.fullmatch(text)
    if found is None:
        return None
    *names, rest = found.groups()
    return _Marked(next(name for name in names if name).upper(), rest.rstrip())


def _in_order(names: Sequence[str]) -> bool:
    expected = [letter(index) for index in range(len(names))]
    return names == expected or names == [str(index + 1) for index in range(len(names))]


def _by_lines(text: str) -> list[str] | None:
    """Every line begins with the next letter; a line without one goes on with the option before it."""
    lines = [line for line in text.splitlines() if line.strip()]
    bare = [_BARE.fullmatch(line) for line in lines]
    if all(bare) and not any(map(_marked, lines)):
        found = [_Marked(one[1], one[2].rstrip()) for one in bare if one]
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
    names = [one[1] or one[2] for one in marks]
    if len(marks) < 2 or marks[0].start() or not _in_order(names):  # noqa: PLR2004 - one option is no list
        return None
    ends = [*(one.start() for one in marks[1:]), len(text)]
    texts = [text[one.end() : end].strip() for one, end in zip(marks, ends, strict=True)]
    return texts if all(texts) else None
