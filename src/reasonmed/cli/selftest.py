"""``reasonmed selftest``: one's own recipe on a server that fails, with kills."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reasonmed.cli import _options as options
from reasonmed.cli._console import out, safe, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from reasonmed.runs.selftest.check import Result

_FAILED = 1
_MEASURES: dict[str, Callable[[Result], int]] = {
    "questions": lambda one: one.questions,
    "requests that the server saw": lambda one: one.received,
    "most at a time": lambda one: one.most_open,
    "answers that it gave": lambda one: one.answered,
    "answers on record": lambda one: one.on_record,
    "answers paid again": lambda one: one.answered - one.on_record,
    "answers under way at a kill": lambda one: one.lost,
}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(selftest)


def selftest(
    recipe: options.RecipeOption = None,
    kill: Annotated[
        bool, typer.Option("--kill", help="Also a run that is killed (kill -9) at random moments.")
    ] = False,
    kills: Annotated[int, typer.Option("--kills", min=1, help="How often it is killed.")] = 3,
    questions: Annotated[
        Path | None, typer.Option("--questions", help="A question file; the shipped one by default.")
    ] = None,
    seed: options.SeedOption = 0,
) -> None:
    """Try a recipe on a server of the package's own that throttles, breaks, drops, cuts and lies. No model, no key.

    \b
    Shows requests, faults, answers paid twice, what a kill lost, and whether the records are the same bytes.

    Examples:
      reasonmed selftest -r recipe.yaml
      reasonmed selftest -r recipe.yaml --kill
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.recipe.shipped import resource  # noqa: PLC0415 - keeps --help fast
    from reasonmed.runs.selftest.check import examine  # noqa: PLC0415 - the same

    chosen = options.load_recipe(recipe or "scripted")
    options.need_stages(chosen, ("generate", "verify"), recipe)
    file = questions or resource("examples", "questions.json")
    with tempfile.TemporaryDirectory(prefix="reasonmed-selftest-") as folder, options.working("testing"):
        found = asyncio.run(
            examine(chosen, file.resolve(), Path(folder), kills=kills if kill else 0, seed=seed, say=say)
        )
    _show(found)
    if not _conclude(found):
        raise typer.Exit(_FAILED)


def _show(results: list[Result]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for one in results:
        table.add_column(one.name, justify="right")
    for name, value in _MEASURES.items():
        table.add_row(name, *(f"{value(one):,}" for one in results))
    out.print(table)
    faults = ", ".join(f"{name} {count}" for name, count in sorted(results[0].faults.items()))
    out.print(safe(f"faults in the undisturbed run: {faults}"))


def _conclude(results: list[Result]) -> bool:
    first, last = results[0], results[-1]
    same = (first.records, first.failures) == (last.records, last.failures)
    checks = {
        "every answer is on record, and none was paid twice": first.on_record == first.answered,
        "a kill costs only what was under way": last.answered - last.on_record == last.lost,
        "same bytes": same,
    }
    for name, holds in checks.items():
        out.print(safe(f"{'ok ' if holds else 'NO '} {name}", "green" if holds else "bold red"))
    return all(checks.values())
