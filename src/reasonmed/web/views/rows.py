"""One question of an export: its rows as they are in the files, whole records and any other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.checks.instructions import taken_apart
from reasonmed.types import letter
from reasonmed.web.views import View
from reasonmed.web.views.steps import text_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reasonmed.types import Record

_TALK = ("messages", "conversations", "prompt", "completion", "chosen", "rejected")
"""Fields that hold turns of a conversation, or a text in the place of one."""
_TEXTS = ("instruction", "input", "output", "question", "chain_of_thought", "response", "text")


class Shown(NamedTuple):
    """A row: the file that it is in, the split, the row itself, and the record that it is, if it is a whole one."""

    file: str
    split: str
    row: Mapping[str, object]
    record: Record | None


class Asked(NamedTuple):
    """A question as far as a row tells it."""

    stem: str
    options: Sequence[str] = ()
    answer: int | None = None
    context: str = ""


class Turn(NamedTuple):
    """A text of a row, with its role or the name of its field."""

    role: str
    text: str


def asked_in(one: Shown) -> Asked:
    """The question of a row; its first text where none is told apart."""
    if one.record is not None:
        return Asked(one.record.question, one.record.options, one.record.answer_index, one.record.context or "")
    if isinstance(stem := one.row.get("question"), str):
        options = one.row.get("options")
        return Asked(stem, [str(option) for option in options] if isinstance(options, list) else ())
    if isinstance(stem := one.row.get("stem"), str) and not any(isinstance(one.row.get(name), list) for name in _TALK):
        return Asked(stem)
    first = next((turn.text for turn in turns(one.row) if turn.role != "system"), "")
    return Asked(*taken_apart(first))


def texts_in(one: Shown) -> list[str]:
    """The texts of a row that are searched beside its question."""
    if one.record is not None:
        return [one.record.chain_of_thought, one.record.response or ""]
    return [turn.text for turn in turns(one.row)]


def turns(row: Mapping[str, object]) -> Iterator[Turn]:
    """The texts of a row, in the order of a conversation."""
    for name in _TALK:
        said = row.get(name)
        if isinstance(said, str):
            yield Turn(name, said)
        elif isinstance(said, list):
            yield from (turn for one in said if isinstance(one, dict) for turn in _turn(one, name))
    for name in _TEXTS:
        if isinstance(text := row.get(name), str) and text:
            yield Turn(name.replace("_", " "), text)


def _turn(one: Mapping[str, object], field: str) -> Iterator[Turn]:
    role = one.get("role", one.get("from"))
    named = str(role) if role else field
    if field in ("chosen", "rejected"):
        named = f"{field}: {named}"
    for name, words in (("reasoning_content", " (reasoning)"), ("content", ""), ("value", "")):
        if isinstance(text := one.get(name), str) and text:
            yield Turn(named + words, text)


def rows_view(name: str, rows: Sequence[Shown]) -> View:
    """The page of a question."""
    asked = asked_in(rows[0])
    values = {
        "title": name,
        "stem": asked.stem,
        "options": [(letter(place), option, place == asked.answer) for place, option in enumerate(asked.options[:26])],
        "context": asked.context,
        "rows": [_row(number, one) for number, one in enumerate(rows, 1)],
    }
    return View("rows", values)


def _row(number: int, one: Shown) -> dict[str, object]:
    record = one.record
    told: dict[str, object] = {"file": one.file, "split": one.split, "id": _text(one.row.get("id")), "record": record}
    if record is None:
        said = list(turns(one.row))
        return {**told, "turns": said, "facts": [], "rest": _json(one.row)}
    facts = [("Source", record.source), ("License", record.license), ("Score", record.score), ("Key", record.answer)]
    facts += [("Sound steps", None if record.step_share is None else f"{100 * record.step_share:.0f} %")]
    rest = {"provenance": record.provenance, "meta": record.meta}
    return {
        **told,
        "facts": [(name, str(value)) for name, value in facts if value is not None],
        "steps": text_in(record.chain_of_thought, record.steps, f"row-{number}"),
        "rest": _json({name: value for name, value in rest.items() if value}),
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) if value else ""
