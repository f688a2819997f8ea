"""A quick look that keeps a pattern from a text never keeps it from one that it matches."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.parsing import answer_phrases as phrases
from reasonmed.parsing.answer_forms import _FENCE
from reasonmed.parsing.sifted import in_lower_case
from reasonmed.parsing.spellings import Spellings
from reasonmed.screening.language import _WORD, _lowered
from reasonmed.screening.leak import _LEAKS, find_leak
from reasonmed.screening.loop import _all_over, _in_a_row, _within_a_word, find_loop, find_noise
from reasonmed.screening.phi import _DATE, _EMAIL, _PHONE, _RECORD, _SOCIAL, _URL, RULES
from reasonmed.screening.words import words

PIECES = (
    *(
        "the answer is",
        "Answer:",
        "ans. -",
        "my",
        "best",
        "most likely",
        "diagnosis",
        "option",
        "choice",
        "I'd",
        "I",
        "go",
    ),
    *(
        "with",
        "choose",
        "is",
        "remains",
        "would be",
        "clearly",
        "correct",
        "(",
        ")",
        "A",
        "B.",
        "C",
        ":",
        "-",
        "–",
        "**",
    ),
    *(
        "antwort ist",
        "Réponse :",
        "答案是",
        "ответ:",
        "\u1c82твет",
        "απάντηση",
        "ΑΠΆΝΤΗΣΗ",
        "minus",
        "negatıve",
        "MINUS",
        "3",
        "12",
        "^",
        "⁺",
        "\\pm",
        "+/-",
        ">=",
        "&ge;",
    ),
    *(
        "plus or minus",
        "!=",
        "alpha1",
        "IFN-γ",
        "pi2",
        "β",
        "⁵",
        "₂",
        "ａ",
        "\u200b",
        "~~x~~",
        "<del>x</del>",
        "<b>",
        "</p>",
    ),
    *(
        "previous attempt",
        "the gıven answer",
        "original draft",
        "COTS",
        "your feedback",
        "judge's notes",
        "error reason",
    ),
    *(
        "answer key",
        "known",
        "ſupplied",
        "12 May 2021",
        "2021-03-04",
        "(415) 555-0132",
        "+49 30 1234567",
        "078-05-1120",
    ),
    *(
        "MRN: 12-345",
        "a@example.org",
        "WWW.example.org",
        "http://x.example",
        "\n",
        "\n\n",
        "ſ",
        "K",
        "the",
        "of",
        "und",
        "der",
    ),
    *("la", "les", "не", "这", "です", "liver", "no, no,", "no", "1", "2", "fit", "Ａ"),
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).flatmap(
    lambda pieces: st.sampled_from(["", " ", "  "]).map(lambda between: between.join(pieces))
)
LOOPS = st.tuples(st.lists(st.sampled_from(["a", "b", "liver", "7", "8"]), min_size=1, max_size=9), st.integers(0, 40))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_a_fold_that_a_look_leaves_out_changes_nothing(text: str) -> None:
    for pattern, _ in Spellings(("-70 mV", ">= 140 mmHg", "CD19-negative cells"))._folds:  # noqa: SLF001
        assert pattern.may_match(text, in_lower_case(text)) or pattern.compiled.search(text) is None


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_a_phrase_that_a_look_leaves_out_is_not_there(text: str) -> None:
    for kind in (phrases.STRONG, phrases.WEAK, phrases.REVERSED):
        assert kind.may_match(text, in_lower_case(text)) or kind.compiled.search(text) is None
    assert _FENCE.search(text) is None or text.rstrip()[-1:] in ("}", "]", "`")


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_leaks_and_identifiers_are_those_that_the_whole_patterns_find(text: str) -> None:
    found = re.search("|".join(_LEAKS), text, re.IGNORECASE)
    assert find_leak(text) == (found and found[0])
    patterns = (_DATE, _PHONE, _RECORD, _SOCIAL, _EMAIL.compiled, _URL.compiled)
    for rule, pattern in zip(RULES.values(), patterns, strict=True):
        match = pattern.search(text)
        assert rule(text) == (match and match[0])


@settings(max_examples=200, deadline=None)
@given(st.lists(LOOPS, max_size=4))
def test_a_loop_is_found_whether_it_is_looked_for_quickly_or_not(parts: list[tuple[list[str], int]]) -> None:
    text = " ".join(" ".join(said) for part, times in parts for said in [part] * times)
    said = words(text)
    numbered = tuple("0" if word.isdigit() else word for word in said)
    whole = _in_a_row(said, 5) or _in_a_row(numbered, 10) or _all_over(numbered)
    assert find_loop(text) == (whole or _within_a_word(text))


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_common_words_are_counted_as_one_by_one(text: str) -> None:
    lowered = [word.casefold() for word in _WORD.findall(text)]
    assert list(_lowered(text)) == lowered


@settings(max_examples=200, deadline=None)
@given(st.text("aZ7 _-.:=|/\n", min_size=30, max_size=90) | st.text(min_size=30, max_size=60))
def test_letters_are_counted_as_one_by_one(text: str) -> None:
    signs = "".join(text.split())
    noisy = len(signs) >= 40 and sum(map(str.isalnum, signs)) < 0.3 * len(signs)
    assert (find_noise(text) is not None) == noisy
