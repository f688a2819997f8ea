"""``reasonmed selftest``: one's own recipe on a server that fails, with kills, and on odd servers."""

from __future__ import annotations

import asyncio
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reasonmed.cli import _options as options
from reasonmed.cli._console import INTERRUPTED, clip, err, out, safe, say
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.selftest.check import Result
    from reasonmed.runs.selftest.odd import Played
    from reasonmed.runs.selftest.odd_cases import Case

_FAILED = 1
_EACH = 10
"""Where nobody sees a live line, every so many cases a line is printed."""
_WHERE = re.compile(r"\S+ at http://127\.0\.0\.1:\d+\S* (?=answered|sent)")
"""What every message says of the stand-in's address."""
_MEASURES: dict[str, Callable[[Result], int]] = {
    "questions": lambda one: one.questions,
    "requests that the server saw": lambda one: one.received,
    "most at a time": lambda one: one.most_open,
    "answers that it gave": lambda one: one.answered,
    "recorded answers": lambda one: one.on_record,
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
    odd: Annotated[
        bool, typer.Option("--odd", help="Instead: one short run at each of about 40 odd servers, in about a minute.")
    ] = False,
    case: Annotated[
        list[str] | None, typer.Option("--case", help="Of --odd, only cases with this in their name; may be repeated.")
    ] = None,
    questions: Annotated[
        Path | None, typer.Option("--questions", help="A question file; the shipped one by default.")
    ] = None,
    seed: options.SeedOption = 0,
) -> None:
    """Test a recipe on a local server that throttles, fails, drops and cuts replies. No model, no key.

    \b
    Shows requests, faults, replies paid twice, what a kill lost, and whether the records are the same bytes.
    With --odd: what each odd server does, how the run should end, and how it ended; exit 1 if one differs.

    Examples:
      reasonmed selftest -r recipe.yaml
      reasonmed selftest -r recipe.yaml --kill
      reasonmed selftest -r recipe.yaml --odd
      reasonmed selftest -r recipe.yaml --odd --case 429 --case temperature
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.recipe.shipped import resource
    from reasonmed.runs.selftest.check import examine

    if odd and kill:
        raise UsageError("--kill and --odd exclude each other")
    chosen = options.load_recipe(recipe or "scripted", needs=("generate", "verify"))
    file = questions or resource("examples", "questions.json")
    if odd or case:
        if not _odd(chosen, file.resolve(), case or []):
            raise typer.Exit(_FAILED)
        return
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
        "every answer is recorded, and none was paid twice": first.on_record == first.answered,
        "a kill costs only what was under way": last.answered - last.on_record == last.lost,
        "same bytes": same,
    }
    for name, holds in checks.items():
        out.print(safe(f"{'ok ' if holds else 'NO '} {name}", "green" if holds else "bold red"))
    return all(checks.values())


def _odd(chosen: Recipe, file: Path, names: list[str]) -> bool:
    """Play the odd servers; whether all ended as they should."""
    from reasonmed.runs.selftest.odd import play
    from reasonmed.runs.selftest.odd_cases import CASES

    cases = [one for one in CASES if not names or any(name.lower() in one.name.lower() for name in names)]
    if not cases:
        raise UsageError(f"--case {', '.join(names)}: no case has that in its name; there are {_listed(CASES)}")
    with tempfile.TemporaryDirectory(prefix="reasonmed-selftest-") as folder, _counting(len(cases)) as note:
        try:
            played = asyncio.run(play(chosen, file, Path(folder), cases=cases, note=note))
        except asyncio.CancelledError:
            say("stopped", "yellow")
            raise typer.Exit(INTERRUPTED) from None
    _show_odd(played)
    return all(one.ok is not False for one in played)


def _listed(cases: tuple[Case, ...]) -> str:
    return "; ".join(one.name for one in cases)


@contextmanager
def _counting(total: int) -> Iterator[Callable[[Played], None]]:
    """Say how far it is: in a live line, elsewhere now and then in a line of its own."""
    ended = 0
    with err.status(safe(f"0 of {total} odd servers")) as status:

        def note(played: Played) -> None:
            nonlocal ended
            ended += 1
            status.update(safe(f"{ended} of {total} odd servers; the last: {played.case.name}"))
            if not err.is_terminal and ended % _EACH == 0:
                say(f"{ended} of {total} odd servers")

        yield note


def _show_odd(played: list[Played]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, share in (("", 0), ("odd server", 4), ("seen at", 2), ("should end in", 3), ("ended in", 5)):
        table.add_column(name, ratio=share or None)
    for one in played:
        mark, style = {True: ("ok", "green"), False: ("NO", "bold red"), None: ("-", "dim")}[one.ok]
        cells = (one.case.name, one.case.seen, one.case.ends.should, _ending(one))
        table.add_row(safe(mark, style), *map(safe, cells))
    out.print(table)
    for one in played:
        if one.ok is False:
            out.print(safe(f"NO  {one.case.name}: {one.ended.said or _ending(one)}", "bold red"), soft_wrap=True)
    marks = [one.ok for one in played]
    told = f"{len(marks)} odd servers: {marks.count(True)} as they should, {marks.count(False)} not"
    undrawn = marks.count(None)
    out.print(safe(told + (f", {undrawn} whose oddity no request of this recipe draws" if undrawn else "")))


def _ending(played: Played) -> str:
    ended = played.ended
    if played.ok is None:
        return "no request of this recipe draws it"
    if ended.code:
        again = "same bytes" if ended.resumed == ended.whole else "other files"
        return f"exit {ended.code}: {clip(_WHERE.sub('', ended.said), 120)}; resumed: {again}"
    if ended.files == ended.whole:
        return "same bytes"
    return f"{len(ended.files.records)} records, {len(ended.files.failures)} failures"
