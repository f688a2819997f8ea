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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Replace = Callable[[re.Match[str]], str]
    Look = Callable[[str], bool]

_HIDDEN = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]++")
_STRUCK = re.compile(r"~~[^~\n]{1,300}~~|<del>[^<\n]{1,300}</del>", re.IGNORECASE)
_BLOCK = re.compile(r"</?(?:p|div|br|li|ul|ol|h[1-6])(?:\s[^<>\n]{0,80})?/?>", re.IGNORECASE)
_INLINE = re.compile(r"</?(?:b|i|u|strong|em|span|code|mark|font)(?:\s[^<>\n]{0,80})?>", re.IGNORECASE)
_STYLED = re.compile(r"[Ａ-Ｚａ-ｚ０-９Ⓐ-ⓩ\U0001d400-\U0001d7ff]")

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
_SIGN = re.compile("|".join(f"({pattern})" for pattern in _SIGNS.values()))
_NAMES = tuple(_SIGNS)

_SMALL = {ord(raised): ord(plain) for raised, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "0123456789" * 2, strict=True)}
_RAISED = re.compile(r"(?<=\d)(⁻?)([⁰¹²³⁴-⁹]{1,6}+)(?![⁰¹²³⁴-⁹⁺⁻+])")
_CHARGE = re.compile(r"([⁰¹²³⁴-⁹]{1,3}+)(?=[⁺⁻+-])|([₀-₉]++)|\^\{(\d{1,2}[+-])\}|\^(?=\d{1,2}[+-](?!\d))")

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
_GREEK_LETTER = re.compile(rf"(?<=[^\W\d_])[{''.join(_GREEK)}](?![^\W\d_])|(?<![^\W_])[{''.join(_GREEK)}]")
_GREEK_NAME = re.compile(
    rf"(?<![^\W_])({'|'.join(sorted(set(_GREEK.values()), key=len, reverse=True))})(?=\d)", re.IGNORECASE
)

_MINUS = re.compile(r"(?<![^\W_])(?:(?:minus|negative)\s{1,3}|[–—])(?=\d)", re.IGNORECASE)
_APART = re.compile(
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
_COMPARED = re.compile(
    "|".join(rf"((?<![^\W_])(?:{pattern})\s{{0,3}}(?=\$?\d))" for pattern in _THAN.values()), re.IGNORECASE
)
_AND_MORE = re.compile(
    r"(?<![\w.,<>≤≥])(?P<number>\d{1,12}(?:[.,]\d{1,12})?(?:\s?[^\W\d_%]{1,12}(?:/[^\W_]{1,8})?|\s?%)?)"
    r"\s{1,3}(?:or|and)\s{1,3}(?:(?P<more>more|higher|greater|above|over|older|later)"
    r"|less|lower|fewer|below|under|younger|earlier)\b",
    re.IGNORECASE,
)
_COMPARISON = re.compile(r"[<>≤≥]\s?\$?\d")

_RISEN = re.compile(
    r"\b(?:(increase[ds]?|elevated|raised)|(?:decrease[ds]?|reduced|lowered))(?:\s{1,3}in)?\s{1,3}", re.IGNORECASE
)

_ENDING = (
    r"(?:\s?\(\s?[+–-]\s?\)|[+–-](?:i?ve\b|(?!\w)(?!\s(?:and|or|to)\b)|(?=[A-Za-z]{1,6}\d{0,3}[+-](?!\w)))"
    r"|\s[+–-](?:i?ve\b|(?=\s{0,3}(?:[.,;)/]|$)))|[\s-]?(?:positive|negative)\b|[\s-](?:pos|neg)\b)"
)
_STEM = re.compile(rf"(?<![^\W_])([^\W_]{{1,30}}){_ENDING}", re.IGNORECASE)
_POSITIVE = re.compile(r"\+|pos", re.IGNORECASE)


def _always(text: str) -> bool:  # noqa: ARG001 - the shape of every look
    return True


def _not_ascii(text: str) -> bool:
    return not text.isascii()


def _one_of(*signs: str) -> Look:
    def look(text: str) -> bool:
        return any(sign in text for sign in signs)

    return look


_RAISED_DIGITS, _LOWERED_DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉"
_has_sign = _one_of(*"^\\+=&", "plus", *(sign for pattern in _SIGNS.values() for sign in pattern if not sign.isascii()))
_ENDS_OF_NAMES = "".join({name[-1] for name in _GREEK.values()})
_NAMED = re.compile(rf"\d(?<=[{_ENDS_OF_NAMES}]\d)", re.IGNORECASE)
_WORDS_OF_MINUS = ("minus", "negative", "–", "—")


def _has_greek_name(text: str) -> bool:
    return _NAMED.search(text) is not None


def _has_minus(text: str) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in _WORDS_OF_MINUS) or any(letter in text for letter in "ſıİ")


class _Fold(NamedTuple):
    """What is replaced by what, and a quick look whether a text may have any of it."""

    pattern: re.Pattern[str]
    replace: Replace
    look: Look = _always


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
        self._folds = [*_FOLDS]
        folded = [self.fold(option).text for option in options]
        if any(_NEGATIVE.search(option) for option in folded):
            self._folds.append(_Fold(_APART, lambda match: f"{match['head']} -"))
        if any(_COMPARISON.search(option) or _COMPARED.search(option) for option in folded):
            self._folds.append(_Fold(_COMPARED, lambda match: tuple(_THAN)[(match.lastindex or 1) - 1]))
            self._folds.append(_Fold(_AND_MORE, lambda match: f"{'≥' if match['more'] else '≤'}{match['number']}"))
        if any("↑" in option or "↓" in option or _RISEN.search(option) for option in folded):
            self._folds.append(_Fold(_RISEN, lambda match: "↑ " if match[1] else "↓ "))
        self.signed = {stem.lower() for option in folded for stem in _STEM.findall(option)}
        """The words that stand before "positive" or "negative" in an option, in whatever spelling."""
        if self.signed:
            stems = "|".join(map(re.escape, sorted(self.signed, key=len, reverse=True)))
            ended = re.compile(rf"(?<![^\W_])({stems}){_ENDING}", re.IGNORECASE)
            self._folds.append(_Fold(ended, _ended))

    def fold(self, text: str) -> Folded:
        """The text with one spelling for each sign."""
        places = []
        for fold in self._folds:
            text, moved = _substituted(fold, text) if fold.look(text) else (text, None)
            if moved:
                places.append(moved)
        return Folded(text, tuple(places))


def _substituted(fold: _Fold, text: str) -> tuple[str, tuple[list[int], list[int]] | None]:
    parts, new, old, done, length = [], [0], [0], 0, 0
    for match in fold.pattern.finditer(text):
        inserted = fold.replace(match)
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


_FOLDS = (
    _Fold(_HIDDEN, lambda _: "", _not_ascii),
    _Fold(_STRUCK, lambda _: " ", _one_of("~~", "<")),
    _Fold(_BLOCK, lambda _: "\n", _one_of("<")),
    _Fold(_INLINE, lambda _: "", _one_of("<")),
    _Fold(_STYLED, lambda match: normalize("NFKC", match[0]), _not_ascii),
    _Fold(_RAISED, _power, _one_of(*_RAISED_DIGITS)),
    _Fold(_CHARGE, _charge, _one_of("^", *_RAISED_DIGITS, *_LOWERED_DIGITS)),
    _Fold(_SIGN, lambda match: _NAMES[(match.lastindex or 1) - 1], _has_sign),
    _Fold(
        _GREEK_LETTER,
        lambda match: f" {_GREEK[match[0]]} " if match.start() else f"{_GREEK[match[0]]} ",
        _one_of(*_GREEK),
    ),
    _Fold(_GREEK_NAME, lambda match: f"{match[1]} ", _has_greek_name),
    _Fold(_MINUS, lambda _: "-", _has_minus),
)
