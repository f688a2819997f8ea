"""The layout of the original ReasonMed scripts, as their README and code have it.

``generate`` writes ``model1_COT1`` to ``model3_COT3``; ``verify`` adds the maps ``correct``, ``error`` and
``verification_reasons``; ``route`` adds ``difficulty``; ``rank`` leaves the kept ones in ``correct``; ``refine`` and
``optimize`` write a row a chain with ``model_choice`` and ``COT``; ``summarize`` writes ``instruction``, ``input``,
``COT`` and ``Response``; ``score`` adds ``score`` and ``justification``.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from reasonmed.errors import QuestionError
from reasonmed.parsing.answer import parse_answer
from reasonmed.questions._build import Raw, build
from reasonmed.questions._files import Row, rows
from reasonmed.recipe.templates import INSTRUCTION, instruction
from reasonmed.types import ChainOfThought, Failure, Kept, Question, Story, Tier, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from reasonmed.questions import Settings

_CHAIN = re.compile(r"model(\d+)_COT(\d+)")
_OPTION_LINES = re.compile(r"(?:\n[A-Z][.)] [^\n]*)+\s*\Z")
_KNOWN = {
    *("id", "question", "options", "answer", "answer_index", "context", "source", "license", "split"),
    *("correct", "error", "undecided", "verification_reasons", "difficulty", "model_choice", "COT", "scores"),
    *("instruction", "input", "output", "Response", "score", "justification", "flags", "failure"),
}


def stories(path: Path, settings: Settings) -> Iterator[Story | QuestionError]:  # noqa: ARG001 - the shape of every layout
    """The stories of a file; rows of one question that follow each other are one story."""
    for _, group in groupby(_single(path), key=_group):
        same = list(group)
        first = same[0]
        if isinstance(first, QuestionError):
            yield from same
            continue
        kept = tuple(one for story in same if isinstance(story, Story) for one in story.kept or ())
        yield replace(first, kept=kept or None)


def _group(one: Story | QuestionError) -> tuple[str, int]:
    return ("", id(one)) if isinstance(one, QuestionError) else (one.question.id, 0)


def _single(path: Path) -> Iterator[Story | QuestionError]:
    for row in rows(path):
        if isinstance(row, QuestionError):
            yield row
            continue
        try:
            yield _story(path, row)
        except QuestionError as wrong:
            yield QuestionError(str(path), row.line, wrong.field, wrong.problem)


def _story(path: Path, row: Row) -> Story:
    told = row.fields
    question = build(_raw(told), path, row.line)
    names, chains = _chains(told, question)
    tier, failure = _tier(told.get("difficulty")), _failure(told.get("failure"))
    return Story(question, chains=chains, tier=tier, kept=_kept(told, names), failure=failure)


def _raw(told: Mapping[str, Any]) -> Raw:
    stem, options = told.get("question"), told.get("options")
    if stem is None and isinstance(told.get("instruction"), str):
        stem, options = from_instruction(told["instruction"])
    return Raw(
        id=told.get("id"),
        question=stem,
        options=options,
        answer=told.get("answer"),
        answer_index=told.get("answer_index"),
        context=told.get("context"),
        source=told.get("source"),
        license=told.get("license"),
        split=told.get("split"),
        meta={name: value for name, value in told.items() if name not in _KNOWN and not _CHAIN.fullmatch(name)},
    )


def from_instruction(text: str) -> tuple[str, list[str] | None]:
    """Stem and options of an instruction as published; no options where it does not end with lettered lines."""
    body = text.removeprefix(INSTRUCTION)
    found = _OPTION_LINES.search(body)
    if found is None:
        return body, None
    return body[: found.start()], [line[3:] for line in found[0].strip().split("\n")]


def _chains(told: Mapping[str, Any], question: Question) -> tuple[list[str], tuple[ChainOfThought, ...]]:
    right, wrong, open_ = (_map(told, name) for name in ("correct", "error", "undecided"))
    texts = {name: value for name, value in told.items() if _CHAIN.fullmatch(name)}
    for judged in (right, wrong):
        texts |= {name: text for name, text in judged.items() if name not in texts}
    names = sorted(texts, key=_place)
    reasons = _map(told, "verification_reasons")
    chains = []
    for name in names:
        text = texts[name] if isinstance(texts[name], str) else ""
        found = parse_answer(text, question.options)
        outcome = "correct" if name in right else "error" if name in wrong else "undecided" if name in open_ else None
        reason = str(reasons.get(name) or open_.get(name) or "")
        chains.append(
            ChainOfThought(
                text=text.strip(),
                model=name.partition("_")[0],
                answer=found.option if found else None,
                sample=_place(name)[1],
                missing=None if text.strip() else "empty",
                verdict=Verdict(outcome, reason) if outcome else None,  # type: ignore[arg-type]
            )
        )
    return names, tuple(chains)


def _map(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = told.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise QuestionError("", 0, name, f"must be a map of chains by their names, not {found!r:.60}")
    return found


def _place(name: str) -> tuple[int, int]:
    match = _CHAIN.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _tier(told: object) -> Tier | None:
    try:
        return Tier(str(told).strip().lower()) if told else None
    except ValueError as unknown:
        raise QuestionError("", 0, "difficulty", f"must be easy, medium or difficult, not {told!r}") from unknown


def _failure(told: object) -> Failure | None:
    try:
        return (
            None if told is None else msgspec.convert({"reason": told, "detail": "failed at an earlier stage"}, Failure)
        )
    except msgspec.ValidationError as unknown:
        raise QuestionError("", 0, "failure", str(unknown)) from unknown


def _kept(told: Mapping[str, Any], names: list[str]) -> tuple[Kept, ...] | None:
    text = told.get("COT") or told.get("output")
    if not isinstance(text, str) or not text.strip():
        return None
    chosen = str(told.get("model_choice") or "unknown")
    response = told.get("Response")
    return (
        Kept(
            text=text.strip(),
            model=chosen.partition("_")[0],
            parent=names.index(chosen) if chosen in names else None,
            flags=tuple(told.get("flags") or ()),
            response=response if isinstance(response, str) else None,
        ),
    )


def lines(story: Story, stage: str) -> Iterator[object]:
    """The rows of a story after a stage."""
    base = _base(story)
    if story.failure is not None:
        yield {**base, **_names(story), **_judged(story)}
    elif stage in ("refine", "optimize"):
        yield from ({**base, **_judged(story), **_row(story, kept)} for kept in story.kept or ())
    elif stage in ("summarize", "score"):
        yield from (_finished(story, kept, base) for kept in story.kept or ())
    else:
        yield {**base, **_names(story), **_judged(story, ranked=stage == "rank")}


def _base(story: Story) -> dict[str, Any]:
    question = story.question
    key = None if question.answer is None else question.options[question.answer]
    told = {
        "id": question.id,
        "question": question.stem,
        "options": list(question.options),
        "answer": key,
        "answer_index": question.answer,
        "context": question.context,
        "source": question.source,
        "license": question.license,
        "difficulty": story.tier,
        "failure": story.failure.reason if story.failure else None,
    }
    return {**question.meta, **{name: value for name, value in told.items() if value is not None}}


def chain_names(story: Story) -> list[str]:
    """The original's name of each chain: models by their first appearance, chains of a model in their order."""
    models = list(dict.fromkeys(chain.model for chain in story.chains))
    seen: dict[str, int] = dict.fromkeys(models, 0)
    names = []
    for chain in story.chains:
        seen[chain.model] += 1
        names.append(f"model{models.index(chain.model) + 1}_COT{seen[chain.model]}")
    return names


def _names(story: Story) -> dict[str, Any]:
    return {name: chain.text for name, chain in zip(chain_names(story), story.chains, strict=True)}


def _judged(story: Story, *, ranked: bool = False) -> dict[str, Any]:
    named = list(zip(chain_names(story), story.chains, strict=True))
    if not ranked and not any(chain.verdict for chain in story.chains):
        return {}
    told: dict[str, Any] = {
        outcome: {name: chain.text for name, chain in named if chain.outcome == outcome}
        for outcome in ("correct", "error")
    }
    undecided = {name: chain.verdict.reason for name, chain in named if chain.verdict and chain.outcome == "undecided"}
    reasons = {name: chain.verdict.reason for name, chain in named if chain.verdict and chain.verdict.reason}
    if ranked:
        best = [named[kept.parent] for kept in story.kept or () if kept.parent is not None]
        told["correct"] = {name: chain.text for name, chain in best}
        told["scores"] = {name: chain.score for name, chain in named if chain.score is not None}
    return {**told, **({"undecided": undecided} if undecided else {}), "verification_reasons": reasons}


def _row(story: Story, kept: Kept) -> dict[str, Any]:
    named = chain_names(story)
    chosen = named[kept.parent] if kept.parent is not None and kept.parent < len(named) else kept.model
    return {"model_choice": chosen, "COT": kept.text, "flags": list(kept.flags)}


def _finished(story: Story, kept: Kept, base: Mapping[str, Any]) -> dict[str, Any]:
    question = story.question
    told = {
        "instruction": instruction(question.stem, question.options, question.context),
        "input": "",
        "output": kept.text,
        **_row(story, kept),
    }
    scored = {"Response": kept.response, "score": kept.score, "justification": kept.justification or None}
    return {**told, **{name: value for name, value in scored.items() if value is not None}, **base}
