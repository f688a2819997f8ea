"""What a person is told, and asked, before anything leaves the machine: hosts, variables, patients' data."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from reasonmed.cli._console import err, say
from reasonmed.cli._options import working
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.backends import ModelSettings
    from reasonmed.backends._owners import Stray
    from reasonmed.engine.job import Outcome, Row
    from reasonmed.runs.job import RunJob
    from reasonmed.runs.patients import Screened

_FIX = (
    "De-identify the file, or use models on this machine (names are not looked for, so that finding nothing proves "
    "nothing)"
)


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

    Raises:
        UsageError: nobody agreed to send it, or what should be a variable's name may be a key.
    """
    from reasonmed.backends._endpoint import EndpointSettings  # noqa: PLC0415 - keeps --help fast
    from reasonmed.backends._owners import strays  # noqa: PLC0415 - the same

    remote = {name: entry for name, entry in entries.items() if isinstance(entry, EndpointSettings)}
    for name, endpoint in remote.items():
        variable = endpoint.api_key_env
        if variable and variable not in os.environ and variable != variable.upper():
            raise UsageError(
                f"{name}: what api_key_env or --key-env names is no variable that is set; it may be a key, and is not "
                "repeated here. Export the key (export MY_API_KEY=...) and give the name MY_API_KEY"
            )
    ways: dict[str, list[str]] = {}
    for name, entry in entries.items():
        ways.setdefault(entry.route(), []).append(name)
    for way, names in ways.items() if remote else ():
        say(f"{', '.join(names)}: {way}")
    found = list(strays(remote.values()))
    if found:
        _ask(found, yes=yes)


def _ask(found: list[Stray], *, yes: bool) -> None:
    told = "; ".join(f"{one.variable} (named after {one.owner}) would be sent to {one.host}" for one in found)
    if yes:
        say(f"agreed to with --yes: {told}", "yellow")
        return
    fix = "Export the key that belongs to that host under a name of its own, such as MY_API_KEY, or agree with --yes"
    if not (sys.stdin.isatty() and err.is_terminal):
        raise UsageError(f"{told}. {fix}")
    say(f"{told}. A recipe of a stranger could take a credential of yours this way.", "bold red")
    if not typer.confirm("Send it?", default=False, err=True):
        raise UsageError(f"not sent. {fix}")


def check_patients(job: RunJob[Row, Outcome], phi: str | None) -> RunJob[Row, Outcome]:
    """The job with what was decided on questions that may identify patients.

    Raises:
        UsageError: there are such questions, and the decision is to refuse them.
    """
    from reasonmed.backends._owners import is_away  # noqa: PLC0415 - keeps --help fast
    from reasonmed.runs.patients import MODES, rows_of, screen  # noqa: PLC0415 - the same

    if phi is not None and phi not in MODES:
        raise UsageError(f"--phi {phi!r}: it must be {', '.join(MODES)}")
    away = [name for name, entry in job.asked.items() if is_away(entry)]
    if phi is None and not away:
        return job
    if phi == "off":
        return replace(job, phi={"mode": phi})
    with working("looking for patients' data"):
        found = screen(rows_of(job))
    if found.questions:
        told = _found(found, away)
        if phi == "refuse":
            raise UsageError(f"{told}. Nothing was sent. {_FIX}, or send them with --phi warn")
        say(f"{told}. {_FIX}, or end this with --phi refuse", "bold yellow")
    return replace(job, phi=found.decided(phi or "warn"))


def _found(found: Screened, away: list[str]) -> str:
    """How many questions may identify patients, of which kinds, the first of them, and who gets them."""
    rows = f"{found.questions:,} of {found.of:,} question{' ' if found.of == 1 else 's '}may identify patients"
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in found.kinds.items())
    more = ", ..." if found.questions > len(found.first) else ""
    where = f", and {', '.join(away)} {'is' if len(away) == 1 else 'are'} not on this machine" if away else ""
    return f"{rows} ({kinds}){where}; the first: {', '.join(found.first)}{more}"
