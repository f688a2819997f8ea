"""The layout of the original ReasonMed scripts, as their README and code have it.

``generate`` writes ``model1_COT1`` to ``model3_COT3``; ``verify`` adds the maps ``correct``, ``error`` and
``verification_reasons``; ``route`` adds ``difficulty``; ``rank`` leaves the kept ones in ``correct``; ``refine`` and
``optimize`` write a row a chain with ``model_choice`` and ``COT``; ``summarize`` writes ``instruction``, ``input``,
``COT`` and ``Response``; ``score`` adds ``score`` and ``justification``. What has no field there goes into the object
``_reasonmed``, last in the row.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec.structs import replace

from reasonmed.errors import QuestionError
from reasonmed.parsing.answer import parse_answer
from reasonmed.questions import read
from reasonmed.questions._files import Row, rows
from reasonmed.runs.layouts._beyond import about, mark, overlaid
from reasonmed.runs.layouts._original_lines import lines
from reasonmed.runs.layouts._original_row import (
    MORE,
    from_instruction,
    in_order,
    kept_of,
    matches,
    place,
    plain,
    question_of,
)
from reasonmed.types import Question, Story, unsound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.questions import Settings

__all__ = ["begun", "from_instruction", "lines", "matches", "stories"]


def stories(path: Path) -> Iterator[Story | QuestionError]:
    """The stories of a file; rows of one question that follow each other, each with a finished chain, are one story."""
    for _, group in groupby(_single(path), key=_group):
        first, *others = group
        if isinstance(first, QuestionError):
            yield first
        else:
            yield _together(first, [one for one in others if isinstance(one, Story)])


def begun(path: Path, settings: Settings) -> Iterator[Story | QuestionError]:
    """Questions of any layout as stories; as rows of this layout where it reads the same question in them."""
    for found, row in zip(read(path, settings), rows(path), strict=True):
        if isinstance(found, Question) and isinstance(row, Row) and _reads_alike(found, path, row):
            yield _named(path, row)
        else:
            yield Story(found) if isinstance(found, Question) else found


def _reads_alike(question: Question, path: Path, row: Row) -> bool:
    try:
        return replace(question_of(row.fields, path, row.line), meta={}) == replace(question, meta={})
    except QuestionError:
        return False


def _group(one: Story | QuestionError) -> object:
    """What rows of one story have in common; a row without a finished chain stands alone."""
    if isinstance(one, QuestionError) or kept_of(one.rows[0]) is None:
        return id(one)
    return replace(one.question, meta={})


def _together(first: Story, others: list[Story]) -> Story:
    whole = (first, *others)
    kept = tuple(kept for story in whole for kept in story.kept or ())
    return replace(first, kept=kept or first.kept, rows=tuple(row for story in whole for row in story.rows))


def _single(path: Path) -> Iterator[Story | QuestionError]:
    return (row if isinstance(row, QuestionError) else _named(path, row) for row in rows(path))


def _named(path: Path, row: Row) -> Story | QuestionError:
    """A row's story, or the error with its place."""
    try:
        return _story(path, row)
    except QuestionError as wrong:
        return QuestionError(str(path), row.line, wrong.field, wrong.problem)


def _story(path: Path, row: Row) -> Story:
    question = question_of(row.fields, path, row.line)
    told = plain(row.fields, question)
    more = cast("Mapping[str, object]", row.fields.get(MORE) or {})  # what is no map fails as one below
    try:
        story = msgspec.convert(_whole(told, more, in_order(row.fields), question.options), Story)
        problem = unsound(story)
    except (msgspec.ValidationError, AttributeError, TypeError) as wrong:
        problem = str(wrong)
    if problem:
        raise QuestionError("", 0, MORE, f"does not fit the row: {problem}; without it, its other fields are read")
    return replace(story, rows=(row.fields,))


def _whole(
    told: Mapping[str, Any], more: Mapping[str, Any], order: list[str], options: Sequence[str]
) -> dict[str, Any]:
    """What a row's own fields say, with what ``_reasonmed`` says beyond them."""
    said = more.get("chains") or {}
    chains = {name: _chain(name, told["chains"][name], said.get(name), options) for name in order}
    own = {name: value for name, value in more.items() if name not in ("chains", "kept", "question")}
    whole: dict[str, Any] = overlaid(told, own)
    whole["question"] = overlaid(told["question"], _of_question(told["question"], more.get("question") or {}))
    whole["kept"] = _kept(told.get("kept"), more.get("kept"), chains)
    for name in ("kept", "rewrites", "dropped"):
        if whole.get(name) is not None:
            whole[name] = [_by_index(one, order) for one in whole[name]]
    if "reason" not in whole.get("failure", {}):
        whole.pop("failure", None)
    return {name: value for name, value in whole.items() if value is not None} | {"chains": list(chains.values())}


def _of_question(told: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """What is said beyond a question's fields; a consensus gives way to a key."""
    without = ("answer", "answer_source") if "answer" in told else ()
    return {name: value for name, value in more.items() if name not in without}


def _chain(name: str, told: dict[str, Any], more: dict[str, Any] | None, options: Sequence[str]) -> dict[str, Any]:
    """A chain of thought; its answer is read where the row does not say it of just this text."""
    said = about(told["text"], more or {})
    whole: dict[str, Any] = overlaid(told, said)
    if more is None:
        whole["sample"] = (place(name) or (0, 0))[1]
    if more is None or more.get("of") != mark(told["text"]):
        found = parse_answer(whole["text"], options)
        whole["answer"] = found.option if found else None
    if "outcome" not in whole.get("verdict", {}):
        whole.pop("verdict", None)
    return whole


def _kept(
    told: list[dict[str, Any]] | None, more: dict[str, Any] | list[dict[str, Any]] | None, chains: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """The finished chains of a row: a list where the row has no field for them, else what is said beyond its own."""
    if isinstance(more, list):
        texts = [one.get("text") or chains.get(str(one.get("parent")), {}).get("text") for one in more]
        return [{"text": text, **about(text, one)} for text, one in zip(texts, more, strict=True) if text]
    if told and more:
        return [overlaid(one, about(one["text"], more)) for one in told]
    return told


def _by_index(one: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Who stems from a chain, with the chain's index for its name."""
    parent = one.get("parent")
    return {**one, "parent": names.index(parent) if parent in names else None}
