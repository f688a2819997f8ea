"""What a person types, as an expression of SQLite's full-text search; and texts as it takes them.

Words are joined by *and*. ``"two words"`` is a phrase, ``warf*`` a beginning, ``-word`` excludes. Nothing else of the
search's own syntax reaches it. Chinese, Japanese and Korean, which put no spaces between words, are kept sign by sign
and found as phrases: a word of two signs is found as one of ten is, in a set of several languages too.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_UNSPACED = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f])")
_TERM = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')
_WORD = re.compile(r"\w", re.UNICODE)
COLUMNS = ("stem", "chains", "verdicts")


class Terms(NamedTuple):
    """The terms of a query, each without its signs; ``without`` has those that may not be there."""

    within: tuple[str, ...]
    without: tuple[str, ...]
    prefixes: frozenset[str]


def spaced(text: str) -> str:
    """A text with a space around each sign of a script that has none."""
    return _UNSPACED.sub(r" \1 ", text)


def terms_of(query: str) -> Terms:
    """The terms of what a person typed; those without a letter or a digit are left out."""
    within: list[str] = []
    without: list[str] = []
    prefixes = set()
    for sign, phrase, word in _TERM.findall(query.replace("\x00", " ")):
        term = phrase or word
        if not _WORD.search(term):
            continue
        bare = term.rstrip("*") if word else term
        if bare != term:
            prefixes.add(bare)
        (without if sign else within).append(bare)
    return Terms(tuple(within), tuple(without), frozenset(prefixes))


def expression(terms: Terms, within: str = "") -> str:
    """The expression of terms, in one column or in all; empty where no term asks for anything."""
    if not terms.within:
        return ""
    wanted = " AND ".join(_quoted(term, terms) for term in terms.within)
    found = f"({wanted})" + "".join(f" NOT {_quoted(term, terms)}" for term in terms.without)
    return f"{{{within}}} : ({found})" if within in COLUMNS else found


def _quoted(term: str, terms: Terms) -> str:
    plain = spaced(term).replace('"', " ").strip()
    return f'"{plain}"' + ("*" if term in terms.prefixes else "")
