"""``reasonmed export``: a run's records as files that others read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasonmed.cli._console import out, safe, say
from reasonmed.cli._options import RunArgument


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="export")(export)


def export(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    plain: Annotated[bool, typer.Option("--plain", help="Keep the texts' own endings: no answer line.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Export a demo run, whose texts have no medical worth.")] = False,
    with_disputed: Annotated[bool, typer.Option("--with-disputed", help="Also records whose key is disputed.")] = False,
    with_consensus: Annotated[
        bool, typer.Option("--with-consensus", help="Also records whose key is the models' consensus.")
    ] = False,
    verified_only: Annotated[bool, typer.Option("--verified-only", help="Only records that a judge accepted.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the files of an older export.")] = False,
) -> None:
    """Write ReasonMed.json, CoTMed.json, ResponseMed.json and the native records of a run.

    \b
    Examples:
      reasonmed export runs/medqa -o medqa-data
      reasonmed export runs/questions-1a2b3c4d -o demo-data --demo
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.export import DEFAULT_FORMATS, Settings  # noqa: PLC0415 - keeps --help fast
    from reasonmed.export import export as write  # noqa: PLC0415 - the same
    from reasonmed.rundir import RunDirectory  # noqa: PLC0415 - the same

    settings = Settings(plain, demo, with_disputed, with_consensus, verified_only)
    told = write(RunDirectory(run), output, settings, DEFAULT_FORMATS, force=force)
    out.print(safe(f"{told['records']:,} records in {output}: {', '.join(told['files'])}"), soft_wrap=True)
    left = told["left_out"]
    if left:
        say(f"left out: {', '.join(f'{count} {reason}' for reason, count in left.items())}", "yellow")
