"""The native layout: JSON Lines, one whole story a line. Also reads questions, labelled chains and records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from reasonmed.errors import QuestionError
from reasonmed.parsing.answer import parse_answer
from reasonmed.questions import NEEDS_OPTIONS, Settings, read
from reasonmed.questions._files import rows
from reasonmed.runs.records import question_of, record_in
from reasonmed.types import ChainOfThought, Kept, Question, Story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def stories(path: Path, settings: Settings) -> Iterator[Story | QuestionError]:
    """The stories of a file, in its order; one whose question has no options is an error where they are needed."""
    for one in _found(path, settings):
        if isinstance(one, QuestionError) or one.question.options or one.failure or settings.open_ended:
            yield one
        else:
            yield QuestionError(str(path), 0, "options", f"question {one.question.id!r}: {NEEDS_OPTIONS}")


def _found(path: Path, settings: Settings) -> Iterator[Story | QuestionError]:
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
        try:
            record = record_in(row.fields)
        except msgspec.DecodeError as wrong:
            yield QuestionError(str(path), row.line, "", f"is no record: {wrong}")
            continue
        if not record.chain_of_thought:
            yield QuestionError(
                str(path), row.line, "chain_of_thought", "is missing; a response alone is not worked on"
            )
            continue
        writer = str(record.provenance.get("writer", "unknown"))
        kept = Kept(text=record.chain_of_thought, model=writer, response=record.response)
        yield Story(replace(question_of(record), id=record.id), tier=record.tier, kept=(kept,))
