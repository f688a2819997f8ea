"""``reasonmed retry``, ``rebuild``, ``diff`` and ``ctl``: work with an existing run."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._consent import consented
from reasonmed.cli._console import json_of, out, safe, say
from reasonmed.errors import UsageError
from reasonmed.types import Tier

if TYPE_CHECKING:
    from reasonmed.runs.diff import Overview

_SHOWN = 20


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(retry)
    app.command()(rebuild)
    app.command()(diff)
    app.command()(ctl)


def retry(
    run: options.RunArgument,
    classes: Annotated[
        str, typer.Option("--class", help="context, filter, bad_request or unparsable; several with commas between.")
    ],
    recipe: options.RecipeOption = None,
    max_cost: options.CostOption = None,
    phi: options.PhiOption = None,
    yes: options.YesOption = False,
    log_json: options.LogOption = False,
) -> None:
    """Send requests that failed for these reasons again, and only those; then resume unfinished questions.

    \b
    Examples:
      reasonmed retry runs/medqa --class context
      reasonmed retry runs/medqa --class unparsable,filter -r recipe.yaml
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.cli._jobs import do
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.resume import job_of, retire

    folder = RunDirectory(run)
    job = job_of(folder, options.load_recipe(recipe) if recipe else None, max_cost)
    job = consented(job, yes=yes, phi=phi)
    count = retire(folder, [name.strip() for name in classes.split(",")])
    say(f"{count} questions have such replies; they are sent again" if count else "no question has such a reply")
    do(job, "questions", log_json=log_json)
    out.print(safe(f"{folder.records_path}"), soft_wrap=True)


def rebuild(run: options.RunArgument, recipe: options.RecipeOption = None) -> None:
    """Rebuild all results and files of a run from its ledger, without a request.

    A recipe is needed only if it names a back end of your own: a run directory alone imports no code.

    \b
    Examples:
      reasonmed rebuild runs/medqa
      reasonmed rebuild runs/medqa -r recipe.yaml
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.rebuild import rebuild as replay

    with options.working(f"replaying {run}") as done:
        found = asyncio.run(replay(RunDirectory(run), options.load_recipe(recipe) if recipe else None, done))
    same = "byte for byte what they were" if found.identical else "different from what they were"
    out.print(
        safe(f"{found.questions:,} questions from {found.calls:,} recorded calls, 0 requests; the files are {same}")
    )
    if found.changed:
        shown = ", ".join(found.changed[:_SHOWN])
        out.print(safe(f"{len(found.changed)} outcomes differ from the recorded ones: {shown}", "yellow"))


def diff(
    old: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run directory.")],
    new: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another one.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a changed question.")] = False,
) -> None:
    """Compare two runs: counts and cost, which records differ, and which calls caused it.

    \b
    Examples:
      reasonmed diff runs/medqa runs/medqa-new
      reasonmed diff runs/medqa runs/medqa-new --json > changes.jsonl
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.runs.diff import changes, overview, summary
    from reasonmed.runs.directory import RunDirectory

    found = changes(RunDirectory(old), RunDirectory(new))
    if as_json:
        for change in found:
            typer.echo(json_of(change))
        return
    _show_overview(overview(RunDirectory(old), RunDirectory(new)), (str(old), str(new)))
    every = list(found)
    for change in islice(every, _SHOWN):
        out.print(safe(f"{change.question_id}: {change.kind}: {change.cause} {change.call}".rstrip()), soft_wrap=True)
    if len(every) > _SHOWN:
        out.print(f"... and {len(every) - _SHOWN:,} more (--json lists all)")
    for cause, count in summary(every).items():
        out.print(safe(f"{count:6,}  {cause}"))
    if not every:
        out.print("no record differs")


def _show_overview(found: Overview, names: tuple[str, str]) -> None:
    """Print the counts of two runs side by side, and how many questions moved from tier to tier."""
    from reasonmed.cli import _tables as tables

    both = found.old, found.new
    counts = [("questions", [one.questions for one in both]), ("  unfinished", [one.unfinished for one in both])]
    counts += [(f"  {tier}", [one.tiers.get(tier, 0) for one in both]) for tier in Tier]
    counts.append(("failures", [one.failures for one in both]))
    reasons = sorted({name for one in both for name in one.reasons})
    counts += [(f"  {name}", [one.reasons.get(name, 0) for one in both]) for name in reasons]
    counts.append(("records", [one.records for one in both]))
    rows = [(name, *(f"{number:,}" for number in numbers)) for name, numbers in counts]
    rows.append(("USD", *("unknown" if one.spent_usd is None else f"{one.spent_usd:.4f}" for one in both)))
    moves = [f"{count:6,}  {before} to {after}" for (before, after), count in found.moved.items()]
    moved = f"{sum(found.moved.values()):,} of {found.shared:,} questions in both runs moved from tier to tier"
    tables.show("", ("", *names), rows, [moved, *moves])


def ctl(
    run: options.RunArgument,
    command: Annotated[str, typer.Argument(help="status, pause, resume, drain or limit.")],
    model: Annotated[
        str | None, typer.Argument(help="limit: the model, as in the recipe or as served; a part of it will do.")
    ] = None,
    most: Annotated[int | None, typer.Argument(help="limit: open requests at each address of it.")] = None,
) -> None:
    """Control a live run: pause it, drain it, or change how many requests a model gets.

    \b
    Examples:
      reasonmed ctl runs/medqa status
      reasonmed ctl runs/medqa pause
      reasonmed ctl runs/medqa limit deepseek 16
      reasonmed ctl runs/medqa drain
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.socket import ask

    if command not in ("status", "pause", "resume", "drain", "limit"):
        raise UsageError(f"ctl {command!r}: there are status, pause, resume, drain, limit")
    if command == "limit" and (model is None or most is None):
        raise UsageError("ctl limit needs a model and a number: reasonmed ctl RUN limit MODEL N")
    told = ask(RunDirectory(run), {"do": command, "model": model, "limit": most})
    typer.echo(safe(told).plain if isinstance(told, str) else json_of(told))
