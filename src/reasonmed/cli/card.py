"""``reasonmed card``: the data card of an export, made again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._console import out, safe, say


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="card")(card)


def card(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an export.")],
    name: Annotated[str | None, typer.Option("--name", help="The title of the data set.")] = None,
    creator: Annotated[str | None, typer.Option("--creator", help="Who made it, for croissant.json.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Where it is published, for croissant.json.")] = None,
    findings: Annotated[
        Path | None,
        typer.Option("--findings", help="A report of `reasonmed check --json FILE`: what was checked and found."),
    ] = None,
    judge_card: Annotated[
        Path | None, typer.Option("--judge-card", help="A judge_card.json of the run's judge: how good it is.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a card that was changed by hand.")] = False,
) -> None:
    """Regenerate the data card of an export: README.md, its pictures and croissant.json.

    Facts that are not given stay as they were. The data files must be unchanged since the export.

    \b
    Examples:
      reasonmed card medqa-data --findings check.json
      reasonmed card medqa-data --judge-card judge_card.json --name "MedQA reasoning" --creator "A. Person"
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.export import About, recard
    from reasonmed.runs.layouts import refuse_agents_file

    refuse_agents_file(folder)
    about = About(name, creator, url, findings, judge_card)
    with options.working(f"making the card of {folder}"):
        told = recard(folder, about, force=force)
    for file in told.card_sha256:
        out.print(safe(folder / file), soft_wrap=True)
    if not told.checks:
        say("contamination: not checked; give a report with --findings", "yellow")
