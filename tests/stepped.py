"""A small run whose judge labels steps: it flags those that hold a planted sentence."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from reasonmed.backends import scripted
from runs import questions, run
from support import WORDS, Script, recipe, texts_of_request

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from reasonmed.exchange import Request
    from reasonmed.runs.directory import RunDirectory

SEVERE = "Warfarin works within one hour."
MINOR = "Heparin needs no monitoring here."
BETTER = "Heparin is monitored by the aPTT."
OK = {"label": "ok", "type": "none", "severity": "none", "note": ""}
NOTES = {SEVERE: "It takes days.", MINOR: "It needs monitoring."}
_STEP = re.compile(r"^<step (\d+) ([0-9a-f]{8})>\n(.*?)\n</step \1 \2>$", re.MULTILINE | re.DOTALL)


def label(text: str) -> dict[str, str]:
    """What the judge says of a step."""
    if SEVERE in text:
        return {"label": "error", "type": "wrong_fact", "severity": "severe", "note": NOTES[SEVERE]}
    if MINOR in text:
        return {"label": "unsupported", "type": "unsupported_claim", "severity": "minor", "note": NOTES[MINOR]}
    return OK


def judge(request: Request) -> str:
    steps = [(int(number), text) for number, _, text in _STEP.findall(texts_of_request(request))]
    wrong = any(SEVERE in text for _, text in steps)
    said = [{"step": number, **label(text)} for number, text in steps]
    return json.dumps(
        {"steps": said, "verdict": "Error" if wrong else "Correct", "reason": f"It has {len(said)} steps."}
    )


def editor(request: Request) -> str:
    numbers = texts_of_request(request).rpartition("Rewrite these steps: ")[2].partition(".")[0].split(", ")
    return json.dumps({"steps": [{"step": int(number), "text": BETTER} for number in numbers]})


def stepped_run(folder: Path, monkeypatch: pytest.MonkeyPatch, count: int = 2, **verify: Any) -> RunDirectory:
    """Of nine chains some have a severe fault, and all others but the last one a minor one.

    Five severe ones make a question medium, and its kept chains are rewritten; two make every second one easy.
    """
    drawn: Counter[str] = Counter()

    def generate(request: Request) -> str:
        number = drawn[request.question_id]
        drawn[request.question_id] += 1
        severe = 2 if int(request.question_id[1:]) % 2 else 5
        planted = SEVERE if number < severe else MINOR if number < 8 else "The case is plain."
        key = "ABC"[int(request.question_id[1:]) % 3]
        return f"Reading {number} of the case.\n\n{planted}\n\nThe rash is new: {WORDS}.\n\nAnswer: {key}"

    script = Script(generate=generate, verify_steps=judge, refine_steps=editor)
    monkeypatch.setattr(scripted, "connect", lambda *_: scripted.Scripted(script))
    made = recipe(verify={"steps": True, **verify}, refine={"steps": True}, rank={"keep": 2})
    return run(folder, questions(count), made)
