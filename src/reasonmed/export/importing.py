"""Others' reasoning data in the canonical form: what a row cannot tell stays null, and nothing is guessed.

What the commands of our own agents wrote comes back with key, tier, chain of thought and verdict, and records come
back as they are, from the formats ``records`` and ``parquet`` too. Four other
layouts are known by their look: ``Question``, ``Complex_CoT``, ``Response``; ``instruction``, ``input``, ``output``;
sharegpt's ``conversations``; chat ``messages`` (also split into ``prompt`` and ``completion``).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from msgspec import DecodeError, to_builtins

from reasonmed.errors import QuestionError, UsageError
from reasonmed.export._others import LAYOUTS, Told, text_of, told_in
from reasonmed.export._sinks import Sinks
from reasonmed.export.formats.parquet import row_of, schema
from reasonmed.questions import Settings, read
from reasonmed.questions._files import rows
from reasonmed.questions.ids import clash, number_of, record_id
from reasonmed.runs.layouts import look, story_source
from reasonmed.runs.records import Facts, record_in, records_of
from reasonmed.types import Record, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from reasonmed.questions._files import Row
    from reasonmed.types import Story

_OURS = {"model1_COT1", "model_choice", "difficulty", "verification_reasons"}


class Imported(NamedTuple):
    """How an import ended."""

    records: int
    layouts: dict[str, int]
    unread: int


def import_file(source: Path, target: Path) -> Imported:
    """Write the records of a file; rows that fit no layout go into ``TARGET.left_out.jsonl``, with the reason.

    Args:
        source: JSON, JSON Lines, CSV or parquet.
        target: a file that ends in ``.jsonl`` or ``.parquet``.

    Raises:
        QuestionError: the file cannot be read at all.
        UsageError: no row of it fits a layout, or the target's ending is another one.
    """
    table = _schema_of(target)
    left_out = target.with_name(f"{target.name}.left_out.jsonl")
    layouts: Counter[str] = Counter()
    unread = 0
    with Sinks(target.parent) as sinks:
        sinks.open(target.name, table)
        for one in records_in(source):
            if isinstance(one, QuestionError):
                unread += 1
                sinks.add(left_out.name, {"line": one.line, "problem": str(one)})
                continue
            layouts[str(_provenance(one).get("layout"))] += 1
            sinks.add(target.name, row_of(one) if table else one)
        if not layouts:
            first = next(error for error in records_in(source) if isinstance(error, QuestionError))
            raise UsageError(f"{source}: no row fits a known layout ({LAYOUTS}); first: {first}")
        if not unread:
            left_out.unlink(missing_ok=True)
    return Imported(layouts.total(), dict(layouts), unread)


def _provenance(record: Mapping[str, object]) -> Mapping[str, object]:
    found = record["provenance"]
    return found if isinstance(found, dict) else {}


def _schema_of(target: Path) -> Callable[[], object] | None:
    if target.suffix == ".parquet":
        return schema
    if target.suffix == ".jsonl":
        return None
    raise UsageError(f"{target}: must be a folder, or a file that ends in .jsonl or .parquet")


def records_in(source: Path) -> Iterator[dict[str, object] | QuestionError]:
    """The rows of a file as records, or the error that says why a row is none.

    Fields of a record that are unknown are None. Stories of our own agents become their records. Several other
    rows of one question are numbered; a row that has a record's id keeps it.
    """
    first = next((row.fields for row in rows(source) if not isinstance(row, QuestionError)), {})
    kind = look(source)
    if kind == "stories":
        yield from _of_agents(source, "native")
    elif "question" in first and _OURS & first.keys():
        yield from _of_agents(source, "original")
    elif kind == "records":
        yield from _of_records(source)
    elif isinstance(first.get("cots"), list):
        yield from _of_questions(source)
    else:
        yield from _of_others(source)


def _of_others(source: Path) -> Iterator[dict[str, object] | QuestionError]:
    """The records of rows that another program wrote."""
    seen: dict[str, set[int]] = {}
    for row in rows(source):
        if isinstance(row, QuestionError):
            yield row
            continue
        try:
            told = told_in(row.fields)
            name = _id(row.fields) or f"{source.stem}-{digest(told.question, 8)}"
            number = _number(row.fields, name, seen.setdefault(name, set()))
        except QuestionError as wrong:
            yield QuestionError(str(source), row.line, wrong.field, wrong.problem)
            continue
        yield _record(told, row, source, record_id(name, number), name)


def _of_agents(source: Path, layout: str) -> Iterator[dict[str, object] | QuestionError]:
    """The records of the stories of an agent's file; a story without one is an error that says why."""
    for number, story in enumerate(story_source(source, layout, Settings(open_ended=True))(), 1):
        if isinstance(story, QuestionError):
            yield story
            continue
        made = records_of(story, Facts(demo=False, prompts={}), {})
        if not made:
            yield QuestionError(str(source), 0, "", f"question {story.question.id!r} {_without_record(story)}")
        for record in made:
            origin = {"imported_from": source.name, "row": number, "layout": layout}
            provenance = {name: value for name, value in record.provenance.items() if name != "prompts"}
            yield to_builtins(record) | {"demo": None, "provenance": provenance | origin}


def _of_records(source: Path) -> Iterator[dict[str, object] | QuestionError]:
    """Records as they are; what is null in their file stays null."""
    for row in rows(source):
        if isinstance(row, QuestionError):
            yield row
            continue
        try:
            known = to_builtins(record_in(row.fields))
        except DecodeError as wrong:
            yield QuestionError(str(source), row.line, "", f"is no record: {wrong}")
            continue
        origin = {"imported_from": source.name, "row": row.line, "layout": "records"}
        told = {name: value for name, value in known.items() if row.fields.get(name) is not None}
        yield dict.fromkeys(Record.__struct_fields__) | told | {"provenance": known["provenance"] | origin}


def _of_questions(source: Path) -> Iterator[dict[str, object] | QuestionError]:
    """A record for each chain of each question; a question or a chain without a text is an error that says why."""
    for number, question in enumerate(read(source, Settings(open_ended=True)), 1):
        if isinstance(question, QuestionError):
            yield question
            continue
        cots = question.meta.get("cots")
        if not isinstance(cots, list) or not cots:
            yield QuestionError(str(source), 0, "cots", f"question {question.id!r} has no chain of thought")
            continue
        key = question.answer
        for place, cot in enumerate(cots, 1):
            told = cot if isinstance(cot, dict) else {}
            text = text_of(told.get("text"))
            if text is None:
                yield QuestionError(str(source), 0, "cots", f"chain {place} of question {question.id!r} has no text")
                continue
            origin = {"imported_from": source.name, "row": number, "layout": "cots", "writer": told.get("model")}
            yield dict.fromkeys(Record.__struct_fields__) | {
                "id": record_id(question.id, place),
                "question_id": question.id,
                "question": question.stem,
                "options": [*question.options] or None,
                "answer": question.reference if key is None else question.options[key],
                "answer_index": key,
                "context": question.context,
                "chain_of_thought": text,
                "response": text_of(told.get("response")),
                "flags": [],
                "source": question.source,
                "license": question.license,
                "provenance": {name: value for name, value in origin.items() if isinstance(value, str | int)},
            }


def _without_record(story: Story) -> str:
    if story.failure is not None:
        return f"failed: {story.failure.reason}: {story.failure.detail}"
    if story.question.options and story.question.answer is None:
        return "has no key"
    return "has no kept chain of thought yet; run the next stage"


def _number(fields: Mapping[str, object], question_id: str, used: set[int]) -> int:
    """The number of a record among those of its question: its own where it has one that is free, else the next."""
    problem = clash(question_id)
    if problem is not None:
        raise QuestionError("", 0, "question_id" if "question_id" in fields else "id", problem)
    own = number_of(str(fields.get("id")), question_id)
    number = own if own is not None and own not in used else max(used, default=0) + 1
    used.add(number)
    return number


def _record(told: Told, row: Row, source: Path, name: str, question_id: str) -> dict[str, object]:
    stem, options, key = told.asked()
    origin = {"imported_from": source.name, "row": row.line, "layout": told.layout, "system": told.system}
    known = {
        "id": name,
        "question_id": question_id,
        "question": stem,
        "options": options,
        "answer": None if options is None or key is None else options[key],
        "answer_index": key,
        "chain_of_thought": told.reasoning,
        "response": told.response,
        "flags": [],
        "source": text_of(row.fields.get("source")),
        "license": text_of(row.fields.get("license")),
        "provenance": {field: value for field, value in origin.items() if value is not None},
    }
    return dict.fromkeys(Record.__struct_fields__) | known


def _id(fields: Mapping[str, object]) -> str | None:
    for name in ("question_id", "id"):
        if isinstance(fields.get(name), str | int) and not isinstance(fields[name], bool) and str(fields[name]).strip():
            return str(fields[name]).strip()
    return None
