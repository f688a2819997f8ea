"""Judges whose worth is known, for recipes of the scripted back end: ``function: judges:NAME``."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING

from support import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

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


KNOWN: dict[str, str] = {}
"""Sound chains of thought of further questions, by the first words of the stem with single spaces."""
_STEP = re.compile(r"^<step (\d+) (\w+)>\n(.*?)\n</step \1 \2>$", re.DOTALL | re.MULTILINE)


def _steps(request: Request, flagged: Callable[[int, bool], bool]) -> str:
    """Labels: what is flagged of each step, by its number and whether it is in no sound chain of its question."""
    text = request.messages[-1].content
    asked = re.search(r"Case (\d+):", text)
    said = " ".join(text.split())
    truth = sound(int(asked[1])) if asked else next((known for stem, known in KNOWN.items() if stem in said), "")
    steps = []
    for number, (_, _, step) in enumerate(_STEP.findall(text), 1):
        fault = flagged(number, step.strip() not in truth)
        kind, severity, note = ("wrong_fact", "minor", "not in the chain") if fault else ("none", "none", "")
        label = "error" if fault else "ok"
        steps.append({"step": number, "label": label, "type": kind, "severity": severity, "note": note})
    outcome = "Error" if any(step["label"] == "error" for step in steps) else "Correct"
    return json.dumps({"steps": steps, "verdict": outcome, "reason": "as scripted"})


def finder(request: Request) -> str:
    """Flags the steps that are in no sound chain, and no other."""
    return _steps(request, lambda _, faulty: faulty)


def flags_all(request: Request) -> str:
    """Flags every step."""
    return _steps(request, lambda *_: True)


def flags_none(request: Request) -> str:
    """Flags no step."""
    return _steps(request, lambda *_: False)


def flags_one(request: Request) -> str:
    """Flags a step at random."""
    steps = len(_STEP.findall(request.messages[-1].content))
    drawn = random.Random(request.key).randrange(steps) + 1
    return _steps(request, lambda number, _: number == drawn)


def late(request: Request) -> str:
    """Flags the steps that are in no sound chain, and the first step of all."""
    return _steps(request, lambda number, faulty: faulty or number == 1)


def noisy(request: Request) -> str:
    """Flags 80 % of the steps that are in no sound chain, and 10 % of the others."""
    draw = random.Random(request.key)
    return _steps(request, lambda _, faulty: draw.random() < (0.8 if faulty else 0.1))
