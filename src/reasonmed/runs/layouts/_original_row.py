"""What one row of the original layout says in its own fields, as plain data with the names of a story.

Chains of thought are a map by their names; a name also stands for the index of a parent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from reasonmed.errors import QuestionError
from reasonmed.questions._build import Raw, build
from reasonmed.recipe.templates import INSTRUCTION
from reasonmed.types import Failure, Tier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reasonmed.types import Question

MORE = "_reasonmed"
"""The field, last in a row, with what the layout has no field for."""

_CHAIN = re.compile(r"model([1-9]\d{0,5})_COT([1-9]\d{0,5})")
_OPTION_LINE = re.compile(r"[A-Z][.)] ")
_MAPS = ("correct", "error", "undecided", "verification_reasons", "scores")
_KNOWN = {
    *("id", "question", "options", "answer", "answer_index", "context", "source", "license", "split", "meta"),
    *("difficulty", "model_choice", "COT", "flags", "failure", *_MAPS, MORE),
    *("instruction", "input", "output", "Response", "score", "justification"),
}


def known(name: str) -> bool:
    """Whether a field has a meaning in this layout."""
    return name in _KNOWN or place(name) is not None


def matches(fields: Mapping[str, object]) -> bool:
    """Whether a row is one that an agent wrote in this layout, and not a question alone."""
    if MORE in fields or any(map(place, fields)):
        return True
    if "COT" in fields and fields.keys() & {"model_choice", "instruction"}:
        return True
    judged = (fields.get(name) for name in _MAPS)
    if any(isinstance(one, dict) and any(map(place, one)) for one in judged):
        return True
    return {"instruction", "output"} <= fields.keys()


def place(name: str) -> tuple[int, int] | None:
    """Model and number in the name of a chain of thought, ``model1_COT2``; None for any other name."""
    match = _CHAIN.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def from_instruction(text: str) -> tuple[str, list[str] | None]:
    """Stem and options of an instruction as published; no options where it does not end with lettered lines."""
    body = text.removeprefix(INSTRUCTION)
    lines = body.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    first = len(lines)
    while first > 1 and _OPTION_LINE.match(lines[first - 1]):
        first -= 1
    if first >= len(lines):
        return body, None
    return "\n".join(lines[:first]), [line[3:] for line in "\n".join(lines[first:]).strip().split("\n")]


def question_of(fields: Mapping[str, object], path: Path, line: int) -> Question:
    """The question of a row."""
    stem, options = fields.get("question"), fields.get("options")
    asked = fields.get("instruction")
    if stem is None and isinstance(asked, str):
        stem, options = from_instruction(asked)
    names = ("id", "answer", "answer_index", "context", "source", "license", "split")
    reference = None if options else fields.get("reference")
    meta = fields.get("meta")
    unknown = {name: value for name, value in fields.items() if not known(name) and (options or name != "reference")}
    extra = meta if isinstance(meta, dict) else {} if meta is None else {"meta": meta}
    told: dict[str, Any] = {name: fields.get(name) for name in names}
    raw = Raw(question=stem, options=options, reference=reference, meta={**unknown, **extra}, **told)
    return build(raw, path, line)


def plain(fields: Mapping[str, object], question: Question) -> dict[str, Any]:
    """What a row's own fields say, but for what must be read out of texts: the options that chains conclude."""
    kept = kept_of(fields)
    told = {
        "question": msgspec.to_builtins(question),
        "chains": _chains(fields),
        "tier": _tier(fields.get("difficulty")),
        "failure": _failure(fields.get("failure")),
        "kept": [kept] if kept else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def chain_texts(fields: Mapping[str, object]) -> dict[str, str]:
    """The chains of thought of a row by their names, as they are there; also those that only a judge's map has."""
    texts = {name: value for name, value in fields.items() if place(name)}
    for judged in (map_in(fields, "correct"), map_in(fields, "error")):
        texts = {**judged, **texts}
    named = sorted((where, name) for name in texts if (where := place(name)))
    return {name: text if isinstance(text := texts[name], str) else "" for _, name in named}


def in_order(fields: Mapping[str, object]) -> list[str]:
    """The names of a row's chains as ``_reasonmed`` has them, then those that it does not have."""
    more: Any = fields.get(MORE) or {}  # what is no map fails as one here
    names, said = chain_texts(fields), more.get("chains") or {}
    return [*(name for name in said if name in names), *(name for name in names if name not in said)]


def _chains(fields: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    right, wrong, undecided, reasons, scores = (map_in(fields, name) for name in _MAPS)
    chains = {}
    for name, text in chain_texts(fields).items():
        told: dict[str, Any] = {"text": text.strip(), "model": model_of(name)}
        if not told["text"]:
            told["missing"] = "empty"
        outcome = "correct" if name in right else "error" if name in wrong else None
        if outcome or name in undecided:
            reason = str(reasons.get(name) or undecided.get(name) or "")
            told["verdict"] = {"outcome": outcome or "undecided"} | ({"reason": reason} if reason else {})
        if _is_score(scores.get(name)):
            told["score"] = scores[name]
        chains[name] = told
    return chains


def model_of(name: str) -> str:
    """The model that a chain's name names; any other name is itself one."""
    return name.partition("_")[0] if place(name) else name


def kept_of(fields: Mapping[str, object]) -> dict[str, object] | None:
    """The finished chain of thought of a row."""
    text = fields.get("COT") or fields.get("output")
    if not isinstance(text, str) or not text.strip():
        return None
    chosen = str(fields.get("model_choice") or "unknown")
    flags, response, why = fields.get("flags"), fields.get("Response"), fields.get("justification")
    told = {
        "text": text.strip(),
        "model": model_of(chosen),
        "parent": chosen if place(chosen) else None,
        "flags": [str(flag) for flag in flags] if isinstance(flags, list) and flags else None,
        "response": response if isinstance(response, str) else None,
        "score": fields["score"] if _is_score(fields.get("score")) else None,
        "justification": why if isinstance(why, str) and why else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _is_score(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def map_in(fields: Mapping[str, object], name: str) -> dict[str, object]:
    """What a row's judge said, by the chains' names.

    Raises:
        QuestionError: it is no map.
    """
    found = fields.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise QuestionError("", 0, name, f"must be a map of chains by their names, not {found!r:.60}")
    return found


def _tier(told: object) -> str | None:
    try:
        return Tier(str(told).strip().lower()).value if told else None
    except ValueError as unknown:
        raise QuestionError("", 0, "difficulty", f"must be easy, medium or difficult, not {told!r}") from unknown


def _failure(told: object) -> dict[str, object] | None:
    if told is None:
        return None
    found = {"reason": told, "detail": "failed at an earlier stage"}
    try:
        msgspec.convert(found, Failure)
    except msgspec.ValidationError as unknown:
        raise QuestionError("", 0, "failure", str(unknown)) from unknown
    return found
