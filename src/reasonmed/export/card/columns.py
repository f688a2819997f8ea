"""The columns of an exported table: their names, and their types as Croissant names them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.documents import MOST, Refused, decoded, regular
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TEXT, NUMBER, REAL, TRUTH = "sc:Text", "cr:Int64", "cr:Float64", "sc:Boolean"
_LOOKED_AT = 1000
"""So many rows tell the columns of a JSON file; a column that is null in all of them is called text."""


class Kind(NamedTuple):
    """What a column holds: values of a type or, with ``members``, objects; one, or a list of them."""

    type: str = TEXT
    is_list: bool = False
    members: tuple[tuple[str, Kind], ...] = ()


def fields_of(path: Path) -> dict[str, Kind]:
    """The columns of a file by their names, in its order. Of objects only their plain members are told.

    Raises:
        UsageError: it is no table, or a parquet file where pyarrow is not installed.
    """
    if path.suffix == ".parquet":
        return _of_parquet(path)
    found: dict[str, Kind | None] = {}
    for row in islice(_rows(path), _LOOKED_AT):
        for name, value in row.items():
            found[name] = found.get(name) or _kind(value)
    return {name: kind or Kind() for name, kind in found.items()}


def _rows(path: Path) -> Iterator[dict[str, object]]:
    try:
        with regular(path) as lines:
            for line in iter(lambda: lines.readline(MOST), b""):
                text = line.strip().rstrip(b",")
                if text not in (b"[", b"]", b""):
                    yield decoded(text, dict[str, object])
    except Refused as problem:
        raise UsageError(f"{path} is no table of an export: {problem}; export the run again with --force") from problem


def _kind(value: object) -> Kind | None:
    if isinstance(value, list):
        inner = next((kind for kind in map(_kind, value) if kind is not None), None)
        return inner and inner._replace(is_list=True)
    if isinstance(value, dict):
        members = {name: kind for name, one in value.items() if (kind := _kind(one)) is not None}
        return Kind(members=_plain(members))
    if value is None:
        return None
    types = ((bool, TRUTH), (int, NUMBER), (float, REAL))
    return Kind(next((name for kind, name in types if isinstance(value, kind)), TEXT))


def _plain(members: Mapping[str, Kind]) -> tuple[tuple[str, Kind], ...]:
    return tuple((name, kind) for name, kind in members.items() if not kind.members and not kind.is_list)


def _of_parquet(path: Path) -> dict[str, Kind]:
    try:
        from pyarrow import parquet, types
    except ImportError as missing:
        raise UsageError("the card of parquet files needs pyarrow: pip install 'reasonmed[parquet]'") from missing

    def kind(column: Any) -> Kind:  # noqa: ANN401 - pyarrow ships no types
        if types.is_list(column):
            return kind(column.value_type)._replace(is_list=True)
        if types.is_struct(column):
            return Kind(members=_plain({field.name: kind(field.type) for field in column}))
        if types.is_boolean(column):
            return Kind(TRUTH)
        if types.is_integer(column):
            return Kind(NUMBER)
        return Kind(REAL if types.is_floating(column) else TEXT)

    try:
        return {field.name: kind(field.type) for field in parquet.read_schema(path)}
    except (OSError, ValueError) as torn:  # pyarrow's own errors are among these
        raise UsageError(f"{path} is no table of an export: {torn}; export the run again with --force") from torn
