"""Words of a text, and which of them carry no statement: grammar, and the talk of answering a question."""

from __future__ import annotations

import re
from functools import lru_cache

_CHARACTERS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Scripts that are written without spaces: each character counts as a word."""
_WORD = re.compile(rf"[{_CHARACTERS}]|[^\W_{_CHARACTERS}]+")

_GRAMMAR = """
    a all also am an and any are as at be because been being both but by can cannot could d did do does doesn
    don each either every for from had has have he her him his how however i if in into is isn it its just let
    ll m may me might more most much must my neither no nor not of on one only or other others our out over re s
    shall she should since so some still such t than that the their them then there therefore these they this
    those though three thus to too two under up us ve very was we were what when where which while who why will
    with would yet you your
"""
_ANSWERING = """
    above accurate accurately actual analysis analyze analyzing answer answered answering answers approach
    appropriate arrive ask asked asking asks assess assessing based before begin best better break careful
    carefully case choice choices choose choosing chose chosen clear clearly compare comparing conclude
    concludes conclusion consider considered considering correct correctly decide decision deduce definitely
    describe described detail detailed details determine determining discuss down eliminate eliminating
    elimination evaluate evaluating evaluation examine examining explain explained explanation explore final
    finally find first fit fits follow following follows form given go good help hence identify identifying
    incorrect incorrectly indeed information item key know knowledge known last least letter likely list listed
    logic logical logically look looking make makes making match matches medical need needed needs next now
    obvious obviously okay option options order overall pick picked point points possible possibly problem
    proceed process proper properly provide provided question questions ready reason reasoned reasoning reasons
    rest restate result review right rule ruled second see select selected selecting selection sentence sequence
    should show simply solution solve start statement step steps suitable sum summarize summary support
    supported supports sure task text therefore thing things think thinking third thorough thoroughly thought
    thoughts together true understand understanding use using various want way well whether without word words
    work write wrong
"""
GRAMMAR = frozenset(_GRAMMAR.split())
ANSWERING = frozenset(_ANSWERING.split())
"""What anybody could say of any question."""


@lru_cache(maxsize=16)
def words(text: str) -> tuple[str, ...]:
    """The words in order, in lower case; a character of Chinese or Japanese is a word."""
    return tuple(_WORD.findall(text.casefold()))


def own_words(text: str, *known: str) -> set[str]:
    """The distinct words of a text that are neither in the known texts nor grammar nor talk of answering."""
    left = set(words(text)).difference(GRAMMAR, ANSWERING, *map(words, known))
    return {word for word in left if not word.isdigit()}
