"""How a command does a job: with a live view, and with a word on how to go on when it ends early."""

from __future__ import annotations

import asyncio
import shlex
import sys
from typing import TYPE_CHECKING

import typer

from reasonmed.cli._console import INTERRUPTED, crash, say
from reasonmed.errors import ControlError, ReasonMedError

if TYPE_CHECKING:
    from reasonmed.runs.job import Job


def do(job: Job, noun: str, *, log_json: bool = False) -> None:
    """Do a job with its live view; a run that drains says how to resume and leaves with its own exit code."""
    from reasonmed.cli._live import live  # noqa: PLC0415 - keeps --help fast
    from reasonmed.runs.job import execute  # noqa: PLC0415 - the same
    from reasonmed.runs.progress import Watch  # noqa: PLC0415 - the same

    watch = Watch()

    async def watched() -> None:
        async with live(watch, noun, as_json=log_json):
            await execute(job, watch)

    again = shlex.join(["reasonmed", *sys.argv[1:]])
    try:
        asyncio.run(watched())
    except ControlError as stopped:
        say(f"stopped: {stopped}", "yellow")
        say(f"Everything so far is in {job.folder.path}. To go on, run the same command again:\n  {again}", "yellow")
        raise typer.Exit(stopped.exit_code) from None
    except (asyncio.CancelledError, KeyboardInterrupt):
        say(f"stopped at once; replies on record are kept. To go on:\n  {again}", "yellow")
        raise typer.Exit(INTERRUPTED) from None
    except ReasonMedError:
        raise
    except Exception as error:  # noqa: BLE001 - an error of our own: its traceback goes to the run's crash.txt
        crash(error, job.folder.path)
