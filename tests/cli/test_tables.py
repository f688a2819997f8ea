"""Tables at the width of a screen."""

from __future__ import annotations

import pytest

from reasonmed.cli import _tables
from reasonmed.cli._console import out

COLUMNS = ("benchmark", "n", "models/base-model", "tuned", "difference (95 %)", "only one right", "p", "p (Holm)")
ROWS = [
    ("medqa-4options", "1,273", "45.6", "47.1", "+1.5 (-0.4 to +3.3)", "120 / 130", "< 0.001", "< 0.001"),
    ("medqa-4options", "1,089", "46.6", "48.1", "+1.6 (-0.5 to +3.4)", "121 / 131", "< 0.002", "< 0.002"),
]


def shown(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setattr(out, "width", width)
    _tables.show("a against b", COLUMNS, ROWS, ["medqa-4options: so it is"])
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_of_a_table_is_wider_than_the_screen(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert max(map(len, shown(width, monkeypatch, capsys))) <= width


def test_at_80_columns_every_number_is_whole_and_cells_fold_at_spaces(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(80, monkeypatch, capsys)
    first = next(place for place, line in enumerate(lines) if line.startswith("medqa-4"))
    assert [lines[first].count(text) for text in ("1,273", "45.6", "47.1", "120 / 130", "< 0.001")] == [1, 1, 1, 1, 2]
    assert ("+1.5 (-0.4" in lines[first], "to +3.3)" in lines[first + 1]) == (True, True)
    assert lines[-1] == "medqa-4options: so it is"


def test_a_wide_screen_has_one_line_a_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    title, head, *rows, words = shown(200, monkeypatch, capsys)
    assert (title, words) == ("a against b", "medqa-4options: so it is")
    assert head.split("  ")[0] == "benchmark"
    assert len(rows) == len(ROWS)
    for name, value in zip(("benchmark", "tuned", "p (Holm)"), (0, 3, 7), strict=True):
        assert all(row[head.index(name) :].startswith(cells[value]) for row, cells in zip(rows, ROWS, strict=True))


def test_hostile_names_stay_on_their_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(out, "width", 80)
    _tables.show("t", ("name", "n"), [("[bold]x[/bold]\x1b[31m\u202e", "1"), ("", "2")])
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]x[/bold]" in text
    assert len(text.splitlines()) == 4
