"""How a command does a job: with a live view, and with a word on how to go on when it ends early."""

from __future__ import annotations

import asyncio
import shlex
import sys
from typing import TYPE_CHECKING

import typer

from reasonmed.cli._console import INTERRUPTED, clip, crash, say
from reasonmed.errors import BudgetReached, ControlError, ReasonMedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reasonmed.engine.job import Outcome, Row
    from reasonmed.runs.job import RunJob
    from reasonmed.runs.progress import Watch


def do(
    job: RunJob[Row, Outcome], noun: str, *, log_json: bool = False, conclude: Callable[[], None] = lambda: None
) -> None:
    """Do a job with its live view; a run that drains says how to resume and leaves with its own exit code.

    ``conclude`` shows the results of a job that came to its end.
    """
    from reasonmed.runs.job import execute
    from reasonmed.runs.progress import Watch

    watch = Watch()
    see_through(job, watch, lambda: execute(job, watch), noun, log_json=log_json, conclude=conclude)


def see_through(
    job: RunJob[Row, Outcome],
    watch: Watch,
    work: Callable[[], Awaitable[None]],
    noun: str,
    *,
    log_json: bool = False,
    conclude: Callable[[], None] = lambda: None,
) -> None:
    """The same for a job that is done in another way than in this process alone; ``watch`` sees how it goes."""
    from reasonmed.cli._live import live
    from reasonmed.engine.flow.budget import cap_needed

    async def watched() -> None:
        async with live(watch, noun, as_json=log_json):
            await work()

    again = shlex.join(["reasonmed", *sys.argv[1:]])
    try:
        asyncio.run(watched())
    except ControlError as stopped:
        _say_rejections(watch)
        say(f"stopped: {stopped}", "yellow")
        if job.folder.exists:
            kept = f"Everything so far is in {job.folder.path}. To resume, run"
            if isinstance(stopped, BudgetReached) and watch.control is not None:
                cap = cap_needed(watch.control.budget, *watch.so_far)
                words = shlex.join(["reasonmed", *_with_cap(sys.argv[1:], f"{cap:g}")])
                say(f"{kept}, for about {cap:g} USD in all:\n  {words}", "yellow")
            else:
                say(f"{kept} the same command again:\n  {again}", "yellow")
        raise typer.Exit(stopped.exit_code) from None
    except (asyncio.CancelledError, KeyboardInterrupt):
        say(f"stopped at once; recorded replies are kept. To resume:\n  {again}", "yellow")
        raise typer.Exit(INTERRUPTED) from None
    except ReasonMedError:
        raise
    except Exception as error:  # noqa: BLE001 - an error of our own: its traceback goes to the run's crash.txt
        crash(error, job.folder.path)
    try:
        conclude()
    finally:
        _say_rejections(watch)


def _with_cap(words: list[str], cap: str) -> list[str]:
    """A command line with another ``--max-cost``."""
    kept, rest = [], iter(words)
    for word in rest:
        if word == "--max-cost":
            next(rest, None)
        elif not word.startswith("--max-cost="):
            kept.append(word)
    return [*kept, "--max-cost", cap]


def _say_rejections(watch: Watch) -> None:
    """What endpoints said of the requests that they rejected for a fault of their own."""
    rejected = watch.control.meter.rejected if watch.control else {}
    for (model, kind), (count, said) in sorted(rejected.items()):
        say(
            f"{count:,} request{'' if count == 1 else 's'} of {model} rejected ({kind}); the last: {clip(said)}",
            "yellow",
        )
