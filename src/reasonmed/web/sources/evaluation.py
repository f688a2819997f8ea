"""The folder of an evaluation as something to look at: every model's answers to a question beside one another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from typing import TYPE_CHECKING

import msgspec

from reasonmed.documents import Refused
from reasonmed.evaluation.answers import Row
from reasonmed.evaluation.audit.facts import Row as Judged
from reasonmed.evaluation.outcome import RESULTS, results_in
from reasonmed.web.index.entry import SEPARATOR, Entry, Step, Texts, beginning
from reasonmed.web.index.place import cached
from reasonmed.web.sources._lines import Lines, Places
from reasonmed.web.views.answers import Answered, agreement_of, answers_view, counting, standing_of
from reasonmed.web.views.scoreboard import scoreboard_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from reasonmed.evaluation.outcome import Results
    from reasonmed.web.views import View

_VERSION = 1
"""Of what is read out of answers: another one has every index built anew."""


class _Named(msgspec.Struct):
    benchmark: str
    id: str


@dataclass
class _Read:
    """An evaluation as its files are at one moment."""

    facts: str
    results: Results
    answers: list[tuple[str, Lines]]
    steps: list[tuple[str, Lines]]

    @cached_property
    def places(self) -> Places:
        """Where the answers to each question are."""
        return Places([lines for _, lines in self.answers], _Named, _name)

    @cached_property
    def judged(self) -> Places:
        """Where the judged steps of these are."""
        return Places([lines for _, lines in self.steps], _Named, _name)


def _name(_number: int, _count: int, row: _Named) -> str:
    return f"{row.benchmark}/{row.id}"


class EvaluationSource:
    """An evaluation that has results.

    Args:
        path: its folder.

    Raises:
        ReasonMedError: it has no results, or ones of another version.
    """

    kind = "evaluation"
    counted = ("answer", "answers")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = self._reading(_facts(path / "results.json"))

    @property
    def index_path(self) -> Path:
        """In the user's own folder: others compare and copy this one."""
        return cached(self.path)

    def stamp(self) -> str:
        """Another word whenever there are other results, or other answers."""
        read = self._now()
        return f"{_VERSION} {read.facts} {' '.join(_facts(one.path) for _, one in (*read.answers, *read.steps))}"

    def total(self) -> int:
        """How many questions were asked."""
        return sum(one.n for one in self._now().results.benchmarks)

    def steps(self, marks: Mapping[str, int]) -> Iterator[Step]:
        """All questions in their order, behind those that have been read."""
        read, begun = self._now(), marks.get("position", 0)
        if begun and begun == marks.get("of"):
            return
        of = len(read.places)
        for number, name in enumerate(islice(read.places, begun, None), begun + 1):
            yield Step(entry_of(_answered(read, name)), {"position": number, "of": of})

    def question(self, name: str) -> View | None:
        """What a page shows of a question."""
        read = self._now()
        return answers_view(_answered(read, name)) if read.places.of(name) else None

    def overview(self, tallies: dict[str, int]) -> View:
        """The results."""
        return scoreboard_view(self._now().results, tallies)

    def close(self) -> None:
        """Nothing is held open: each look opens the files."""

    def _now(self) -> _Read:
        facts = _facts(self.path / "results.json")
        if facts != self._read.facts:
            self._read = self._reading(facts)
        return self._read

    def _reading(self, facts: str) -> _Read:
        told = results_in(self.path)
        try:
            told.asked()
        except Refused as problem:
            raise RESULTS.refuse(self.path / "results.json", f"settings: {problem}") from problem
        for one, model in product(told.benchmarks, told.models):
            if one.name not in model.benchmarks:
                raise RESULTS.refuse(self.path / "results.json", f"{model.name} has no score on {one.name}")
        answers = [(one.name, Lines(self.path / one.answers_file, "answer of an evaluation")) for one in told.models]
        audited = told.audit.models if told.audit else []
        steps = [(one.name, Lines(self.path / one.file, "judged answer of an audit")) for one in audited]
        return _Read(facts, told, answers, steps)


def _facts(path: Path) -> str:
    """What tells a file from the one that was there before."""
    try:
        found = path.stat()
    except OSError:
        return "gone"
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def _answered(read: _Read, name: str) -> Answered:
    rows: dict[str, list[Row]] = {}
    for table, at in read.places.of(name):
        model, lines = read.answers[table]
        rows.setdefault(model, []).append(lines.row(at, Row))
    judged = {
        model: lines.row(at, Judged) for table, at in read.judged.of(name) for model, lines in [read.steps[table]]
    }
    return Answered(name, rows, judged)


def entry_of(asked: Answered) -> Entry:
    """A question of an evaluation as its index has it."""
    first, word = asked.first, agreement_of(asked)
    rows = [row for found in asked.rows.values() for row in found]
    faults = [step for one in asked.judged.values() for step in one.steps if step.label != "ok"]
    said = [*(row.reason or "" for row in rows), *(step.note for step in faults)]
    said += [one.problem for one in asked.judged.values()]
    tally = {SEPARATOR.join(("agreement", first.benchmark, word)): 1}
    return Entry(
        id=asked.name,
        stem=beginning(first.question),
        outcome=word,
        texts=Texts(
            "\n".join((asked.name, first.question, *first.options)),
            "\n".join(row.text for row in rows),
            "\n".join(filter(None, said)),
        ),
        facets={
            "agreement": [word],
            "answer": {standing_of(model, row) for model, found in asked.rows.items() for row in counting(found)},
            "benchmark": [first.benchmark],
            "subject": [first.subject] if first.subject else [],
            "tier": [first.tier] if first.tier else [],
            "step_error": {step.type or "other" for step in faults},
        },
        records=len(rows),
        wrong=sum(row.status != "correct" for row in counting(rows)),
        tallies=tally,
    )
