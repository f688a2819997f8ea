"""Questions in: readers, one file a layout, found by name or by the file's look.

A reader's module has ``matches(fields)``, whether a row has this layout, and ``read(fields)``, the row as a ``Raw``; if
it must see the whole file first, also ``prepare(rows, settings)``, whose result ``read`` then gets as second argument.
A name with a dot in it imports a reader of your own.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from reasonmed.errors import QuestionError, UsageError
from reasonmed.questions._build import Raw, build
from reasonmed.questions._files import Row, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from reasonmed.types import Question

__all__ = ["Raw", "Settings", "layouts", "questions_in", "read"]


class Settings(NamedTuple):
    """How to read a file. ``names`` maps fields to the file's own names, such as ``question`` to ``Stem``."""

    layout: str | None = None
    cop_base: int | None = None
    names: Mapping[str, str] = {}


class Reader(Protocol):
    """The shape of a reader's module."""

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Whether a row has this layout."""
        ...


def layouts() -> list[str]:
    """The names of the layouts that are known."""
    return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


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
    """The questions of a file in its order; a row that is none comes as the error that says so.

    Raises:
        QuestionError: the file itself cannot be read, or no reader knows its layout.
    """
    settings = settings or Settings()
    stream = _renamed(rows(path), settings.names)
    first = next((row for row in stream if not isinstance(row, QuestionError)), None)
    if first is None:
        yield from (row for row in rows(path) if isinstance(row, QuestionError))
        return
    reader = _find(settings.layout) if settings.layout else _recognize(path, first)
    convert = _converter(reader, path, settings)
    for row in _renamed(rows(path), settings.names):
        yield row if isinstance(row, QuestionError) else _question(path, row, convert)


def _question(path: Path, row: Row, convert: Callable[[Mapping[str, Any]], Raw]) -> Question | QuestionError:
    try:
        return build(convert(row.fields), path, row.line)
    except QuestionError as wrong:
        return QuestionError(str(path), row.line, wrong.field, wrong.problem)
    except KeyError as missing:
        return QuestionError(str(path), row.line, str(missing.args[0]), "is missing")


def _converter(reader: ModuleType, path: Path, settings: Settings) -> Callable[[Mapping[str, Any]], Raw]:
    convert = reader.read
    if not hasattr(reader, "prepare"):
        return cast("Callable[[Mapping[str, Any]], Raw]", convert)
    good = (row for row in _renamed(rows(path), settings.names) if not isinstance(row, QuestionError))
    try:
        prepared = reader.prepare((row.fields for row in good), settings)
    except QuestionError as wrong:
        raise QuestionError(str(path), 0, wrong.field, wrong.problem) from wrong
    return lambda fields: cast("Raw", convert(fields, prepared))


def _renamed(stream: Iterable[Row | QuestionError], names: Mapping[str, str]) -> Iterator[Row | QuestionError]:
    back = {theirs: ours for ours, theirs in names.items()}
    for row in stream:
        if isinstance(row, QuestionError) or not back:
            yield row
        else:
            yield Row(row.line, {back.get(name, name): value for name, value in row.fields.items()})


@cache
def _readers() -> tuple[ModuleType, ...]:
    return tuple(import_module(f"{__name__}.{name}") for name in layouts())


def _find(name: str) -> ModuleType:
    try:
        return import_module(name if "." in name else f"{__name__}.{name}")
    except ModuleNotFoundError as missing:
        raise UsageError(f"there is no layout {name!r}; there are {', '.join(layouts())}") from missing


def _recognize(path: Path, first: Row) -> ModuleType:
    fitting = [reader for reader in _readers() if reader.matches(first.fields)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(map(str, first.fields)) or "none"
    if fitting:
        several = " or ".join(reader.__name__.rpartition(".")[2] for reader in fitting)
        raise QuestionError(str(path), first.line, "", f"may be {several}; say which with --layout")
    raise QuestionError(
        str(path),
        first.line,
        "",
        f"has a layout that no reader knows; its fields are {names}. It needs question and options, or map the names "
        "with `reasonmed questions FILE --map question=Stem,options=Choices,answer=Key -o OUT`",
    )
