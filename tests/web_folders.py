"""Folders for the viewer's tests: an evaluation of two models with an audit, made by scripted models."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from reasonmed.backends import scripted
from reasonmed.backends.scripted import Settings as ScriptedSettings
from reasonmed.evaluation import Candidate, auditor, audits, jobs, plan
from reasonmed.evaluation.results import finish
from reasonmed.exchange import Request
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from support import texts_of_request

HOSTILE = "<script>alert('x')</script> {{ 7 * 7 }} <b>bold</b>"
COUNT = 12


def question_file(path: Path, count: int = COUNT) -> Path:
    rows = [
        {"id": f"q{n}", "question": f"Case {n}: which drug? {HOSTILE}", "options": ["Heparin", "Warfarin", "Aspirin"],
         "answer_index": 0, "meta": {"subject": "surgery" if n % 2 else "medicine"}}
        for n in range(count)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _reply(request: Request) -> str:
    """Model ``base`` is right but on every fourth, ``tuned`` but on every third, and says nothing on the fifth."""
    text = texts_of_request(request)
    if request.stage == "verify_steps":
        steps = [int(number) for number in re.findall(r"<step (\d+) ", text)]
        bad = {"label": "error", "type": "wrong_fact", "severity": "severe", "note": "Quinine does not."}
        good = {"label": "ok", "type": "none", "severity": "none", "note": ""}
        told = [{"step": number, **(bad if number == 2 else good)} for number in steps]
        return json.dumps({"steps": told, "verdict": "Error", "reason": "it is wrong"})
    number = int(re.findall(r"Case (\d+):", text)[0])
    if request.model == "tuned" and number == 5:
        return "I cannot say."
    wrong = number % (4 if request.model == "base" else 3) == 0
    return f"The pulse is fast here. {HOSTILE}\n\nQuinine lowers it, say most.\n\nAnswer: {'B' if wrong else 'A'}"


def evaluated(folder: Path, **others: Any) -> Path:
    """An evaluation without its reports, whose plots take long."""
    folder.mkdir(exist_ok=True)

    def model(name: str) -> Candidate:
        return Candidate(name=name, entry=ScriptedSettings(backend="scripted", model=name))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(_reply))
        file = question_file(folder / "wards.jsonl", **others)
        audit = auditor(4, model("strong"))
        planned = plan([file], [model("base"), model("tuned")], folder / "evaluation", base="base", audit=audit)
        for _, job in jobs(planned):
            asyncio.run(execute(job, Watch()))
        for _, judging in audits(planned):
            asyncio.run(execute(judging, Watch()))
        finish(planned)
    return folder / "evaluation"
