"""Patterns that run only on texts with their words: what they find is what Python's own patterns find."""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed import parsing, screening
from reasonmed.parsing.sifted import Sifted, first_of, in_lower_case

CORPUS = Path(__file__).with_name("corpus.jsonl").read_text(encoding="utf-8").splitlines()
SHAPES = (
    r"\b(?:error|failure)\s+reasons?\b",
    r"sick(?:le|en)|[Kk]ist\w+|ısı",
    r"(?<![^\W_])(?:minus|[–—])(?=\d)",
    r"[⁰¹²³⁴-⁹]{1,3}(?=[+-])|\^\{\d\}",
    r"(?:ab|ac){2,}d|x?y*z",
    r"(?:[Ss]o,\s)?(?>k+)[^a-k]",
    r"<(?:final )?answer>.*?</answer>",
    r"(?:(?:un)?likely|s)?",
    r"não|été|[äöü]ber",
    r"[ſK]a|[\u0100-\u0180]b",
    r"\W+",
)
PIECES = [
    *("error", " reasons", "SICKLE", "sick", "\u212aist", "\u017fo, ", "K", "\u0131", "\u0130", "minus", "–", "7", "²"),
    *(
        "^{3}",
        "abac",
        "d",
        "z",
        "<answer>",
        "</ANSWER>",
        "likely",
        "NÃO",
        "été",
        "ÜBER",
        "\u0131b",
        "\u017fa",
        " ",
        "+",
        "\n",
    ),
]


def shipped() -> list[Sifted]:
    """Every sifted pattern of the package."""
    modules = [
        import_module(f"{room.__name__}.{one.name}")
        for room in (parsing, screening)
        for one in iter_modules(room.__path__)
    ]
    values = [value for module in modules for value in vars(module).values()]
    lists = [one for value in values if isinstance(value, list) for one in value]
    return [one for one in (*values, *lists) if isinstance(one, Sifted)]


@given(
    st.sampled_from(SHAPES), st.sampled_from((re.NOFLAG, re.IGNORECASE)), st.lists(st.sampled_from(PIECES), max_size=8)
)
@settings(max_examples=150, deadline=None)
def test_finds_what_python_finds(shape: str, flags: re.RegexFlag, pieces: list[str]) -> None:
    text, plain, sifted = "".join(pieces), re.compile(shape, flags), Sifted(shape, flags)
    found = plain.search(text)
    assert [one.span() for one in sifted.finditer(text)] == [one.span() for one in plain.finditer(text)]
    assert [one.span() for one in sifted.finditer(text, 1, 9)] == [one.span() for one in plain.finditer(text, 1, 9)]
    assert sifted.sub("_", text) == plain.sub("_", text)
    assert (sifted.search(text) or [None])[0] == (found or [None])[0]
    after, plain_after = sifted.search(text, 2), plain.search(text, 2)
    assert (after and after.span()) == (plain_after and plain_after.span())


@given(st.permutations(SHAPES), st.lists(st.sampled_from(PIECES), max_size=8))
@settings(max_examples=80, deadline=None)
def test_the_first_of_several_patterns_is_the_match_of_one_with_all_of_them(
    shapes: list[str], pieces: list[str]
) -> None:
    text, few = "".join(pieces), shapes[:4]
    together = re.search("|".join(f"(?:{one})" for one in few), text, re.IGNORECASE)
    found = first_of([Sifted(one, re.IGNORECASE) for one in few], text)
    assert (found and found.span()) == (together and together.span())


@pytest.mark.parametrize("sign", "abcdefghijklmnopqrstuvwxyz")
def test_whatever_passes_for_a_letter_is_that_letter_in_lower_case(sign: str) -> None:
    everything = "".join(
        map(chr, (*range(0x2500), *range(0xA640, 0xABFF), *range(0xFB00, 0xFFFF), *range(0x10400, 0x10450)))
    )
    assert {in_lower_case(one)[0] for one in re.findall(sign, everything, re.IGNORECASE)} == {sign}


def test_every_shipped_pattern_finds_in_replies_what_python_finds() -> None:
    texts = [text for line in CORPUS[::7] for text in json.loads(line).values() if isinstance(text, str)]
    texts += [text.upper() for text in texts[::5]]
    assert len(shipped()) > 100
    for sifted in shipped():
        plain = re.compile(sifted.pattern, sifted.flags)
        for text in texts:
            found = plain.search(text)
            assert bool(sifted.search(text)) == bool(found), (sifted.pattern, text)


def test_a_pattern_whose_words_are_absent_is_not_even_compiled() -> None:
    sifted = Sifted(r"\bcannot\s+be\s+told\b", re.IGNORECASE)
    assert sifted.search("The diagnosis is clear.") is None
    assert "compiled" not in vars(sifted)
    assert sifted.search("It CANNOT be told.", sys.maxsize) is None
    assert sifted.search("It CANNOT be told.") is not None
