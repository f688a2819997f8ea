"""A judge's labels of steps out of its JSON object: every step once, each fault with its type, severity and a note."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple, cast, get_args

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.json_object import find_object
from reasonmed.screening.echo import says_nothing
from reasonmed.screening.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.types import Step

Label = Literal["ok", "error", "unsupported"]
Severity = Literal["minor", "severe"]
LABELS: tuple[Label, ...] = get_args(Label)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
NONE = "none"
_DIGITS = re.compile(r"[0-9]{1,9}")

_OUTCOMES = frozenset({*LABELS, *SEVERITIES, NONE, "correct", "incorrect", "right", "wrong", "no", "yes"})
"""A note of nothing else says no more than the label."""

TYPES = {
    "missed_finding": "a finding of the case that decides between the options is left out",
    "misread_finding": "a finding of the case is quoted wrongly or read as something else",
    "wrong_fact": "a medical statement is false",
    "wrong_mechanism": "a cause, pathway or mode of action is false, though the fact that it explains may hold",
    "option_not_weighed": "an option that could be right is passed over or ruled out without a reason",
    "contradiction": "the step says the opposite of an earlier one or of the case",
    "wrong_inference": "the step does not follow from what is said before it",
    "unsupported_claim": "nothing in the case or in common knowledge supports what the step claims",
    "wrong_dose_or_unit": "a dose, number, unit, limit or interval is wrong",
    "premature_conclusion": "the step settles on an answer before the findings allow it",
    "irrelevant": "the step has nothing to do with the question",
}
"""What can be wrong with a step, after MedPRMBench (arXiv 2604.17282)."""

STEPS_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "step": {"type": "integer", "minimum": 1},
                    "label": {"type": "string", "enum": list(LABELS)},
                    "type": {"type": "string", "enum": [*TYPES, NONE]},
                    "severity": {"type": "string", "enum": [*SEVERITIES, NONE]},
                    "note": {"type": "string", "maxLength": 400},
                },
                "required": ["step", "label", "type", "severity", "note"],
                "additionalProperties": False,
            },
        },
        "verdict": {"type": "string", "enum": ["Correct", "Error"]},
        "reason": {"type": "string", "maxLength": 1200},
    },
    "required": ["steps", "verdict", "reason"],
    "additionalProperties": False,
}


def exactly(schema: dict[str, object], count: int) -> dict[str, object]:
    """A schema whose ``steps`` are this many: a server that holds schemas then lets no model go on counting."""
    properties = cast("dict[str, dict[str, object]]", schema["properties"])
    bounded = {**properties["steps"], "minItems": count, "maxItems": count}
    return {**schema, "properties": {**properties, "steps": bounded}}


class StepLabel(NamedTuple):
    """What a judge says of one step; type, severity and note are of a fault."""

    label: Label
    type: str | None = None
    severity: Severity | None = None
    note: str = ""


def parse_steps(reply: str, count: int) -> tuple[StepLabel, ...]:
    """The labels of a chain's steps, in their order.

    Args:
        reply: with the JSON object that holds the verdict too.
        count: how many steps the judge was shown.

    Raises:
        UnparsableReply: a step has no label or two, or a label is not as it was asked for.
    """
    rows = find_object(reply, "verdict").get("steps")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnparsableReply('it has no list "steps" of objects')
    found: dict[int, StepLabel] = {}
    for row in rows:
        number = step_number(row.get("step"))
        if number is None or not 1 <= number <= count:
            raise UnparsableReply(f"step {row.get('step')!r:.20} is none of the {count} steps")
        if number in found:
            raise UnparsableReply(f"step {number} is labelled twice")
        found[number] = _label(number, row)
    missing = [str(number) for number in range(1, count + 1) if number not in found]
    if missing:
        raise UnparsableReply(f"no label for step {', '.join(missing)}")
    return tuple(found[number] for number in range(1, count + 1))


def step_number(value: object) -> int | None:
    """The number of a step in a reply: a whole number, as one or as digits; None where it is neither."""
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_asked(steps: Iterable[Step]) -> list[dict[str, object]]:
    """Labels as a judge is to write them."""
    return [
        {
            "step": number,
            "label": step.label,
            "type": step.type or NONE,
            "severity": step.severity or NONE,
            "note": step.note,
        }
        for number, step in enumerate(steps, 1)
    ]


def _label(number: int, row: dict[str, object]) -> StepLabel:
    label = next((one for one in LABELS if one == _word(row.get("label"))), None)
    if label is None:
        raise UnparsableReply(f"the label of step {number} is {row.get('label')!r:.40}; it must be {_any(LABELS)}")
    severity = next((one for one in SEVERITIES if one == _word(row.get("severity"))), None)
    if label == "ok":
        if severity == "severe":
            raise UnparsableReply(f"step {number} has the label ok and the severity severe, which cannot both be")
        return StepLabel(label)
    kind = _word(row.get("type"))
    if kind not in TYPES:
        raise UnparsableReply(f"the type of step {number} is {row.get('type')!r:.40}; it must be {_any(TYPES)}")
    if severity is None:
        given = row.get("severity")
        raise UnparsableReply(f"the severity of step {number} is {given!r:.40}; it must be {_any(SEVERITIES)}")
    note = row.get("note")
    said = " ".join(note.encode("utf-8", "ignore").decode().split()) if isinstance(note, str) else ""
    if not said or says_nothing(said) or _OUTCOMES.issuperset(words(said)):
        raise UnparsableReply(f"the note on step {number} is {note!r:.40}; it must say what is wrong")
    return StepLabel(label, kind, severity, said)


def _word(value: object) -> str:
    return value.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(value, str) else ""


def _any(words: Iterable[str]) -> str:
    return " or ".join(words)
