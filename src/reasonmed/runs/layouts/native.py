"""The native layout: JSON Lines, one whole story a line. Also reads questions, labelled chains and records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from reasonmed.errors import QuestionError
from reasonmed.parsing.answer import parse_answer
from reasonmed.questions import Settings, read
from reasonmed.questions._files import rows
from reasonmed.types import ChainOfThought, Kept, Question, Story, Tier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def stories(path: Path, settings: Settings) -> Iterator[Story | QuestionError]:
    """The stories of a file, in its order."""
    first = next((row for row in rows(path) if not isinstance(row, QuestionError)), None)
    if first is not None and isinstance(first.fields.get("question"), dict):
        return _whole(path)
    if first is not None and {"question_id", "chain_of_thought"} <= first.fields.keys():
        return _records(path)
    return (one if isinstance(one, QuestionError) else _begun(one) for one in read(path, settings))


def lines(story: Story, stage: str) -> Iterator[object]:  # noqa: ARG001 - the shape of every layout
    """One line a story, whatever the stage; what was planted to try the judge stays behind."""
    yield replace(story, probes=())


def _whole(path: Path) -> Iterator[Story | QuestionError]:
    for row in rows(path):
        if isinstance(row, QuestionError):
            yield row
            continue
        try:
            yield msgspec.convert(row.fields, Story)
        except msgspec.ValidationError as wrong:
            yield QuestionError(str(path), row.line, "", f"is no story: {wrong}")


def _begun(question: Question) -> Story:
    """A question's story; labelled chains in the field ``cots`` become its chains of thought."""
    labelled = question.meta.get("cots")
    if not isinstance(labelled, list):
        return Story(question)
    chains = tuple(_chain(one, question) for one in labelled if isinstance(one, dict))
    meta = {name: value for name, value in question.meta.items() if name != "cots"}
    return Story(replace(question, meta=meta), chains=chains)


def _chain(told: dict[str, Any], question: Question) -> ChainOfThought:
    text = str(told.get("text") or "").strip()
    found = parse_answer(text, question.options)
    return ChainOfThought(
        text=text,
        model=str(told.get("model") or "unknown"),
        answer=found.option if found else None,
        missing=None if text else "empty",
    )


def _records(path: Path) -> Iterator[Story | QuestionError]:
    """Records of a run: each a story of its own with one kept chain of thought."""
    for row in rows(path):
        if isinstance(row, QuestionError):
            yield row
            continue
        told = row.fields
        try:
            question = Question(
                id=told["id"],
                stem=told["question"],
                options=tuple(told["options"]),
                answer=told["answer_index"],
                context=told.get("context"),
                source=told.get("source"),
                license=told.get("license"),
            )
            tier = Tier(told["tier"]) if told.get("tier") else None
            writer = str(told.get("provenance", {}).get("writer", "unknown"))
            kept = Kept(text=told["chain_of_thought"], model=writer, response=told.get("response"))
            yield Story(question, tier=tier, kept=(kept,))
        except (KeyError, TypeError, ValueError) as wrong:
            yield QuestionError(str(path), row.line, "", f"is no record: {type(wrong).__name__}: {wrong}")
