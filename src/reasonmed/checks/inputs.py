"""From a run, an export, a file of records or a question file to cases, one after the other."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed.checks.cases import BadRow, Case, Passage
from reasonmed.checks.instructions import instruction_cases
from reasonmed.errors import QuestionError, UsageError
from reasonmed.questions._files import rows
from reasonmed.questions.ids import chain_id, record_id
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.layouts import story_source
from reasonmed.runs.records import outcomes, question_of, record_in, records_of
from reasonmed.types import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from reasonmed.engine.ledger import Range
    from reasonmed.questions import Settings
    from reasonmed.types import Story

    Cases = Iterator[Case | BadRow]

PART = 50
"""Questions that one process looks at at a time."""
_RECORDS = "records.jsonl"
_VARIANTS = ("ReasonMed*.json", "CoTMed*.json", "ResponseMed*.json")


class Input(NamedTuple):
    """What is checked: its kind in a word, its path, and its cases, which can be gone over more than once.

    They come in parts, so that several processes can look at them; ``read`` makes cases of a part, in any of them.
    """

    kind: str
    path: Path
    parts: Callable[[], Iterable[object]]
    read: Callable[[Any], Iterable[Case | BadRow]]

    def cases(self) -> Cases:
        """The cases, one after the other."""
        return chain.from_iterable(map(self.read, self.parts()))


def find_input(path: Path, settings: Settings) -> Input:
    """What a path holds.

    Raises:
        UsageError: it holds nothing that can be checked.
        QuestionError: it is a file that cannot be read.
    """
    if not path.exists():
        raise UsageError(f"{path} is not there; give a run, an export's folder, or a file of records or questions")
    if not path.is_dir():
        return _file(path, settings)
    run = RunDirectory(path)
    if run.manifest_path.exists():
        run.reader().close()
        return Input("run", path, partial(_ranges, run), partial(_run_cases, run))
    if (path / _RECORDS).is_file():
        return _file(path / _RECORDS, settings)
    if found := sorted((path / "records").glob("*.jsonl")):
        return _of_rows("records", path, lambda: (case for file in found for case in _record_cases(file)))
    for folder in (path, path / "reasonmed-json"):
        if found := [file for name in _VARIANTS for file in sorted(folder.glob(name))]:
            return _of_rows(
                "reasonmed-json", path, lambda: (case for file in found for case in instruction_cases(file))
            )
    raise UsageError(
        f"{path} holds no run (run.json), no {_RECORDS}, and neither the format records nor reasonmed-json of an "
        "export; a file of questions or records can be given by its name"
    )


def _file(path: Path, settings: Settings) -> Input:
    first = next((row for row in rows(path) if not isinstance(row, QuestionError)), None)
    fields = first.fields.keys() if first else set()
    if {"question_id", "chain_of_thought"} <= fields:
        return _of_rows("records", path, lambda: _record_cases(path))
    if {"instruction", "output"} <= fields and "question" not in fields:
        return _of_rows("reasonmed-json", path, lambda: instruction_cases(path))
    return _of_rows("questions", path, lambda: _story_cases(path, settings))


def _of_rows(kind: str, path: Path, cases: Callable[[], Cases]) -> Input:
    """An input of files, which this process alone reads."""

    def parts() -> Iterator[list[Case | BadRow]]:
        found = cases()
        while part := list(islice(found, PART)):
            yield part

    return Input(kind, path, parts, iter)


def _ranges(run: RunDirectory) -> list[Range]:
    with closing(run.reader()) as ledger:
        return ledger.ranges(PART)


def _run_cases(run: RunDirectory, within: Range) -> Cases:
    facts = run.manifest()
    with closing(run.reader()) as ledger:
        for story in outcomes(ledger, within):
            yield _case(story, records_of(story, facts, {}))


def _case(story: Story, records: Iterable[Record] = ()) -> Case:
    """A story's records, then its chains that stand in none of them as they are."""
    made = [_passage(record) for record in records]
    same = {passage.chain for passage in made}
    chains = [
        Passage(
            chain_id(story.question.id, number),
            "chain",
            chain.text,
            truncated=chain.truncated,
            steps=chain.verdict.steps if chain.verdict else (),
        )
        for number, chain in enumerate(story.chains, 1)
        if chain.missing is None and chain.text not in same
    ]
    failed = story.failure is not None and story.failure.reason == "key_disputed"
    return Case(story.question, (*made, *chains), story, failed or "key_disputed" in story.flags)


def _passage(record: Record) -> Passage:
    cut = "truncated" in record.flags
    return Passage(record.id, "record", record.chain_of_thought or None, record.response, cut, record.steps)


def _story_cases(path: Path, settings: Settings) -> Cases:
    for one in story_source(path, None, settings._replace(open_ended=True))():
        if isinstance(one, QuestionError):
            yield BadRow(f"{one.file}:{one.line}", str(one))
            continue
        kept = tuple(
            Passage(
                record_id(one.question.id, number),
                "record",
                text.text,
                text.response,
                steps=text.verdict.steps if text.verdict else (),
            )
            for number, text in enumerate(one.kept or (), 1)
        )
        case = _case(one)
        yield case._replace(passages=(*kept, *(each for each in case.passages if each.chain not in _texts(kept))))


def _texts(passages: Iterable[Passage]) -> set[str | None]:
    return {passage.chain for passage in passages}


def _record_cases(path: Path) -> Cases:
    for (_, bad), found in groupby(_records(path), _question_of):
        group = list(found)
        if bad:
            yield from (one for one in group if isinstance(one, BadRow))
        else:
            yield _of_records([one for one in group if isinstance(one, Record)])


def _question_of(one: Record | BadRow) -> tuple[str, bool]:
    return (one.place, True) if isinstance(one, BadRow) else (one.question_id, False)


def _of_records(records: list[Record]) -> Case:
    disputed = any("key_disputed" in record.flags for record in records)
    return Case(question_of(records[0]), tuple(_passage(record) for record in records), None, disputed)


def _records(path: Path) -> Iterator[Record | BadRow]:
    for row in rows(path):
        if isinstance(row, QuestionError):
            yield BadRow(f"{row.file}:{row.line}", str(row))
            continue
        try:
            yield record_in(row.fields)
        except msgspec.DecodeError as wrong:
            yield BadRow(f"{path}:{row.line}", f"is no record: {wrong}")
