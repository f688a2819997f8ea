"""``reasonmed review keys``: the keys that reviewers call wrong, as the file that ``run --keys`` takes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from reasonmed.cli._console import out, safe, say
from reasonmed.cli._options import RunArgument
from reasonmed.errors import UsageError


def add_to(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(keys)


def keys(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file of fixes, JSON Lines.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Write the keys that most reviewers of a question call wrong as the file that `run --keys` takes.

    \b
    Examples:
      reasonmed review keys runs/medqa -o fixes.jsonl
      reasonmed run medqa.jsonl -r recipe.yaml -o runs/medqa --keys fixes.jsonl
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.report.markdown import count
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews.keys import write_keys
    from reasonmed.runs.reviews.rulings import rulings_in

    with closing(RunDirectory(run).reader()) as ledger:
        found = rulings_in(run, ledger)
    if found is None:
        raise UsageError(f"{run} has no vote; review it with `reasonmed view {run}`")
    written = write_keys(found, output, force=force)
    out.print(
        safe(f"{output}: {count(written.fixes, 'key')}; read them, then run with --keys {output}"), soft_wrap=True
    )
    for name in written.open:
        say(f"{name}: called wrong, and no one option is named by most; it is not in the file", "yellow")
