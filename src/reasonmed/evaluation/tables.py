"""A table for any kind of report, and how its numbers are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.markdown import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.evaluation.comparisons import Difference
    from reasonmed.evaluation.scores import Rate


class Table(NamedTuple):
    """A table for any kind of report."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""
    words: bool = False
    """Whether the last column are sentences, which a narrow screen has no room for beside the others."""
    brief: bool = True
    """Whether a terminal shows it too."""

    def without_words(self) -> Table:
        """The table without that column."""
        return self._replace(columns=self.columns[:-1], rows=[row[:-1] for row in self.rows], words=False)


def markdown_lines(table: Table) -> list[str]:
    """The table as a section of a Markdown page, its texts escaped."""
    lines = [f"## {plain(table.title)}", "", _line(table.columns), _line(["---"] * len(table.columns))]
    lines += [_line(row) for row in table.rows]
    return [*lines, "", *([plain(table.note), ""] if table.note else [])]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(plain(cell) for cell in cells)} |"


def percent(share: float) -> str:
    """A share in percent with one digit."""
    return f"{100 * share:.1f}"


def with_interval(found: Rate | None) -> str:
    """A rate with its bounds, such as ``41.0 (34.4-48.0)``."""
    return "-" if found is None else f"{percent(found.value)} ({percent(found.low)}-{percent(found.high)})"


def points(comparison: Difference, unit: str = "") -> str:
    """A difference with its interval, which says nothing where no answer differs."""
    found = comparison.difference
    value = f"{100 * found.value:+.1f}{unit}"
    return f"{value} ({100 * found.low:+.1f} to {100 * found.high:+.1f})" if comparison.differing else value


def probability(value: float) -> str:
    """A p value with three digits."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"  # noqa: PLR2004 - three digits are shown


def always_words(letter: str) -> str:
    """What is said of a model that chooses one letter on every question."""
    return f"always picks {letter}"
