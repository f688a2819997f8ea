"""The native layout: JSON Lines, one whole story a line. Also reads questions, labelled chains and records."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from reasonmed.errors import QuestionError
from reasonmed.parsing.answer import parse_answer
from reasonmed.questions import Settings, read
from reasonmed.questions._files import rows
from reasonmed.runs.records import question_of, record_in
from reasonmed.types import ChainOfThought, Kept, Question, Story, unsound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.questions import Settings


def matches(fields: Mapping[str, object]) -> bool:
    """Whether a row is a whole story."""
    return isinstance(fields.get("question"), dict)


def is_record(fields: Mapping[str, object]) -> bool:
    """Whether a row is a record of a run."""
    return {"question_id", "chain_of_thought"} <= fields.keys()


def lines(story: Story, stage: str, rows: Sequence[Mapping[str, object]] = ()) -> Iterator[object]:  # noqa: ARG001 - the shape of every layout
    """One line a story, whatever the stage; what was planted to try the judge stays behind."""
    bare = replace(story, probes=(), rows=())
    yield _with_unknown(rows[0], msgspec.to_builtins(bare)) if rows else bare


def _with_unknown(row: Mapping[str, Any], told: dict[str, Any]) -> dict[str, object]:
    """A story as plain data, with the fields of its row that are none of a story's."""
    before = msgspec.to_builtins(_converted(row))
    chains: tuple[list[dict[str, Any]], ...] = tuple(list(one.get("chains") or ()) for one in (row, before, told))
    merged = [_joined(*one) for one in zip_longest(*chains, fillvalue={})]
    question = _joined(row["question"], before["question"], told["question"])
    return _joined(row, before, told) | {"question": question} | ({"chains": merged} if merged else {})


def _joined(row: Mapping[str, object], before: Mapping[str, object], told: dict[str, object]) -> dict[str, object]:
    return told | {name: value for name, value in row.items() if name not in before and name not in told}


def stories(path: Path) -> Iterator[Story | QuestionError]:
    """Whole stories, one a row."""
    for row in rows(path):
        if isinstance(row, QuestionError):
            yield row
            continue
        try:
            yield _story(row.fields)
        except (msgspec.ValidationError, ValueError) as wrong:
            yield QuestionError(str(path), row.line, "", f"is no story: {wrong}")


def _converted(fields: Mapping[str, object]) -> Story:
    """A row as a story, whose own rows are never a file's to say."""
    return msgspec.convert({name: value for name, value in fields.items() if name != "_rows"}, Story)


def _story(fields: dict[str, object]) -> Story:
    """A story, with its row where that has more in it than the story."""
    story = _converted(fields)
    problem = unsound(story)
    if problem:
        raise ValueError(problem)
    return replace(story, rows=(fields,)) if msgspec.to_builtins(story) != fields else story


def begun(path: Path, settings: Settings) -> Iterator[Story | QuestionError]:
    """Questions of any layout as stories that have yet to begin."""
    return (one if isinstance(one, QuestionError) else _begun(one) for one in read(path, settings))


def _begun(question: Question) -> Story:
    """A question's story; labelled chains in the field ``cots`` become its chains of thought."""
    labelled = question.meta.get("cots")
    if not isinstance(labelled, list):
        return Story(question)
    chains = tuple(_chain(one, question) for one in labelled if isinstance(one, dict))
    meta = {name: value for name, value in question.meta.items() if name != "cots"}
    return Story(replace(question, meta=meta), chains=chains)


def _chain(told: dict[str, object], question: Question) -> ChainOfThought:
    text = str(told.get("text") or "").strip()
    found = parse_answer(text, question.options)
    return ChainOfThought(
        text=text,
        model=str(told.get("model") or "unknown"),
        answer=found.option if found else None,
        missing=None if text else "empty",
    )


def records(path: Path) -> Iterator[Story | QuestionError]:
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
