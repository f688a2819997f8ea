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
from reasonmed.export._sinks import Sinks
from reasonmed.export.formats.parquet import row_of, schema
from reasonmed.parsing.thinking import split_thinking
from reasonmed.questions import Settings
from reasonmed.questions._files import rows
from reasonmed.questions._row import glance
from reasonmed.questions.ids import clash, number_of, record_id
from reasonmed.runs.layouts import look, story_source
from reasonmed.runs.layouts.original import from_instruction
from reasonmed.runs.records import Facts, record_in, records_of
from reasonmed.types import Record, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from reasonmed.questions._files import Row
    from reasonmed.types import Story

"""Fields of the original's layout that no published file has."""
_ROLES = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant"}
_LAYOUTS = (
    "Question/Complex_CoT/Response, instruction/input/output, conversations (sharegpt), messages, or prompt/completion"
)


class Told(NamedTuple):
    """What a row of any layout says: a question, the reasoning and the response, whichever are there."""

    layout: str
    question: str
    reasoning: str | None
    response: str | None
    system: str | None = None


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
            raise UsageError(f"{source}: no row fits a known layout ({_LAYOUTS}); first: {first}")
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
    agents = _agents_layout(source)
    if agents is not None:
        yield from _of_agents(source, agents)
        return
    if look(source) == "records":
        yield from _of_records(source)
        return
    seen: dict[str, set[int]] = {}
    for row in rows(source):
        if isinstance(row, QuestionError):
            yield row
            continue
        try:
            told = _told(row.fields)
            name = _id(row.fields) or f"{source.stem}-{digest(told.question, 8)}"
            number = _number(row.fields, name, seen.setdefault(name, set()))
        except QuestionError as wrong:
            yield QuestionError(str(source), row.line, wrong.field, wrong.problem)
            continue
        yield _record(told, row, source, record_id(name, number), name)


def _agents_layout(source: Path) -> str | None:
    """The layout in which an agent's command wrote a file; None where another program did."""
    if look(source) == "stories":
        return "native"
    first = next((row for row in rows(source) if not isinstance(row, QuestionError)), None)
    fields = first.fields if first else {}
    return "original" if "question" in fields and _OURS & fields.keys() else None


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
    stem, options = from_instruction(told.question)
    origin = {"imported_from": source.name, "row": row.line, "layout": told.layout, "system": told.system}
    known = {
        "id": name,
        "question_id": question_id,
        "question": stem,
        "options": options,
        "chain_of_thought": told.reasoning,
        "response": told.response,
        "flags": [],
        "source": _text(row.fields.get("source")),
        "license": _text(row.fields.get("license")),
        "provenance": {field: value for field, value in origin.items() if value is not None},
    }
    return dict.fromkeys(Record.__struct_fields__) | known


def _told(fields: Mapping[str, object]) -> Told:
    if "Question" in fields and fields.keys() & {"Complex_CoT", "Response"}:
        reasoning, response = _text(fields.get("Complex_CoT")), _text(fields.get("Response"))
        return _checked(Told("complex_cot", _asked(fields["Question"], "Question"), reasoning, response))
    turns, messages = fields.get("conversations"), fields.get("messages")
    if isinstance(turns, list):
        return _conversation("sharegpt", "conversations", turns, _text(fields.get("system")))
    if isinstance(messages, list):
        return _conversation("messages", "messages", messages, None)
    asked_for, completion = fields.get("prompt"), fields.get("completion")
    if isinstance(asked_for, list) and isinstance(completion, list):
        return _conversation("prompt_completion", "prompt", [*asked_for, *completion], None)
    if "instruction" in fields and "output" in fields:
        if fields.get("history"):
            raise QuestionError("", 0, "history", "has earlier turns; a record is one question and one reply")
        asked = _asked(fields["instruction"], "instruction")
        more = _text(fields.get("input"))
        return _reply(
            "alpaca", f"{asked}\n{more}" if more else asked, fields["output"], None, _text(fields.get("system"))
        )
    raise QuestionError("", 0, "", f"fits no layout; its fields are {glance(', '.join(map(str, fields)))}")


def _conversation(layout: str, field: str, turns: list[object], system: str | None) -> Told:
    """One question and one reply; a conversation of more turns is no record."""
    said = [_turn(turn, field) for turn in turns]
    if said and said[0][0] == "system":
        system = said.pop(0)[1]
    if [role for role, _, _ in said] != ["user", "assistant"]:
        roles = ", ".join(role for role, _, _ in said)
        raise QuestionError("", 0, field, f"must be one question and one reply, not {glance(roles)}")
    (_, asked, _), (_, answered, reasoning) = said
    return _reply(layout, _asked(asked, field), answered, reasoning, system)


def _turn(turn: object, field: str) -> tuple[str, str, str | None]:
    if not isinstance(turn, dict):
        raise QuestionError("", 0, field, f"must hold turns with a role and a text, not {glance(turn)}")
    role, text = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
    if not isinstance(role, str) or not isinstance(text, str):
        raise QuestionError("", 0, field, f"has a turn without a role or a text: {glance(turn)}")
    reasoning = _text(turn.get("reasoning_content")) or _text(turn.get("thinking"))
    return _ROLES.get(role, role), text, reasoning


def _reply(layout: str, question: str, text: object, reasoning: str | None, system: str | None) -> Told:
    """A reply taken apart where it marks its thinking; without a mark it is a response, whatever it may be."""
    if not isinstance(text, str):
        raise QuestionError("", 0, "", f"the reply must be a text, not {glance(text)}")
    split = split_thinking(text)
    if not split.closed:
        raise QuestionError("", 0, "", "the reply's thinking has no end: it was cut")
    return _checked(Told(layout, question, reasoning or split.reasoning, split.text or None, system))


def _checked(told: Told) -> Told:
    if told.reasoning is None and told.response is None:
        raise QuestionError("", 0, "", "has neither reasoning nor a response")
    return told


def _asked(value: object, field: str) -> str:
    text = _text(value)
    if text is None:
        raise QuestionError("", 0, field, f"must be the question's text, not {glance(value)}")
    return text


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _id(fields: Mapping[str, object]) -> str | None:
    for name in ("question_id", "id"):
        if isinstance(fields.get(name), str | int) and not isinstance(fields[name], bool) and str(fields[name]).strip():
            return str(fields[name]).strip()
    return None
