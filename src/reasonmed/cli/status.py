"""``reasonmed status`` and ``reasonmed why``: where a run stands, and the whole tree of one question."""

from __future__ import annotations

from typing import Annotated

import typer

from reasonmed.cli._console import json_of, out, safe
from reasonmed.cli._options import RunArgument


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(why)


def status(
    run: RunArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show a run's progress: questions, records, failures, calls, tokens, money; also while it runs.

    \b
    Examples:
      reasonmed status runs/medqa
      reasonmed status runs/medqa --json
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.cli._funnel import show_funnel, show_stages
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.status import status_of

    found = status_of(RunDirectory(run))
    if as_json:
        typer.echo(json_of(found))
        return
    marks = " · DEMO: made by a model without medical ability" if found.demo else ""
    out.print(safe(f"{run}: {found.state}{marks}"))
    show_funnel(found)
    show_stages(found)


def why(
    run: RunArgument,
    question: Annotated[str, typer.Argument(metavar="QUESTION_ID", help="A question's or a record's id.")],
    full: Annotated[bool, typer.Option("--full", help="Show whole texts, not their beginnings.")] = False,
) -> None:
    """Show everything about one question: chains of thought, verdicts with reasons, tier, scores, rewrites, tokens.

    \b
    Examples:
      reasonmed why runs/medqa medqa-us-test-0004
      reasonmed why runs/medqa medqa-us-test-0004 --full | less -R
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.cli._tree import show_story
    from reasonmed.runs.directory import RunDirectory

    show_story(RunDirectory(run), question, full=full)
