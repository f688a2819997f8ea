"""The language of a text, as far as its script and its commonest words tell, and texts that leave the question's."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

_SCRIPTS = {
    "Japanese": "\u3040-\u30ff",
    "Korean": "\u1100-\u11ff\uac00-\ud7af",
    "Chinese": "\u3400-\u4dbf\u4e00-\u9fff",
    "Russian": "\u0400-\u052f",
    "Armenian": "\u0530-\u058f",
    "Hebrew": "\u0590-\u05ff",
    "Arabic": "\u0600-\u06ff",
    "Hindi": "\u0900-\u097f",
    "another Indian language": "\u0980-\u0dff",
    "Thai": "\u0e00-\u0e7f",
}
"""Scripts by the language that is written in them most; Greek letters stand in English medical prose."""
_FOREIGN = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()}
_ANY_FOREIGN = re.compile(f"[{''.join(_SCRIPTS.values())}]")
_FOREIGN_LETTERS = 5

_COMMON = {
    "English": "the of and to in is with for that this as be are by on it not or which an from was has can at we but",
    "German": "der die das und ist nicht ein eine mit für von den dem des im auf als auch bei oder wird sich es zu",
    "French": "le la les des et est un une pour dans que qui en du au par sur ne pas plus avec ce cette sont être",
    "Spanish": "el la los las y es un una para en que por del con se lo no más como su al son este esta sobre",
    "Portuguese": "o os as e é um uma para em que por do da dos das com se não mais como na no ao são pelo",
    "Italian": "il lo gli e è un una per in che di del della con si non più come nel sono alla dei delle anche",
    "Dutch": "de het een en van is niet met voor op dat die te in zijn aan ook bij als door maar wordt",
}
_WORDS = {name: frozenset(listed.split()) for name, listed in _COMMON.items()}
_WORD = re.compile(r"[^\W\d_]+")
_SHARE = 0.15
"""Share of a text's words that are the commonest of its language, at least."""
_AHEAD = 1.5
_HITS = 4
_ENOUGH, _HARDLY = 30, 0.08
"""Distinct words from which on a text of hardly any English word is none."""
_SHOWN = 80


@lru_cache(maxsize=16)
def language_of(text: str) -> str | None:
    """The English name of a text's language; None where it cannot be told."""
    if not _ANY_FOREIGN.search(text):
        return _by_words(_lowered(text))
    letters = sum(sign.isalpha() for sign in text)
    by_script = {name: len(pattern.findall(text)) for name, pattern in _FOREIGN.items()}
    name = max(by_script, key=lambda one: by_script[one])
    if by_script[name] * 2 > letters:
        kana = by_script["Japanese"] >= _FOREIGN_LETTERS
        return "Japanese" if name == "Chinese" and kana else name
    return _by_words(_lowered(text))


def other_language(text: str, question: str) -> str | None:
    """How a text leaves the question's language: another one, or letters of another script within; None if it does not.

    Text and question must both be long enough to tell.
    """
    asked, said = language_of(question), language_of(text)
    if asked and said and asked != said:
        return f"it is in {said}, and the question in {asked}"
    found = [] if _ANY_FOREIGN.search(question) else _ANY_FOREIGN.findall(text)
    if len(found) >= _FOREIGN_LETTERS:
        return f"{len(found)} letters of another script: {''.join(found[:_SHOWN])}"
    words = _lowered(text)
    if asked == "English" and len(set(words)) >= _ENOUGH and _share(words, "English") < _HARDLY:
        return "hardly any English word"
    return None


def _by_words(words: tuple[str, ...]) -> str | None:
    times = Counter(words)
    counts = Counter({name: sum(times.get(word, 0) for word in listed) for name, listed in _WORDS.items()})
    (name, most), (_, second) = counts.most_common(2)
    sure = most >= _HITS and most >= _SHARE * len(words) and most >= _AHEAD * second
    return name if sure else None


@lru_cache(maxsize=4)
def _lowered(text: str) -> tuple[str, ...]:
    if text.isascii():
        return tuple(_WORD.findall(text.lower()))
    return tuple(word.casefold() for word in _WORD.findall(text))


def _share(words: tuple[str, ...], name: str) -> float:
    return sum(word in _WORDS[name] for word in words) / len(words) if words else 0.0
