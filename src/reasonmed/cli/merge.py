"""``reasonmed merge``: the parts of a run that several machines made, joined to one run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._console import out, safe, say
from reasonmed.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(merge)


def merge(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="The run directories of `run --shard`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The run directory of the whole.")],
    partial: Annotated[bool, typer.Option("--partial", help="Merge although parts are missing.")] = False,
) -> None:
    """Join the parts of a run (`run --shard I/N`): the same files as one run of all questions makes.

    Unfinished parts may be merged: `reasonmed run` with the whole file then finishes the rest. Merge again to add what
    is new.

    \b
    Examples:
      reasonmed merge runs/medqa-* -o runs/medqa
      reasonmed merge runs/medqa-1 runs/medqa-2 -o runs/medqa --partial
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.merge import merge as joined
    from reasonmed.runs.merge import missing

    shards, into = [RunDirectory(path) for path in runs], RunDirectory(output)
    if any(path.resolve() == output.resolve() for path in runs):
        raise UsageError(f"{output} is one of the parts; give another -o")
    absent = missing(shards)
    if absent and not partial:
        raise UsageError(f"parts {', '.join(absent)} are missing: give them too, or merge what is there with --partial")
    with options.working(f"merging {len(shards)} parts into {output}"):
        found = asyncio.run(joined(shards, into, lambda one: say(f"merged {one.path}")))
    unfinished = f", {found.unfinished:,} unfinished" if found.unfinished else ""
    out.print(safe(f"{output}: {found.questions:,} questions{unfinished}, {found.records:,} records"), soft_wrap=True)
    if not found.whole:
        what = "it" if found.unfinished else "it (scores are missing)"
        say(f"to finish {what}: reasonmed run QUESTIONS -r RECIPE -o {output}", "yellow")
