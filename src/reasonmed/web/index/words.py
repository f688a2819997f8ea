"""What a person types, as an expression of SQLite's full-text search; and texts as it takes them.

Words are joined by *and*. ``"two words"`` is a phrase, ``warf*`` a beginning, ``-word`` excludes, alone too. Nothing
else of the search's own syntax reaches it. Chinese, Japanese and Korean, which put no spaces between words, are kept
sign by sign and found as phrases: a word of two signs is found as one of ten is, in a set of several languages too.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNSPACED = re.compile("([\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003134f])")
_TERM = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')
_QUOTES = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d\u300e\u300f", '"') | {"\x00": " "}
)
"""What keyboards and word processors put for a quotation mark."""
COLUMNS = ("stem", "chains", "verdicts")


class Term(NamedTuple):
    """A word or a phrase; ``prefix`` where words may go on behind it."""

    text: str
    prefix: bool = False


class Terms(NamedTuple):
    """The terms of a query; ``without`` has those that may not be there."""

    within: tuple[Term, ...]
    without: tuple[Term, ...]


def plain(text: str) -> str:
    """A text in one form of each letter: composed, and without ligatures, full widths, raised digits."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode())


def spaced(text: str) -> str:
    """A text as full-text search takes it, with a space around each sign of a script that has none."""
    return text if text.isascii() else _UNSPACED.sub(r" \1 ", plain(text))


def folded(text: str) -> str:
    """A text as plain comparison takes it: without accents and capital letters."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", plain(text).casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def terms_of(query: str) -> Terms:
    """The terms of what a person typed; those without a letter or a digit are left out."""
    within: list[Term] = []
    without: list[Term] = []
    for sign, phrase, word in _TERM.findall(plain(query).translate(_QUOTES)):
        text = " ".join((phrase or word.rstrip("*")).replace('"', " ").split())
        if any(one.isalnum() for one in text):
            (without if sign else within).append(Term(text, word.endswith("*")))
    return Terms(tuple(dict.fromkeys(within)), tuple(dict.fromkeys(without)))


def expression(terms: Sequence[Term], joint: str, within: str = "") -> str:
    """The expression of terms joined by ``AND`` or ``OR``, in one column or in all."""
    found = f" {joint} ".join(f'"{spaced(term.text).strip()}"' + "*" * term.prefix for term in terms)
    return f"{{{within}}} : ({found})" if within in COLUMNS else found


def parts_of(text: str, terms: Sequence[Term]) -> list[tuple[str, bool]]:
    """A text in parts, each with whether it is one of the terms; the parts together are the text."""
    letters = [(folded(sign), place) for place, sign in enumerate(text)]
    flat = "".join(sign for sign, _ in letters)
    places = [place for sign, place in letters for _ in sign]
    sought = [_pattern(term) for term in sorted(terms, key=lambda one: -len(one.text))]
    parts: list[tuple[str, bool]] = []
    reached = 0
    for hit in re.finditer("|".join(sought), flat) if sought else ():
        start = places[hit.start()]
        end = places[hit.end()] if hit.end() < len(places) else len(text)
        if reached <= start < end:
            parts += [(text[reached:start], False), (text[start:end], True)]
            reached = end
    return [part for part in (*parts, (text[reached:], False)) if part[0]]


def _pattern(term: Term) -> str:
    """What finds a term in a text that is folded: whole words, or signs of a script that has none."""
    words = [word for word in re.split(r"[\W_]+", spaced(folded(term.text))) if word]
    if not words:
        return "(?!)"
    found = r"[\W_]*".join(map(re.escape, words))
    before = "" if _UNSPACED.match(words[0]) else r"(?<![^\W_])"
    behind = "" if term.prefix or _UNSPACED.match(words[-1]) else r"(?![^\W_])"
    return f"{before}{found}{behind}"
