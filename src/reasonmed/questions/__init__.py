"""Questions in: readers, one file a layout, found by name or by the file's look.

A reader's module has ``matches(fields)``, whether a row has this layout, and ``read(fields)``, the row as a ``Raw``; if
it must see the whole file first, also ``prepare(rows, settings)``, whose result ``read`` then gets as second argument;
if the file's names for fields are not ours, also ``NAMES``, from ours to the file's, for messages. A name with a dot in
it imports a reader of your own.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from importlib import import_module
from itertools import islice
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from msgspec.structs import replace

from reasonmed.errors import QuestionError, UsageError
from reasonmed.questions import readers
from reasonmed.questions._build import Raw, build
from reasonmed.questions._files import Row, rows
from reasonmed.questions._row import glance
from reasonmed.questions.ids import clash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from reasonmed.types import Question

__all__ = ["NEEDS_OPTIONS", "Raw", "Settings", "layouts", "questions_in", "read"]


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

    def matches(self, fields: Mapping[str, Any]) -> bool:
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


def read(path: Path, settings: Settings | None = None) -> Iterator[Question | QuestionError]:
    """The questions of a file in its order; a row that is none, or has another's id, comes as the error that says so.

    Raises:
        QuestionError: the file itself cannot be read, or no reader knows its layout.
    """
    settings = settings or Settings()
    reader = _find(settings.layout) if settings.layout else _recognize(path, settings)
    convert = _converter(reader, path, settings)
    told = {**getattr(reader, "NAMES", {}), **settings.names}
    with closing(sqlite3.connect("", check_same_thread=False)) as seen:
        seen.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        for row in _rows(path, settings):
            one = row if isinstance(row, QuestionError) else _question(path, row, convert, told, settings.numbered)
            if settings.records and not isinstance(one, QuestionError):
                one = _without_clash(one, path, row.line)
            if not isinstance(one, QuestionError) and not one.options and not settings.open_ended:
                one = QuestionError(str(path), row.line, "options", NEEDS_OPTIONS)
            yield one if isinstance(one, QuestionError) else _once(one, path, row.line, seen)


def _question(
    path: Path, row: Row, convert: Callable[[Mapping[str, Any]], Raw], told: Mapping[str, str], numbered: str | None
) -> Question | QuestionError:
    """A row as a question; an error names the file's own field."""
    try:
        raw = convert(row.fields)
        if numbered and raw.id is None:
            raw = replace(raw, id=f"{numbered}-{row.line}")
        return build(raw, path, row.line)
    except QuestionError as wrong:
        return QuestionError(str(path), row.line, told.get(wrong.field, wrong.field), wrong.problem)
    except KeyError as missing:
        return QuestionError(str(path), row.line, str(missing.args[0]), "is missing")


def _without_clash(one: Question, path: Path, line: int) -> Question | QuestionError:
    problem = clash(one.id)
    return one if problem is None else QuestionError(str(path), line, "id", problem)


def _once(one: Question, path: Path, line: int, seen: sqlite3.Connection) -> Question | QuestionError:
    """The question, or an error if its id has been seen; ids are kept on disk, not in memory."""
    if seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (one.id, line)).rowcount:
        return one
    (first,) = seen.execute("SELECT line FROM seen WHERE id = ?", (one.id,)).fetchone()
    return QuestionError(str(path), line, "id", f"{glance(one.id)} stands twice, first on line {first}")


def _converter(reader: ModuleType, path: Path, settings: Settings) -> Callable[[Mapping[str, Any]], Raw]:
    convert = reader.read
    if not hasattr(reader, "prepare"):
        return cast("Callable[[Mapping[str, Any]], Raw]", convert)
    good = (row for row in _rows(path, settings) if not isinstance(row, QuestionError))
    try:
        prepared = reader.prepare((row.fields for row in good), settings)
    except QuestionError as wrong:
        raise QuestionError(str(path), 0, wrong.field, wrong.problem) from wrong
    return lambda fields: cast("Raw", convert(fields, prepared))


def _rows(path: Path, settings: Settings) -> Iterator[Row | QuestionError]:
    """The rows of a file with our names for its fields."""
    theirs = set(settings.names.values())
    for row in rows(path, theirs):
        if isinstance(row, QuestionError) or not theirs & row.fields.keys():
            yield row
            continue
        mapped = {ours: row.fields[name] for ours, name in settings.names.items() if name in row.fields}
        yield Row(row.line, {name: value for name, value in row.fields.items() if name not in theirs} | mapped)


@cache
def _readers() -> tuple[ModuleType, ...]:
    return tuple(import_module(f"{readers.__name__}.{name}") for name in layouts())


def _find(name: str) -> ModuleType:
    unknown = f"there is no layout {name!r}; there are {', '.join(layouts())}"
    if name not in layouts() and "." not in name:
        raise UsageError(unknown)
    try:
        reader = import_module(name if "." in name else f"{readers.__name__}.{name}")
    except (ImportError, TypeError, ValueError) as missing:
        raise UsageError(f"{unknown} ({missing})") from missing
    if not hasattr(reader, "read"):
        raise UsageError(f"{name} is no reader: it has no function read(fields)")
    return reader


def _recognize(path: Path, settings: Settings) -> ModuleType:
    """The one reader that knows a row among the file's first ones, so that a bad row does not hide the layout."""
    good = (row for row in _rows(path, settings) if not isinstance(row, QuestionError))
    unknown: Row | None = None
    for row in islice(good, _LOOK):
        fitting = [reader for reader in _readers() if reader.matches(row.fields)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            several = " or ".join(reader.__name__.rpartition(".")[2] for reader in fitting)
            raise QuestionError(str(path), row.line, "", f"may be {several}; say which with --layout")
        unknown = unknown or row
    if unknown is None:
        return _find("native")
    raise QuestionError(
        str(path),
        unknown.line,
        "",
        f"has a layout that no reader knows; its fields are {_fields(unknown)}. It needs question and options, or map "
        "the names with `reasonmed questions FILE --map question=Stem,options=Choices,answer=Key -o OUT`",
    )


def _fields(row: Row) -> str:
    """The names of a row's fields; in a CSV file without a known header, its cells."""
    unnamed = list(row.fields) == [str(column) for column in range(len(row.fields))]
    names = [str(value) if unnamed else name for name, value in islice(row.fields.items(), _NAMED)]
    more = len(row.fields) - len(names)
    return (", ".join(f"{name:.40}" for name in names) or "none") + (f" and {more} more" if more else "")
