"""Formats take the questions of one reading, each at its own pace; one that fails ends the others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from reasonmed.errors import UsageError
from reasonmed.export import Settings, View, _together
from reasonmed.export._merge import Part
from reasonmed.export._sinks import Sinks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from reasonmed.runs.directory import RunDirectory


@pytest.fixture
def view(run26: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> Iterator[View]:
    monkeypatch.setattr(_together, "_TOGETHER", 3)
    with run26.snapshot() as ledger:
        yield View([Part(1, ledger, run26.manifest())], Settings(demo=True))


def test_every_format_gets_every_question_and_may_read_again_or_not_at_all(view: View, tmp_path: Path) -> None:
    seen: dict[str, list[list[str]]] = {"once": [], "twice": [], "never": [], "some": []}

    def reads(name: str, times: int, most: int = 99) -> Callable[[View], Sinks]:
        def ids(given: View) -> list[str]:
            return [case.question.id for case, _ in zip(given.cases(), range(most), strict=False)]

        def write(given: View) -> Sinks:
            seen[name] += [ids(given) for _ in range(times)]
            return Sinks(tmp_path / name)

        return write

    names = [case.question.id for case in view.cases()]
    writes = {
        "once": reads("once", 1),
        "twice": reads("twice", 2),
        "never": reads("never", 0),
        "some": reads("some", 1, 4),
    }
    assert list(_together.write_all(view, writes)) == ["once", "twice", "never", "some"]
    assert seen == {"once": [names], "twice": [names, names], "never": [], "some": [names[:4]]}


def test_a_format_that_fails_ends_the_others_with_its_own_error(view: View, tmp_path: Path) -> None:
    def fails(given: View) -> Sinks:
        for number, _ in enumerate(given.cases()):
            if number == 4:
                raise UsageError("this one cannot be written")
        return Sinks(tmp_path)

    def goes_on(given: View) -> Sinks:
        with Sinks(tmp_path / "on") as sinks:
            for row in given.rows():
                sinks.add("train.jsonl", {"id": row.record.id})
        return sinks

    with pytest.raises(UsageError, match="this one cannot be written"):
        _together.write_all(view, {"on": goes_on, "fails": fails})
    assert not list((tmp_path / "on").glob("*.jsonl"))
    assert threading.active_count() <= 2
