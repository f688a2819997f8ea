"""Several files, or files of the hub, as the rows of one run: in their order, each question once, every row counted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from reasonmed.engine.ledger import encode
from reasonmed.errors import QuestionError, UsageError
from reasonmed.questions.held_out import declared_split
from reasonmed.questions.leads import same_question
from reasonmed.runs.corrections import key_name
from reasonmed.runs.manifest import InputFile
from reasonmed.runs.stories import REFRESHED, content_hash
from reasonmed.types import Question, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from reasonmed.runs.manifest import Input

    Source = Callable[[], Iterable[Story | QuestionError]]

_SHOWN = 5
_NAMED = 3


class Part(NamedTuple):
    """One of the sources, by what messages call it; ``name`` is the source of its questions that name none."""

    label: str
    name: str
    rows: Source


def labels_of(sources: Sequence[Path | str]) -> list[str]:
    """What messages call the sources: a file by its name, with as many folders as tell it from the others.

    Raises:
        UsageError: a source is given twice.
    """
    own = [str(one) if isinstance(one, str) else str(one.resolve()) for one in sources]
    if twice := sorted({str(one) for one, whole in zip(sources, own, strict=True) if own.count(whole) > 1}):
        raise UsageError(f"{', '.join(twice)}: given twice")
    tails = [(one,) if isinstance(one, str) else one.resolve().parts for one in sources]
    for size in range(1, max(map(len, tails)) + 1):
        labels = ["/".join(tail[-size:]) for tail in tails]
        if len({*labels}) == len(labels):
            return labels
    return own


def stem_of(label: str) -> str:
    """A file's label without its ending."""
    return label.removesuffix(".gz").rpartition(".")[0] or label


def whole_of(names: Sequence[str]) -> Path:
    """What several sources are called together."""
    more = len(names) - _NAMED
    shown = "+".join(name.replace("/", "-") for name in names[:_NAMED])
    return Path(shown + (f"+{more}-more" if more > 0 else ""))


class _Place(NamedTuple):
    """Where a row was first seen."""

    label: str
    row: int


class Alike(NamedTuple):
    """Questions that an earlier source has under another id: how many, and the first of them."""

    number: int = 0
    examples: tuple[str, ...] = ()


class Several:
    """The rows of several sources, one after another, and what the last reading counted.

    A question that an earlier source has under the same id is skipped and counted; another question under that id is
    a bad row, since which of the two is meant cannot be known, and so is one that only the later source holds out.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self.files: tuple[InputFile, ...] = ()
        """The sources with their counts of rows."""
        self.alike = Alike()

    def __call__(self) -> Iterator[Story | QuestionError]:
        """The rows; the counts are those of this reading once it has come to its end."""
        files: list[InputFile] = []
        alike = Alike()
        with closing(sqlite3.connect("", check_same_thread=False)) as seen:
            seen.execute("CREATE TABLE ids (id TEXT PRIMARY KEY, story BLOB, label TEXT, row INTEGER) WITHOUT ROWID")
            seen.execute("CREATE TABLE marks (mark TEXT PRIMARY KEY, id TEXT, label TEXT) WITHOUT ROWID")
            for part in self._parts:
                whole, rows, good, repeated = blake2b(digest_size=16), 0, 0, 0
                for one in part.rows():
                    rows += 1
                    found: Story | QuestionError | None = one
                    if isinstance(one, Story):
                        whole.update(content_hash(one))
                        found = _settled(one, _Place(part.label, rows), seen)
                    if found is None:
                        repeated += 1
                        continue
                    if isinstance(found, Story):
                        good += 1
                        alike = _with(alike, _marked(found.question, part.label, seen))
                        found = replace(found, question=_named(found.question, part.name))
                    yield found
                files.append(InputFile(part.label, whole.hexdigest(), rows, good, repeated, rows - good - repeated))
        self.files, self.alike = tuple(files), alike


def _with(alike: Alike, found: str | None) -> Alike:
    if found is None:
        return alike
    return Alike(alike.number + 1, (*alike.examples, found)[:_SHOWN])


def _named(question: Question, name: str) -> Question:
    return question if question.source else replace(question, source=name)


def _settled(one: Story, place: _Place, seen: sqlite3.Connection) -> Story | QuestionError | None:
    """The row; None where an earlier source has the same; an error where its id stands for something else."""
    values = (one.question.id, encode(one), *place)
    if seen.execute("INSERT OR IGNORE INTO ids VALUES (?, ?, ?, ?)", values).rowcount:
        return one
    held, *rest = seen.execute("SELECT story, label, row FROM ids WHERE id = ?", (one.question.id,)).fetchone()
    first, earlier = _Place(*rest), msgspec.json.decode(held, type=Story)
    held_out = declared_split(one.question)
    resplit = held_out is not None and held_out != declared_split(earlier.question)
    if first.label != place.label and content_hash(earlier) == content_hash(one) and not resplit:
        return None
    both = f"stands twice: row {first.row} of {first.label} and row {place.row} of {place.label}"
    why = "" if first.label == place.label else f"; they differ in {_difference(earlier, one)}"
    fix = "Give one of them another id, or take one out"
    return QuestionError(place.label, 0, "id", f"{one.question.id!r:.100} {both}{why}. {fix}")


def _difference(first: Story, second: Story) -> str:
    """In what two stories under one id differ, in the words of a person."""
    old, new = first.question, second.question
    names = [name for name in Question.__struct_fields__ if name not in REFRESHED]
    fields = [name for name in names if getattr(old, name) != getattr(new, name)]
    if fields == ["answer"]:
        return f"the key ({key_name(old) or 'none'}, {key_name(new) or 'none'})"
    if content_hash(first) == content_hash(second):
        return f"the split ({old.split or 'none'!s:.100}, {new.split!s:.100})"
    return ", ".join("the key" if name == "answer" else name for name in fields) or "their chains of thought"


def _marked(question: Question, label: str, seen: sqlite3.Connection) -> str | None:
    """That an earlier source has this question under another id; None where none has."""
    mark = same_question(question)
    if seen.execute("INSERT OR IGNORE INTO marks VALUES (?, ?, ?)", (mark, question.id, label)).rowcount:
        return None
    first, where = seen.execute("SELECT id, label FROM marks WHERE mark = ?", (mark,)).fetchone()
    return None if where == label else f"{question.id!r:.100} of {label} is {first!r:.100} of {where}"


def other_files(began: Input | None, now: Input | None) -> Iterator[str]:
    """In what the files of a command differ from those that its run began with, where one of them has several."""
    if began is None or now is None or not (began.files or now.files):
        return
    old, new = _hashes(began), _hashes(now)
    if gone := [name for name in old if name not in new]:
        yield f"this run began with {', '.join(gone)} too: not read now, and its questions stay in the run"
    if added := [name for name in new if name not in old]:
        yield f"this run began without {', '.join(added)}"
    if changed := [name for name in new if name in old and new[name] != old[name]]:
        yield f"not the same as when the run began: {', '.join(changed)}"
    if new.keys() == old.keys() and list(new) != list(old):
        yield f"this run began with the same files in another order, which it keeps: {', '.join(old)}"


def _hashes(given: Input) -> dict[str, str]:
    return {one.file: one.hash for one in given.files} or {given.file: given.hash}
