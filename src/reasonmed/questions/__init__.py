"""Questions in: readers, one file a layout, found by name or by the file's look.

A reader's module has ``matches(fields)``, whether a row has this layout, and ``read(fields)``, the row as a ``Raw``.
``READS`` are the names of the fields that hold its options and keys: a file that has others which look like them is of
another layout. ``BASE`` is the option that says whether its integer keys count from 0. ``NAMES`` maps our names for
fields to the file's, for messages. A reader from outside is found by an entry point or a dotted name, and may say with
``HEADER = False`` that the first line of its CSV files is a row.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache, partial
from importlib import import_module
from itertools import islice
from pkgutil import iter_modules
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from msgspec.structs import replace

from reasonmed import plugins
from reasonmed.errors import PluginError, QuestionError, UsageError
from reasonmed.questions import readers
from reasonmed.questions._build import Raw, build, choices_of, claims_of, lettered, stray
from reasonmed.questions._counting import WAYS, Counting, Keyed
from reasonmed.questions._files import Row, encoding_note, is_table, rows
from reasonmed.questions._names import question_field, strays
from reasonmed.questions._nested import unwrapped
from reasonmed.questions._oddities import figure_in
from reasonmed.questions._options import listed
from reasonmed.questions._own import attributed, mapped_names, renamed
from reasonmed.questions._row import glance
from reasonmed.questions.ids import clash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from reasonmed.types import Question

    Note = Callable[[str, str], None]

__all__ = ["NEEDS_OPTIONS", "Raw", "Settings", "encoding_note", "figure_in", "layouts", "questions_in", "read"]


NEEDS_OPTIONS = "must be 2 to 26, not 0: [], and this command needs options"
_LOOK = 100
_NAMED = 20


class Settings(NamedTuple):
    """How to read a file. ``names`` maps fields to the file's own names, such as ``question`` to ``Stem``.

    Rows without an id are named by a hash of their content; with ``numbered`` by this text and their number, so that
    equal rows stay apart.
    """

    layout: str | None = None
    cop_base: int | None = None
    names: Mapping[str, str] = {}
    numbered: str | None = None
    records: bool = False
    """Whether records will be made of the questions: one whose id is a record's or a chain's is refused then."""
    open_ended: bool = False
    """Whether questions without options are wanted; one that is not is refused."""


class Reader(Protocol):
    """The shape of a reader's module."""

    def matches(self, fields: Mapping[str, object]) -> bool:
        """Whether a row has this layout."""
        ...


def layouts() -> list[str]:
    """The names of the layouts that are known."""
    return sorted(module.name for module in iter_modules(readers.__path__))


def questions_in(path: Path, settings: Settings | None = None) -> Iterator[Question]:
    """The questions of a file.

    Raises:
        QuestionError: at the first row that is none.
    """
    for found in read(path, settings):
        if isinstance(found, QuestionError):
            raise found
        yield found


def read(path: Path, settings: Settings | None = None, note: Note | None = None) -> Iterator[Question | QuestionError]:
    """The questions of a file in its order; a row that is none, or has another's id, comes as the error that says so.

    Args:
        path: the file.
        settings: how to read it.
        note: is given what was changed in a question as it was read, and why.

    Raises:
        QuestionError: the file itself cannot be read, no reader knows its layout, or its integer keys may be counted
            from 0 or from 1.
    """
    settings = settings or Settings()
    reader = _find(settings.layout) if settings.layout else _Reader(_recognize(path, settings))
    names = {**getattr(reader.module, "NAMES", {}), **settings.names}
    flag = getattr(reader.module, "BASE", None)
    keyed = partial(_keyed, path, settings, reader)
    counting = Counting(path, keyed, settings.cop_base, typed=not is_table(path), flag=flag, names=settings.names)
    file = _File(path, reader, counting, names, settings.numbered)
    with closing(sqlite3.connect("", check_same_thread=False)) as seen:
        seen.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        for row in _rows(path, settings, reader.header):
            one = row if isinstance(row, QuestionError) else _question(row, file, note)
            if settings.records and not isinstance(one, QuestionError):
                one = _without_clash(one, path, row.line)
            if not isinstance(one, QuestionError) and not one.options and not settings.open_ended:
                one = QuestionError(str(path), row.line, "options", NEEDS_OPTIONS)
            yield one if isinstance(one, QuestionError) else _once(one, path, row.line, seen)
    if note is not None:
        if said := encoding_note(path):
            note("another encoding", said)
        for field, way in counting.settled.items():
            if way != "text":
                note("integer keys", f"{names.get(field, field)}: read {WAYS[way]}")


class _Reader(NamedTuple):
    """A reader's module, and the package that it is from where it does not ship."""

    module: ModuleType
    plugin: plugins.Plugin | None = None

    @property
    def header(self) -> bool | None:
        """Whether the first line of a CSV file has the columns' names; None where its look decides."""
        return None if self.plugin is None else bool(getattr(self.module, "HEADER", True))

    def raw(self, row: Row) -> Raw:
        """A row as the module reads it."""
        if self.plugin is None:
            return cast("Raw", self.module.read(row.fields))
        with plugins.at_work(self.plugin, f"line {row.line}", known=(KeyError,)):
            made = self.module.read(row.fields)
        if not isinstance(made, Raw):
            raise PluginError(f"{self.plugin} made a {type(made).__name__} of line {row.line}, which is no Raw")
        return made


class _File(NamedTuple):
    """What the rows of a file have in common."""

    path: Path
    reader: _Reader
    counting: Counting
    names: Mapping[str, str]
    """The file's own names of fields."""
    numbered: str | None


def _question(row: Row, file: _File, note: Note | None) -> Question | QuestionError:
    """A row as a question; an error names the file's own field. What refuses the whole file is raised."""
    raw = None
    try:
        raw = _converted(file.reader, row)
        if file.numbered and raw.id is None:
            raw = replace(raw, id=f"{file.numbered}-{row.line}")
        one = build(raw, file.path, row.line, file.counting)
    except QuestionError as wrong:
        if wrong.file:
            raise
        names = {**file.names, **(raw.names if raw else {})}
        problem = f"{wrong.problem}{row.known_as}"
        return QuestionError(str(file.path), row.line, names.get(wrong.field, wrong.field), problem)
    except KeyError as missing:
        return QuestionError(str(file.path), row.line, str(missing.args[0]), f"is missing{row.known_as}")
    if note is not None and (letters := lettered(raw)):
        note("options without their letters", f"{one.id}: {letters}")
    if note is not None and (end := stray(raw)):
        note("a stray quotation mark, taken off", f"{one.id}: {end}")
    return one


def _converted(reader: _Reader, row: Row) -> Raw:
    """A row as its reader has it, under its own source and license where it names them."""
    known = getattr(reader.module, "READS", None)
    extra = strays(row.fields, known) if known is not None else []
    if extra:
        layout = reader.plugin.name if reader.plugin else reader.module.__name__.rpartition(".")[2]
        problem = (
            f"looks like a key or an option, and the layout {layout} has no such field; leave --layout out, or map"
        )
        raise QuestionError(
            "", 0, extra[0], f"{problem} the key with `reasonmed questions FILE --map answer=NAME -o OUT`"
        )
    return attributed(reader.raw(row), row.fields)


def _keyed(path: Path, settings: Settings, reader: _Reader) -> Iterator[Keyed]:
    """What every row of a file says of its key; rows that cannot be read say nothing."""
    for row in _rows(path, settings, reader.header):
        if not isinstance(row, QuestionError):
            try:
                raw = _converted(reader, row)
                found = listed(raw.options)
            except (QuestionError, KeyError):
                continue
            yield Keyed(row.line, claims_of(raw, found), choices_of(found))


def _without_clash(one: Question, path: Path, line: int) -> Question | QuestionError:
    problem = clash(one.id)
    return one if problem is None else QuestionError(str(path), line, "id", problem)


def _once(one: Question, path: Path, line: int, seen: sqlite3.Connection) -> Question | QuestionError:
    """The question, or an error if its id has been seen; ids are kept on disk, not in memory."""
    if seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (one.id, line)).rowcount:
        return one
    (first,) = seen.execute("SELECT line FROM seen WHERE id = ?", (one.id,)).fetchone()
    return QuestionError(str(path), line, "id", f"{glance(one.id)} stands twice, first on line {first}")


def _rows(path: Path, settings: Settings, header: bool | None = None) -> Iterator[Row | QuestionError]:  # noqa: FBT001 - passed on
    """The rows of a file with our names for its fields."""
    theirs = mapped_names(settings.names)
    for row in rows(path, theirs, header=header):
        if isinstance(row, QuestionError):
            yield row
            continue
        fields = unwrapped(row.fields)
        yield row._replace(fields=renamed(fields, settings.names) if theirs & fields.keys() else fields)


@cache
def _readers() -> tuple[ModuleType, ...]:
    return tuple(import_module(f"{readers.__name__}.{name}") for name in layouts())


def _find(name: str) -> _Reader:
    if name in layouts():
        return _Reader(import_module(f"{readers.__name__}.{name}"))
    found = plugins.load("readers", name)
    if found is None:
        raise UsageError(f"there is no layout {name!r}; there are {plugins.names('readers', layouts())}")
    if not hasattr(found.module, "read"):
        raise UsageError(f"{found.plugin} is no reader: it has no function read(fields)")
    return _Reader(found.module, found.plugin)


def _recognize(path: Path, settings: Settings) -> ModuleType:
    """The one reader that knows a row among the file's first ones, so that a bad row does not hide the layout."""
    good = (row for row in _rows(path, settings) if not isinstance(row, QuestionError))
    native = import_module(f"{readers.__name__}.native")
    unknown: Row | None = None
    for row in islice(good, _LOOK):
        published = (
            () if settings.names else [one for one in _readers() if one is not native and _fits(one, row.fields)]
        )
        fitting = published or ([native] if native.matches(row.fields) else [])
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            several = " or ".join(reader.__name__.rpartition(".")[2] for reader in fitting)
            raise QuestionError(str(path), row.line, "", f"may be {several}; say which with --layout")
        unknown = unknown or row
    if unknown is None:
        return native
    if question_field(unknown.fields) is not None and not unknown.table:
        problem = f"these questions have no options; the fields are {_fields(unknown)}. An answer in words goes into"
        raise QuestionError(
            str(path), unknown.line, "", f"{problem} `reference`, for summarize, score and check: --map reference=NAME"
        )
    raise QuestionError(
        str(path),
        unknown.line,
        "",
        f"has a layout that no reader knows; its fields are {_fields(unknown)}. It needs question and options, or map "
        "the names with `reasonmed questions FILE --map question=Stem,options=Choices,answer=Key -o OUT`",
    )


def _fits(reader: ModuleType, fields: Mapping[str, object]) -> bool:
    return bool(reader.matches(fields)) and not strays(fields, getattr(reader, "READS", ()))


def _fields(row: Row) -> str:
    """The names of a row's fields; in a CSV file without a known header, its cells."""
    unnamed = list(row.fields) == [str(column) for column in range(len(row.fields))]
    names = [str(value) if unnamed else name for name, value in islice(row.fields.items(), _NAMED)]
    more = len(row.fields) - len(names)
    return (", ".join(f"{name:.40}" for name in names) or "none") + (f" and {more} more" if more else "")
