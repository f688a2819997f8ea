"""What a person is told, and asked, before anything leaves the machine: hosts, variables, patients' data."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from reasonmed.cli._console import err, say
from reasonmed.cli._options import working
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.backends import ModelSettings
    from reasonmed.engine.job import Outcome, Row
    from reasonmed.runs.job import RunJob

_STRANGER = "A recipe of a stranger could"


def consented(job: RunJob[Row, Outcome], *, yes: bool, phi: str | None) -> RunJob[Row, Outcome]:
    """The job, once it is known that its prompts may go where they go; with what was decided on patients' data.

    Raises:
        UsageError: a variable of another service would be sent, or questions may identify patients, and that was
            not agreed to.
    """
    check_ways(job.asked, yes=yes)
    return check_patients(job, phi)


def check_ways(entries: Mapping[str, ModelSettings], *, yes: bool) -> None:
    """Say where prompts go and which variables are read; ask before a variable of another service is sent.

    The same for the commands of servers that a recipe has started.

    Raises:
        UsageError: nobody agreed to that, or what should be a variable's name may be a key.
    """
    from reasonmed.runs.consent import FIX, START_FIX, commands, routes, stray_variables

    for line in routes(entries):
        say(line)
    stray, started = stray_variables(entries), commands(entries)
    if stray:
        _agree(stray, f"{_STRANGER} take a credential of yours this way.", "Send it?", FIX, yes=yes)
    for command in started:
        told = f"this recipe starts a program on this machine: {command}"
        _agree(told, f"{_STRANGER} run anything this way.", "Start it?", START_FIX, yes=yes)


def _agree(what: str, danger: str, question: str, fix: str, *, yes: bool) -> None:
    """Have a person agree to something, by --yes or at a terminal.

    Raises:
        UsageError: nobody did.
    """
    if yes:
        say(f"agreed to with --yes: {what}", "yellow")
        return
    if not (sys.stdin.isatty() and err.is_terminal):
        raise UsageError(f"{what}. {fix}")
    say(f"{what}. {danger}", "bold red")
    if not typer.confirm(question, default=False, err=True):
        raise UsageError(f"nothing was sent or started. {fix}")


def check_patients(job: RunJob[Row, Outcome], phi: str | None) -> RunJob[Row, Outcome]:
    """The job with what was decided on questions that may identify patients.

    Raises:
        UsageError: there are such questions, and the decision is to refuse them.
    """
    from reasonmed.runs.consent import screened

    with working("looking for patients' data"):
        job, warning = screened(job, phi)
    if warning:
        say(warning, "bold yellow")
    return job
