"""An evaluation at a glance, as its first page shows it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.evaluation.headlines import headline_words, how, marks
from reasonmed.evaluation.report import tables
from reasonmed.evaluation.tables import percent
from reasonmed.web.index.entry import SEPARATOR
from reasonmed.web.views import View
from reasonmed.web.views.answers import AGREEMENTS, SAID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.evaluation.outcome import Results
    from reasonmed.evaluation.scores import Score

_SHOWN_APART = "Accuracy"


class Bar(NamedTuple):
    """A model on a benchmark, in percent."""

    model: str
    n: int
    value: float
    low: float
    high: float
    clean: str
    states: list[tuple[str, int]]
    """What its answers are, where they are not right."""


def scoreboard_view(results: Results, tallies: Mapping[str, int]) -> View:
    """The view of results and of the sums of the index."""
    agreed: dict[str, Counter[str]] = {}
    for name, count in tallies.items():
        kind, benchmark, word = (*name.split(SEPARATOR), "", "")[:3]
        if kind == "agreement":
            agreed.setdefault(benchmark, Counter())[word] += count
    values = {
        "title": "Evaluation",
        "headlines": headline_words(results),
        "marks": marks(results),
        "how": how(results),
        "benchmarks": [
            (one, list(_bars(results, one.name)), _agreed(agreed.get(one.name, Counter())))
            for one in results.benchmarks
        ],
        "several": len(results.models) > 1,
        "tables": [table for table in tables(results) if table.title != _SHOWN_APART],
    }
    return View("scoreboard", values)


def _agreed(counts: Counter[str]) -> list[tuple[str, str, int]]:
    return [(word, look, counts[word]) for word, look in AGREEMENTS.items()]


def _bars(results: Results, benchmark: str) -> Iterator[Bar]:
    for model in results.models:
        cell = model.benchmarks[benchmark]
        rate = cell.accuracy
        yield Bar(model.name, cell.n, 100 * rate.value, 100 * rate.low, 100 * rate.high, _clean(cell), _states(cell))


def _clean(cell: Score) -> str:
    found = cell.clean
    if found is None or not cell.overlap:
        return ""
    value = "-" if found.accuracy is None else percent(found.accuracy.value)
    return f"{value} on the {found.n:,} that it was not trained on"


def _states(cell: Score) -> list[tuple[str, int]]:
    kinds = {"wrong": cell.wrong, "unparsed": cell.unparsed, "truncated": cell.truncated}
    kinds |= {"unended": cell.unended, "failed": cell.failed}
    return [(SAID[kind], count) for kind, count in kinds.items() if count]
