"""The rows of a data set, whatever its layout: what a judge scores of each, or why it has nothing to score."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.checks.cases import BadRow
from reasonmed.checks.inputs import find_input
from reasonmed.errors import QuestionError, UsageError
from reasonmed.export.importing import records_in
from reasonmed.questions import Settings
from reasonmed.types import Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_QUOTED = re.compile(r"(?<!\w)(?:'[^']*'|\"[^\"]*\")")
_NO_TEXT = "has neither reasoning nor a response"


class DataSet(NamedTuple):
    """A data set and what tables call it; no request does."""

    name: str
    path: Path


class Row(NamedTuple):
    """A row with something to score; where it has one text, that is the reasoning."""

    id: str
    question: Question
    text: str
    response: str


class Unusable(NamedTuple):
    """A row without: the reason as rows share it, and in full."""

    reason: str
    told: str


def named(words: Iterable[str]) -> list[DataSet]:
    """Data sets by their paths, or as ``NAME=PATH``.

    Raises:
        UsageError: two have one name.
    """
    found = [_named(word) for word in words]
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two sets are called {twice!r:.100}: tell them apart with NAME=PATH")
    return found


def _named(word: str) -> DataSet:
    name, equals, path = word.partition("=")
    if equals and name and path and not Path(word).exists():
        return DataSet(name, Path(path))
    whole = Path(word)
    return DataSet(whole.resolve().name if whole.is_dir() else whole.stem, whole)


def rows_of(path: Path) -> Iterator[Row | Unusable]:
    """The rows of a run, of an export's folder, or of a file of a layout that ``import`` knows.

    Raises:
        UsageError: there is none of these.
        QuestionError: the file cannot be read.
    """
    return map(_row, records_in(path)) if path.is_file() else _in_folder(path)


def _row(record: dict[str, object] | QuestionError) -> Row | Unusable:
    if isinstance(record, QuestionError):
        return _unusable(": ".join(part for part in (record.field, record.problem) if part), str(record))
    options, key = record["options"], record["answer_index"]
    question = Question(
        "",
        str(record["question"]),
        tuple(map(str, options)) if isinstance(options, list | tuple) else (),
        key if isinstance(key, int) else None,
        _text(record["context"]) or None,
        reference=None if options else _text(record["answer"]) or None,
    )
    return _with_texts(str(record["id"]), question, _text(record["chain_of_thought"]), _text(record["response"]))


def _in_folder(path: Path) -> Iterator[Row | Unusable]:
    found = find_input(path, Settings(open_ended=True))
    if found.kind == "reasonmed-json":
        raise UsageError(f"{path} holds several published files of the same records; give one of them by its name")
    for case in found.cases():
        if isinstance(case, BadRow):
            yield _unusable(case.problem, f"{case.place}: {case.problem}")
            continue
        bare = Question(
            "",
            case.question.stem,
            case.question.options,
            case.question.answer,
            case.question.context,
            reference=case.question.reference,
        )
        for one in case.passages:
            if one.subject == "record":
                yield _with_texts(one.id, bare, one.chain or "", one.response or "")


def _with_texts(name: str, question: Question, chain: str, response: str) -> Row | Unusable:
    if not chain and not response:
        return _unusable(_NO_TEXT, f"{name}: {_NO_TEXT}")
    return Row(name, question, chain or response, response if chain else "")


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _unusable(problem: str, told: str) -> Unusable:
    return Unusable(_QUOTED.sub("'...'", problem.partition("\n")[0])[:200], told[:500])
