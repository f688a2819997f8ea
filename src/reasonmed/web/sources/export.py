"""An export, or a file of rows, as something to look at: each question with its rows as they are in the files."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import msgspec

from reasonmed.documents import Refused, inside
from reasonmed.errors import UsageError
from reasonmed.export._manifest import MANIFEST, installed, whole_manifest
from reasonmed.runs.records import record_in
from reasonmed.web.index.entry import Entry, Step, Texts, beginning
from reasonmed.web.index.place import cached
from reasonmed.web.sources._lines import Lines, Places
from reasonmed.web.views.rows import Shown, asked_in, rows_view, texts_in
from reasonmed.web.views.shipped import shipped_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.export import Export
    from reasonmed.types import Record
    from reasonmed.web.views import View

_VERSION = 1
"""Of what is read out of rows: another one has every index built anew."""
_WHOLE = ("records", "parquet")
"""The formats that hold whole records, the quickest to read first."""
_SPLITS = ("train", "validation", "test")
SUFFIXES = (".jsonl", ".json", ".parquet")
"""Of the files whose rows are read."""


class _Named(msgspec.Struct):
    question_id: object = None
    id: object = None


class ExportSource:
    """An export, or a file of records or of other rows.

    Args:
        path: its folder, or the file.

    Raises:
        ReasonMedError: it holds no rows, or its manifest is none or one of another version.
    """

    kind = "export"
    counted = ("row", "rows")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: Export | None = _manifest(path) if path.is_dir() else None
        self._files = _tables(path, self.told) if self.told else [path]
        self._folder = path if self.told else path.parent
        if not self._files:
            raise UsageError(f"{path} holds no rows that can be shown: its formats are {', '.join(self._formats())}")
        self._facts = ""
        self._tables: list[Lines] = []
        self._begin()

    def _formats(self) -> list[str]:
        return self.told.formats if self.told else []

    def _begin(self) -> None:
        """Forget where rows are, once the files are others."""
        self._facts = self._stamped()
        self.close()
        self._tables = [Lines(file, "row of a data set") for file in self._files]
        self.__dict__.pop("places", None)

    @property
    def index_path(self) -> Path:
        """In the user's own folder: an export is pushed and hashed as it is."""
        return cached(self.path)

    @cached_property
    def places(self) -> Places:
        """Where the rows of each question are."""
        return Places(self._tables, _Named, self._name)

    def _name(self, number: int, count: int, row: _Named) -> str:
        told = next((one for one in (row.question_id, row.id) if isinstance(one, str) and one), None)
        return told or f"{self._files[number].name}#{count}"

    def stamp(self) -> str:
        """Another word whenever the files are others."""
        found = self._stamped()
        if found != self._facts:
            self._begin()
        return found

    def _stamped(self) -> str:
        facts = [str(_VERSION), *(str(file.relative_to(self._folder)) for file in self._files)]
        for file in self._files:
            try:
                found = file.stat()
            except OSError as gone:
                raise UsageError(f"{file} cannot be read: {gone.strerror}") from gone
            facts.append(f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}")
        return " ".join(facts)

    def total(self) -> int:
        """How many questions there are, as far as that is known before all rows are read."""
        if "places" in self.__dict__:
            return len(self.places)
        return sum(one.questions for one in self.told.splits.values()) if self.told else 0

    def steps(self, marks: Mapping[str, int]) -> Iterator[Step]:
        """All questions in their order, behind those that have been read."""
        begun = marks.get("position", 0)
        if begun and begun == marks.get("of"):
            return
        of = len(self.places)
        for number, name in enumerate(islice(self.places, begun, None), begun + 1):
            yield Step(entry_of(name, self._rows(name)), {"position": number, "of": of})

    def question(self, name: str) -> View | None:
        """What a page shows of a question."""
        found = self._rows(name)
        return rows_view(name, found) if found else None

    def overview(self, _tallies: dict[str, int]) -> View:
        """What the manifest says."""
        return shipped_view(self.path, self.told, [str(file.relative_to(self._folder)) for file in self._files])

    def close(self) -> None:
        """Let go of copies of files that are no lines."""
        for one in self._tables:
            one.close()

    def _rows(self, name: str) -> list[Shown]:
        found = []
        for table, at in self.places.of(name):
            file = self._files[table].relative_to(self._folder)
            row = self._tables[table].row(at, dict[str, object])
            found.append(Shown(str(file), split_of(file), row, _record(row)))
        return found


def _manifest(folder: Path) -> Export:
    there = installed(folder)
    if there is not None and there.emitted is not None:
        raise UsageError(
            f"{folder} holds rows for {there.emitted!s:.50} that `reasonmed train --emit` wrote; open the export that "
            "they were made from, or a file of it"
        )
    return whole_manifest(folder)[1]


def _tables(folder: Path, told: Export) -> list[Path]:
    """The files that hold the most: whole records where a format has them, else the rows of the first format."""
    by_format = {
        name: [PurePath(file) for file in told.rows if PurePath(file).parts[0] == name and _is_table(file)]
        for name in told.formats
    }
    for name in _WHOLE:  # a format's own folders hold the same records again, in other forms
        if found := [file for file in by_format.get(name, []) if str(file.parent) == name]:
            return _places(folder, found)
    return _places(folder, next((files for files in by_format.values() if files), []))


def _is_table(file: str) -> bool:
    return PurePath(file).suffix in SUFFIXES


def _places(folder: Path, files: list[PurePath]) -> list[Path]:
    order = {name: number for number, name in enumerate(_SPLITS)}
    files = sorted(files, key=lambda file: (str(file.parent), order.get(split_of(file), 0), file.name))
    try:
        return [inside(folder, file) for file in files]
    except Refused as problem:
        raise UsageError(f"{folder / MANIFEST}: {problem}") from problem


def split_of(file: PurePath) -> str:
    """The split that a file's name says: ``train.jsonl``, ``ReasonMed.test.json``; empty for any other."""
    last = file.name.removesuffix(file.suffix).rpartition(".")[2]
    return last if last in _SPLITS else "train" if file.name.startswith(("ReasonMed", "CoTMed", "ResponseMed")) else ""


def _record(row: dict[str, object]) -> Record | None:
    """A row that is a whole record."""
    try:
        return record_in(row) if "chain_of_thought" in row and "question_id" in row else None
    except (msgspec.MsgspecError, AttributeError):
        return None


def entry_of(name: str, rows: list[Shown]) -> Entry:
    """A question of an export as its index has it."""
    records = [one.record for one in rows if one.record is not None]
    asked = asked_in(rows[0])
    plain = [one.row for one in rows if one.record is None]
    tiers = {str(one.tier) for one in records if one.tier is not None}
    tiers |= {tier for row in plain if isinstance(tier := row.get("tier"), str)}
    sources = {one.source or "none" for one in records}
    sources |= {source for row in plain if isinstance(source := row.get("source"), str)}
    known = [one.score for one in records if one.score is not None]
    faults = [step for one in records for step in one.steps if step.label != "ok"]
    texts = [text for one in rows for text in texts_in(one)]
    return Entry(
        id=name,
        stem=beginning(asked.stem),
        outcome=min(tiers) if len(tiers) == 1 else "rows",
        texts=Texts(
            "\n".join((name, asked.stem, *asked.options)),
            "\n".join(texts),
            "\n".join(step.note for step in faults if step.note),
        ),
        facets={
            "split": {one.split for one in rows if one.split},
            "table": {one.file for one in rows},
            "tier": tiers,
            "source": sources,
            "license": {one.license or "none" for one in records},
            "flag": {flag for one in records for flag in one.flags},
            "score": {"none" if one.score is None else str(one.score) for one in records},
            "step_error": {step.type or "other" for step in faults},
        },
        records=len(rows),
        score=sum(known) / len(known) if known else None,
    )
