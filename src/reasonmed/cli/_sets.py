"""``reasonmed score SET --against SET``: data sets compared by the recipe's scorer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.cli import _options as options
from reasonmed.cli._consent import consented
from reasonmed.cli._console import out, safe, say
from reasonmed.cli._jobs import do
from reasonmed.cli._tables import show

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.evaluation.sets.draw import Sample
    from reasonmed.evaluation.sets.job import Cost
    from reasonmed.runs.directory import RunDirectory

_ROWS = 200
"""Rows of each set where --sample says nothing."""


class Asked(NamedTuple):
    """What the command line asks for."""

    sets: list[str]
    output: Path
    sample: int | None
    seed: int
    recipe: str | None
    max_cost: float | None
    forks: list[Path]


def compare_sets(asked: Asked, *, phi: str | None, yes: bool, log_json: bool) -> None:
    """Draw equal samples, have them scored, and show the table."""
    from reasonmed.evaluation.sets.draw import draw
    from reasonmed.evaluation.sets.job import STAGE, comparison_job, cost_of, judge_of
    from reasonmed.evaluation.sets.reading import named
    from reasonmed.evaluation.sets.results import write_results
    from reasonmed.runs.directory import RunDirectory

    chosen = options.load_recipe(asked.recipe, needs=(STAGE,), stages=(STAGE,), max_cost=asked.max_cost)
    sets, folder = named(asked.sets), RunDirectory(asked.output)
    with options.working(f"reading {', '.join(str(one.path) for one in sets)}"):
        sample = draw(sets, asked.sample or _ROWS, asked.seed)
    options.check_demo(chosen, len(sample.stories()), asked.recipe)
    _announce(sample)
    _say_cost(cost_of(sample, chosen, folder), judge_of(chosen).label)
    write = partial(write_results, folder, sample, chosen)
    job = comparison_job(sample, chosen, folder, write, tuple(RunDirectory(path) for path in asked.forks))
    do(consented(job, yes=yes, phi=phi), "rows", log_json=log_json)
    _show(folder)


def _announce(sample: Sample) -> None:
    for one in sample.parts:
        lost = one.rows - one.usable
        rest = f", {lost:,} with nothing to score" if lost else ""
        say(f"{one.set.name}: {len(one.drawn):,} of {one.rows:,} rows drawn{rest}")
        for reason, count in one.unusable.items():
            say(f"  {count:,} {reason}", "yellow")
    if sample.n < sample.asked:
        say(f"the smallest set has {sample.n:,} rows that can be scored: as many are drawn of each", "yellow")
    if not sample.with_key:
        say("not every drawn row has a key: the judge sees none")


def _say_cost(cost: Cost, judge: str) -> None:
    if not cost.requests:
        return
    usd = "price unknown" if cost.usd is None else f"about {cost.usd:.2f} USD"
    size = f"about {cost.tokens_in:,} tokens in and {cost.tokens_out:,} out, more if the judge thinks"
    say(f"{cost.requests:,} rows to score by {judge}: {size}; {usd}")


def _show(folder: RunDirectory) -> None:
    from reasonmed.evaluation.sets.facts import RESULTS
    from reasonmed.evaluation.sets.pages import PICTURE, notes, table, verdicts

    found = RESULTS.read(folder.path / "results.json")
    made = table(found)
    show("", made.columns, made.rows)
    for line in notes(found):
        out.print(safe(line, "dim"), soft_wrap=True)
    for line in verdicts(found):
        out.print(safe(line, "bold"), soft_wrap=True)
    spent = "cost unknown" if found.spent_usd is None else f"{found.spent_usd:.2f} USD"
    out.print(safe(f"{found.calls:,} requests, {found.tokens:,} tokens, {spent}"), soft_wrap=True)
    drawn = (folder.path / PICTURE).is_file()
    files = ("results.json", "table.md", "scores.jsonl", *([PICTURE] if drawn else []))
    out.print(safe(f"{folder.path}: {', '.join(files)}"), soft_wrap=True)
    if not drawn:
        say("no picture: plots need matplotlib: pip install 'reasonmed[plots]'")
