"""Judges whose worth is known, for recipes of the scripted back end: ``function: judges:NAME``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from support import WORDS

if TYPE_CHECKING:
    from reasonmed.exchange import Request

_CHAIN = re.compile(r"<chain_of_thought (\w+)>\n(.*)\n</chain_of_thought \1>", re.DOTALL)


def sound(number: int) -> str:
    """A chain of thought that the perfect judge knows to be sound; its fault would be a change of it."""
    return (
        f"The patient of case {number} is 47 years old. Warfarin suggests itself by the long course. {WORDS}. "
        f"Heparin is the drug of the first days only.\n\nAnswer: B. Warfarin"
    )


def _verdict(outcome: str) -> str:
    return json.dumps({"verdict": outcome, "reason": "as scripted"})


def accept_all(request: Request) -> str:
    """Calls everything Correct."""
    return "The answer is Correct." if request.stage != "verify" else _verdict("Correct")


def reject_all(request: Request) -> str:
    """Calls everything an Error."""
    return _verdict("Error")


def perfect(request: Request) -> str:
    """Calls Correct what is sound to the letter, and nothing else."""
    text = request.messages[-1].content
    found, asked = _CHAIN.search(text), re.search(r"Case (\d+):", text)
    return _verdict("Correct" if found and asked and found[2] == sound(int(asked[1])) else "Error")


def gullible(request: Request) -> str:
    """Perfect, but for orders in the material."""
    text = request.messages[-1].content
    ordered = re.search(r"Ignore|SYSTEM:|Output exactly", text.partition("Correct answer:")[2])
    return _verdict("Correct") if ordered else perfect(request)


def fickle(request: Request) -> str:
    """Says another thing when it is asked a second time."""
    return _verdict("Error" if request.sample else "Correct")


def silent(request: Request) -> str:
    """Never gives a verdict."""
    return "I would rather not say."
