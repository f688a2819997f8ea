"""Spellings of one sign folded into one, so that "CD19 positive", "CD19+" and "CD19⁺" match and "CD19-" does not.

Characters that nobody sees, text that is struck through and HTML around words go as well.

What is folded beyond the signs themselves depends on the options: words become signs only where an option has such a
sign, so that no other text changes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import normalize

from reasonmed.parsing.sifted import Sifted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Replace = Callable[[re.Match[str]], str]

_HIDDEN = Sifted(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]++")
_STRUCK = Sifted(r"~~[^~\n]{1,300}~~|<del>[^<\n]{1,300}</del>", re.IGNORECASE)
_BLOCK = Sifted(r"</?(?:p|div|br|li|ul|ol|h[1-6])(?:\s[^<>\n]{0,80})?/?>", re.IGNORECASE)
_INLINE = Sifted(r"</?(?:b|i|u|strong|em|span|code|mark|font)(?:\s[^<>\n]{0,80})?>", re.IGNORECASE)
_STYLED = Sifted(r"[Ａ-Ｚａ-ｚ０-９Ⓐ-ⓩ\U0001d400-\U0001d7ff]")

_SIGNS = {
    "+": r"[⁺₊＋⊕]|\^\{?\+\}?|\\textsuperscript\{\+\}",
    "-": r"[⁻₋−－⊖]|\^(?:\{[-−]\}|[-−](?!\d))",
    "±": r"\+\s?/\s?[-−–]|\\pm\b|\bplus[\s-](?:or[\s-])?minus\b",
    "≥": r"[≧⩾⪰]|>\s?=|=>(?=\s?\$?\d)|\\geq?(?:slant)?(?![a-z])|&ge;",
    "≤": r"[≦⩽⪯]|<\s?=|=<(?=\s?\$?\d)|\\leq?(?:slant)?(?![a-z])|&le;",
    ">": r"＞|&gt;|\\gt\b",
    "<": r"＜|&lt;|\\lt\b",
    "↑": r"[⬆⇧⇑▲]\ufe0f?|\\[uU]parrow\b",
    "↓": r"[⬇⇩⇓▼]\ufe0f?|\\[dD]ownarrow\b",
    "≠": r"!=|\\neq?\b",
}
_SIGN = Sifted("|".join(f"({pattern})" for pattern in _SIGNS.values()))
_NAMES = tuple(_SIGNS)

_SMALL = {ord(raised): ord(plain) for raised, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "0123456789" * 2, strict=True)}
_RAISED = Sifted(r"(?<=\d)(⁻?)([⁰¹²³⁴-⁹]{1,6}+)(?![⁰¹²³⁴-⁹⁺⁻+])")
_CHARGE = Sifted(r"([⁰¹²³⁴-⁹]{1,3}+)(?=[⁺⁻+-])|([₀-₉]++)|\^\{(\d{1,2}[+-])\}|\^(?=\d{1,2}[+-](?!\d))")

_GREEK = dict(
    zip(
        "αβγδεζηθικλνξπρστφχψωΔΓΘΛΣΦΨΩ",
        [
            "alpha",
            "beta",
            "gamma",
            "delta",
            "epsilon",
            "zeta",
            "eta",
            "theta",
            "iota",
            "kappa",
            "lambda",
            "nu",
            "xi",
            "pi",
            "rho",
            "sigma",
            "tau",
            "phi",
            "chi",
            "psi",
            "omega",
            "delta",
            "gamma",
            "theta",
            "lambda",
            "sigma",
            "phi",
            "psi",
            "omega",
        ],
        strict=True,
    )
)
_GREEK_LETTER = Sifted(rf"(?<=[^\W\d_])[{''.join(_GREEK)}](?![^\W\d_])|(?<![^\W_])[{''.join(_GREEK)}]")
_GREEK_NAME = Sifted(
    rf"(?<![^\W_])({'|'.join(sorted(set(_GREEK.values()), key=len, reverse=True))})(?=\d)", re.IGNORECASE
)

_MINUS = Sifted(r"(?<![^\W_])(?:(?:minus|negative)\s{1,3}|[–—])(?=\d)", re.IGNORECASE)
_APART = Sifted(
    r"(?P<head>(?:^|[:=({*.$]|\b(?:is|of|to|at|answer|ans)\b)[ \t*_]{0,4})[-–—][ \t]{1,2}(?=\d)",
    re.IGNORECASE | re.MULTILINE,
)
_NEGATIVE = re.compile(r"(?<![^\W_])-\s?\d")

_THAN = {
    "≥": r"(?:greater|more|higher|larger|older)\s{1,3}than\s{1,3}or\s{1,3}equal\s{1,3}to"
    r"|equal\s{1,3}to\s{1,3}or\s{1,3}(?:greater|more|higher|larger|older)\s{1,3}than"
    r"|at\s{1,3}least|not?\s{1,3}(?:less|fewer|lower|younger)\s{1,3}than|(?:a\s{1,3})?min(?:imum)?(?:\s{1,3}of)?",
    "≤": r"(?:less|fewer|lower|smaller|younger)\s{1,3}than\s{1,3}or\s{1,3}equal\s{1,3}to"
    r"|equal\s{1,3}to\s{1,3}or\s{1,3}(?:less|fewer|lower|smaller|younger)\s{1,3}than"
    r"|at\s{1,3}most|not?\s{1,3}(?:more|greater|higher|older)\s{1,3}than|up\s{1,3}to(?:\s{1,3}and\s{1,3}including)?|(?:a\s{1,3})?max(?:imum)?(?:\s{1,3}of)?",
    ">": r"(?:greater|more|higher|larger|older)\s{1,3}than|above|over|exceeding|beyond|past",
    "<": r"(?:less|fewer|lower|smaller|younger)\s{1,3}than|below|under",
    "≠": r"about|around|approximately|approx\.?|roughly|nearly|near|almost|within|from|after|before|until|including"
    r"|[~≈≮≯≲≳]",
}
"""Words before a number; the last ones say neither that number nor anything that an option's sign says."""
_COMPARED = Sifted(
    "|".join(rf"((?<![^\W_])(?:{pattern})\s{{0,3}}(?=\$?\d))" for pattern in _THAN.values()), re.IGNORECASE
)
_AND_MORE = Sifted(
    r"(?<![\w.,<>≤≥])(?P<number>\d{1,12}(?:[.,]\d{1,12})?(?:\s?[^\W\d_%]{1,12}(?:/[^\W_]{1,8})?|\s?%)?)"
    r"\s{1,3}(?:or|and)\s{1,3}(?:(?P<more>more|higher|greater|above|over|older|later)"
    r"|less|lower|fewer|below|under|younger|earlier)\b",
    re.IGNORECASE,
)
_COMPARISON = re.compile(r"[<>≤≥]\s?\$?\d")

_RISEN = Sifted(
    r"\b(?:(increase[ds]?|elevated|raised)|(?:decrease[ds]?|reduced|lowered))(?:\s{1,3}in)?\s{1,3}", re.IGNORECASE
)

_ENDING = (
    r"(?:\s?\(\s?[+–-]\s?\)|[+–-](?:i?ve\b|(?!\w)(?!\s(?:and|or|to)\b)|(?=[A-Za-z]{1,6}\d{0,3}[+-](?!\w)))"
    r"|\s[+–-](?:i?ve\b|(?=\s{0,3}(?:[.,;)/]|$)))|[\s-]?(?:positive|negative)\b|[\s-](?:pos|neg)\b)"
)
_STEM = re.compile(rf"(?<![^\W_])([^\W_]{{1,30}}){_ENDING}", re.IGNORECASE)
_POSITIVE = re.compile(r"\+|pos", re.IGNORECASE)


class Folded(NamedTuple):
    """A text with one spelling for each sign; ``places`` lead back to the text as it was."""

    text: str
    places: tuple[tuple[list[int], list[int]], ...] = ()

    def original(self, position: int) -> int:
        """Where a position of the folded text is in the original."""
        for new, old in reversed(self.places):
            before = bisect_right(new, position) - 1
            moved = old[before] + position - new[before]
            position = min(moved, old[before + 1]) if before + 1 < len(old) else moved
        return position


class Spellings:
    """The folds that a question's options ask for."""

    def __init__(self, options: Sequence[str]) -> None:
        self._folds: list[tuple[Sifted, Replace]] = [
            (_HIDDEN, lambda _: ""),
            (_STRUCK, lambda _: " "),
            (_BLOCK, lambda _: "\n"),
            (_INLINE, lambda _: ""),
            (_STYLED, lambda match: normalize("NFKC", match[0])),
            (_RAISED, _power),
            (_CHARGE, _charge),
            (_SIGN, lambda match: _NAMES[(match.lastindex or 1) - 1]),
            (_GREEK_LETTER, lambda match: f" {_GREEK[match[0]]} " if match.start() else f"{_GREEK[match[0]]} "),
            (_GREEK_NAME, lambda match: f"{match[1]} "),
            (_MINUS, lambda _: "-"),
        ]
        folded = [self.fold(option).text for option in options]
        if any(_NEGATIVE.search(option) for option in folded):
            self._folds.append((_APART, lambda match: f"{match['head']} -"))
        if any(_COMPARISON.search(option) or _COMPARED.search(option) for option in folded):
            self._folds.append((_COMPARED, lambda match: tuple(_THAN)[(match.lastindex or 1) - 1]))
            self._folds.append((_AND_MORE, lambda match: f"{'≥' if match['more'] else '≤'}{match['number']}"))
        if any("↑" in option or "↓" in option or _RISEN.search(option) for option in folded):
            self._folds.append((_RISEN, lambda match: "↑ " if match[1] else "↓ "))
        self.signed = {stem.lower() for option in folded for stem in _STEM.findall(option)}
        """The words that stand before "positive" or "negative" in an option, in whatever spelling."""
        if self.signed:
            stems = "|".join(map(re.escape, sorted(self.signed, key=len, reverse=True)))
            ended = Sifted(rf"(?<![^\W_])({stems}){_ENDING}", re.IGNORECASE)
            self._folds.append((ended, _ended))

    def fold(self, text: str) -> Folded:
        """The text with one spelling for each sign."""
        places = []
        for pattern, replace in self._folds:
            text, moved = _substituted(pattern, replace, text)
            if moved:
                places.append(moved)
        return Folded(text, tuple(places))


def _substituted(pattern: Sifted, replace: Replace, text: str) -> tuple[str, tuple[list[int], list[int]] | None]:
    parts, new, old, done, length = [], [0], [0], 0, 0
    for match in pattern.finditer(text):
        inserted = replace(match)
        parts += [text[done : match.start()], inserted]
        length += match.start() - done
        new += [length, length + len(inserted)]
        old += [match.start(), match.end()]
        length, done = length + len(inserted), match.end()
    return ("".join([*parts, text[done:]]), (new, old)) if parts else (text, None)


def _power(match: re.Match[str]) -> str:
    return f"^{'-' if match[1] else ''}{match[2].translate(_SMALL)}"


def _charge(match: re.Match[str]) -> str:
    return (match[1] or match[2] or match[3] or "").translate(_SMALL)


def _ended(match: re.Match[str]) -> str:
    return f"{match[1]} {'positive' if _POSITIVE.search(match[0][len(match[1]) :]) else 'negative'}"
