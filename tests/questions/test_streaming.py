"""Files are read as streams: the same rows wherever a block ends, and memory that does not grow with the file."""

from __future__ import annotations

import csv
import json
import time
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from question_files import row, write_bytes

from reasonmed.errors import QuestionError
from reasonmed.questions import _stream, read
from reasonmed.questions._files import Row, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTE = 1 << 20

ROWS = [
    row(question='Brackets ] } , and "quotes" \\ in a stem?', meta={"n": [1, -2.5, 1e5, True, None]}),
    row(question="Ünïcödé 漢字 \N{GRINNING FACE}\n\ttabs\\u0041", options={"A": "[", "B": "]"}, answer="]"),
    {"question": "", "options": []},
    "a text",
    -17.25,
    [[1], {"a": {}}],
    row(id="last"),
]
LIST = json.dumps(ROWS, indent=1)
DENSE = json.dumps(ROWS, ensure_ascii=False, separators=(",", ":"))
MAP = json.dumps({f"row {number} é": one for number, one in enumerate(ROWS)}, indent=2)
OBJECTS = "\n".join(json.dumps(one, indent=1) for one in ROWS if isinstance(one, dict))
TORN = LIST[: LIST.rindex("Warfarin")]
BROKEN = LIST.replace("-17.25", "-17.25.1")


def shown(path: Path) -> list[tuple[int, object]]:
    """Rows and errors with their lines."""
    return [(one.line, one.fields if isinstance(one, Row) else one.problem) for one in rows(path)]


@pytest.mark.parametrize(
    "content", [LIST, DENSE, MAP, OBJECTS, TORN, BROKEN], ids=["list", "dense", "map", "objects", "torn", "broken"]
)
def test_blocks_of_any_size_give_the_same_rows_and_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    path = write_bytes(tmp_path / "f.json", content)
    whole = shown(path)
    assert len(whole) >= 3
    for size in [*range(1, 80), len(content) - 1, len(content), len(content) + 1]:
        monkeypatch.setattr(_stream, "BLOCK", size)
        assert shown(path) == whole, size


def test_the_lines_of_a_list_are_those_on_which_its_rows_start(tmp_path: Path) -> None:
    lines = [line for line, _ in shown(write_bytes(tmp_path / "f.json", LIST))]
    starts = [number for number, line in enumerate(LIST.split("\n"), 1) if line[:1] == " " and line[1:2] not in ' }]"']
    texts = [number for number, line in enumerate(LIST.split("\n"), 1) if line.startswith(' "')]
    assert lines == sorted(starts + texts)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab\\"{}[], é', max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(
    values=st.lists(st.dictionaries(st.text('ab\\"é', max_size=3), JSON, max_size=3), max_size=4),
    indent=st.sampled_from([None, 0, 2]),
    plain=st.booleans(),
    size=st.integers(1, 60),
)
def test_any_list_of_objects_comes_out_of_blocks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[dict[str, object]],
    indent: int | None,
    size: int,
    *,
    plain: bool,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-list.json"
    write_bytes(path, json.dumps(values, indent=indent, ensure_ascii=plain))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stream, "BLOCK", size)
        found = [one.fields if isinstance(one, Row) else one for one in rows(path)]
    infinite = any("inf" in str(one) or "Infinity" in json.dumps(one) for one in values)
    assert infinite or found == values


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak / MEGABYTE:.1f} MiB"


@pytest.mark.parametrize(("kind", "count"), [("list", 4000), ("map", 1500), ("lines", 1500), ("table", 1500)])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str, count: int) -> None:
    path = tmp_path / "big"
    stem = "A patient comes with a cough. " * 350
    with path.open("w", encoding="utf-8", newline="") as file:
        if kind == "table":
            table = csv.writer(file)
            table.writerow(["id", "question", "A", "B", "answer"])
            table.writerows([number, stem, "x", "y", "B"] for number in range(count))
        else:
            opening, between, closing = {"list": ("[", ",", "]"), "map": ("{", ",", "}"), "lines": ("", "\n", "")}[kind]
            file.write(opening)
            for number in range(count):
                name = f'"{number}": ' if kind == "map" else ""
                file.write(f"{between if number else ''}{name}{json.dumps(row(id=number, question=stem))}")
            file.write(closing)
    assert path.stat().st_size > count * 10_000
    with memory_below(4 * MEGABYTE):
        assert sum(not isinstance(one, QuestionError) for one in read(path)) == count


def test_a_list_that_breaks_early_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = write_bytes(
        tmp_path / "f.json", f'[{{"question": oops}}, {json.dumps("x" * 100)}' + f",{json.dumps('y' * 90)}" * 200_000
    )
    with memory_below(2 * MEGABYTE):
        assert len(list(read(path))) == 1


def test_a_row_of_many_blocks_is_looked_at_a_few_times_only(tmp_path: Path) -> None:
    words = ["word"] * 500_000
    path = write_bytes(tmp_path / "f.json", json.dumps([row(meta={"words": words})]))
    start = time.perf_counter()
    assert len(list(read(path))) == 1
    assert time.perf_counter() - start < 10
