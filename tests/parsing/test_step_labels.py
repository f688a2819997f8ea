"""A judge's labels of steps: every step once, each fault with type, severity and a note."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.step_labels import STEPS_SCHEMA, TYPES, StepLabel, parse_steps
from reasonmed.recipe.templates import Prompt

_OK = {"label": "ok", "type": "none", "severity": "none", "note": ""}
_FAULT = {"label": "error", "type": "wrong_fact", "severity": "severe", "note": "Heparin is no vitamin K antagonist."}


def _reply(*labels: dict[str, Any], **others: Any) -> str:
    steps = [{"step": number, **label} for number, label in enumerate(labels, 1)]
    return json.dumps({"steps": steps, "verdict": "Error", "reason": "Step 2 is false.", **others})


def test_every_step_has_its_label() -> None:
    assert parse_steps(_reply(_OK, _FAULT), 2) == (
        StepLabel("ok"),
        StepLabel("error", "wrong_fact", "severe", "Heparin is no vitamin K antagonist."),
    )


def test_other_spellings_of_the_same_words_are_read() -> None:
    said = {"step": "1", "label": "Error", "type": "Wrong dose or unit", "severity": "Minor", "note": "5 g, not 5 mg"}
    assert parse_steps(_reply(steps=[said]), 1) == (StepLabel("error", "wrong_dose_or_unit", "minor", "5 g, not 5 mg"),)
    bare = {"step": 1, "label": "ok"}
    assert parse_steps(_reply(steps=[bare]), 1) == (StepLabel("ok"),)


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([{"step": 1, **_OK}], "no label for step 2"),
        ([{"step": 1, **_OK}, {"step": 1, **_FAULT}], "step 1 is labelled twice"),
        ([{"step": 1, **_OK}, {"step": 3, **_OK}], "step 3 is none of the 2 steps"),
        ([{"step": True, **_OK}], "step True is none"),
        ([{"step": "1" * 5_000, **_OK}], "step '1111111111111111111 is none of the 2 steps"),
        ([{"step": 1, **_FAULT, "label": "ok"}], "step 1 has the label ok and the severity severe"),
        ([{"step": 1, **_OK, "label": "fine"}], "the label of step 1 is 'fine'"),
        ([{"step": 1, **_FAULT, "type": "none"}], "the type of step 1 is 'none'"),
        ([{"step": 1, **_FAULT, "severity": None}], "the severity of step 1 is None"),
        ([{"step": 1, **_FAULT, "note": " "}], "the note on step 1 is ' '"),
        ([{"step": 1, **_FAULT, "note": "<your note>"}], "the note on step 1 is"),
        ([{"step": 1, **_FAULT, "note": "Error: severe"}], "the note on step 1 is"),
        ("all ok", 'no list "steps"'),
        (["ok", "ok"], 'no list "steps"'),
    ],
)
def test_labels_that_are_not_what_was_asked_for_are_refused(steps: object, problem: str) -> None:
    with pytest.raises(UnparsableReply, match=problem):
        parse_steps(_reply(steps=steps), 2)


def test_the_prompt_defines_every_type_that_the_schema_knows() -> None:
    text = " ".join(Prompt("verify_steps").text.split())
    assert all(f"- {name}: {meaning}." in text for name, meaning in TYPES.items())
    properties: Any = STEPS_SCHEMA["properties"]
    assert properties["steps"]["items"]["properties"]["type"]["enum"] == [*TYPES, "none"]
