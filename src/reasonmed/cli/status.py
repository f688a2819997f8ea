"""``reasonmed status``, ``ls`` and ``why``: a run, its questions, and the whole tree of one question."""

from __future__ import annotations

from typing import Annotated

import typer

from reasonmed.cli._console import json_of, out, safe, say
from reasonmed.cli._options import RunArgument
from reasonmed.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command(name="ls")(list_questions)
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
    from reasonmed.cli._funnel import show_batches, show_funnel, show_reviews, show_stages, show_turns
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.status import status_of

    found = status_of(RunDirectory(run))
    if as_json:
        typer.echo(json_of(found))
        return
    marks = " · DEMO: made by a model without medical ability" if found.demo else ""
    out.print(safe(f"{run}: {found.state}{marks}"))
    show_funnel(found)
    show_reviews(found)
    show_stages(found)
    show_turns(found)
    show_batches(found)


def list_questions(
    run: RunArgument,
    tier: Annotated[list[str] | None, typer.Option("--tier", help="Only this tier; repeatable.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only questions that failed.")] = False,
    source: Annotated[list[str] | None, typer.Option("--source", help="Only this source; repeatable.")] = None,
    search: Annotated[str, typer.Option("--search", help="Only questions with this text in stem or options.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines.")] = False,
) -> None:
    """List the questions of a run: tier or reason of failure, records, the beginning of the stem; also while it runs.

    \b
    Examples:
      reasonmed ls runs/medqa --failed
      reasonmed ls runs/medqa --tier difficult --search "warfarin"
      reasonmed ls runs/medqa --json | wc -l
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.listing import Wanted, listed
    from reasonmed.types import Tier

    unknown = [name for name in tier or () if name not in {*Tier}]
    if unknown:
        raise UsageError(f"--tier {unknown[0]!r}: there are {', '.join(Tier)}")
    wanted = Wanted(frozenset(tier or ()), failed, frozenset(source or ()), search)
    count = 0
    for one in listed(RunDirectory(run), wanted):
        count += 1
        if as_json:
            typer.echo(json_of(one))
            continue
        became = one.reason or one.tier or one.state
        records = f"{one.records} record{' ' if one.records == 1 else 's'}"
        line = safe(f"{one.id}  {became:<12} {records}  {' '.join(one.question.split())}")
        out.print(line, no_wrap=True, overflow="ellipsis" if out.is_terminal else "ignore", crop=out.is_terminal)
    if not count:
        say("no question matches", "yellow")


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
