"""Texts that say nothing of their own: a form left as it was, or the words of the prompt given back."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from reasonmed.parsing.sifted import Sifted
from reasonmed.screening.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RUN = 5
"""Words in a row that are no coincidence."""
_FEW = 4
"""Fewer words than this may well stand in the instructions too."""

_SLOT = Sifted(r"<(letter|text|option text|your [a-z ]{1,30})>", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*(?:<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\})[\s.]*")
_SIZE = (
    r"(?:(?:in|with|give|write|provide)\s)?(?:(?:a|an|one|two|three|1|2|3|few|at|most|or|to)\s)*"
    r"(?:(?:short|brief|concise|full|clear|complete)\s)*(?:sentences?|words?|phrases?|lines?|paragraphs?)"
)
_FIELD = (
    r"(?:(?:your|the|a|an|my|short|brief|concise|clear|detailed|one|line|insert|put|write|goes)\s)*"
    r"(?:reason|reasons|reasoning|explanation|justification|rationale|string|text|placeholder|sentences?)"
)
_ABOUT = r"(?:what|why|how|whether|which|where|explaining|describing|stating|justifying|naming|saying|on|about)"
_VAGUE = (
    r"(?:what|why|how|whether|is|are|was|it|this|that|the|a|an|and|or|in|of|not|right|wrong|correct|incorrect|good|bad|"
    r"missing|verdict|score|answer|chain|thought|reasoning|text|you|chose|gave)"
)
_FORMS = re.compile(
    rf"{_SIZE}(?:\s{_ABOUT}(?:\s\S+){{0,14}})?"
    rf"|{_FIELD}(?:\s(?:goes\s)?here|\s(?:for|of)\s(?:the|your|this)\s\S+|\s{_ABOUT}(?:\s{_VAGUE})*)?"
    rf"|(?:what|why|how|whether)(?:\s{_VAGUE})+"
)
"""Descriptions of what should stand in a field: its size, its name, or the bare question that it should answer."""


def find_slot(text: str) -> str | None:
    """A slot of an answer form that nobody filled in, such as ``<letter>``; None where there is none.

    One that is closed later is a tag around something.
    """
    slots = dict.fromkeys(found.group(0) for found in _SLOT.finditer(text))
    lowered = text.lower() if slots else ""
    return next((slot for slot in slots if f"</{slot[1:].lower()}" not in lowered), None)


def says_nothing(text: str) -> bool:
    """Whether a field holds no statement: no words, mere brackets, or the description of what should stand there."""
    said = words(text)
    return not said or _BRACKETS.fullmatch(text) is not None or _FORMS.fullmatch(" ".join(said)) is not None


def echoed_share(text: str, *instructions: str) -> float:
    """The share of a text's words that stand in the instructions, in runs that are too long for a coincidence."""
    said = words(text)
    if len(said) < _FEW:
        return 0.0
    size = min(_RUN, len(said))
    known = _runs(instructions, size)
    if known.isdisjoint(_in_runs(said, size)):
        return 0.0
    covered: set[int] = set()
    for place, run in enumerate(_in_runs(said, size)):
        if run in known:
            covered.update(range(place, place + size))
    return len(covered) / len(said)


@lru_cache(maxsize=256)
def _runs(instructions: tuple[str, ...], size: int) -> frozenset[tuple[str, ...]]:
    return frozenset(run for one in instructions for run in _in_runs(words(one), size))


def _in_runs(said: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """The runs of ``size`` words, from each place."""
    return zip(*(said[start:] for start in range(size)), strict=False)
