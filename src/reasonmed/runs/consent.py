"""What a person must agree to before anything leaves the machine: hosts, variables, patients' data."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from reasonmed.backends._endpoint import EndpointSettings
from reasonmed.backends._owners import is_away, strays
from reasonmed.backends._servable import ServableSettings
from reasonmed.errors import UsageError
from reasonmed.runs.manifest import Decision
from reasonmed.runs.patients import MODES, rows_of, screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.backends import ModelSettings
    from reasonmed.engine.job import Outcome, Row
    from reasonmed.runs.job import RunJob
    from reasonmed.runs.patients import Screened

    Entries = Mapping[str, ModelSettings]

FIX = "Export the key that belongs to that host under a name of its own, such as MY_API_KEY, or agree with --yes"
START_FIX = (
    "Read the command in the recipe, and start it with --yes; or start the server yourself and give its address in "
    "base_url"
)
_DE_IDENTIFY = (
    "De-identify the file, or use models on this machine (names are not looked for, so that finding nothing proves "
    "nothing)"
)


def routes(entries: Entries) -> Iterator[str]:
    """Where prompts go and which variables are read, a line each; nothing where no model has an endpoint.

    Raises:
        UsageError: what should be a variable's name may be a key.
    """
    remote = _remote(entries)
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
        yield f"{', '.join(names)}: {way}"


def stray_variables(entries: Entries) -> str:
    """Which variables of another service would be sent to which host, in a sentence; empty where none would."""
    found = strays(_remote(entries).values())
    return "; ".join(f"{one.variable} (named after {one.owner}) would be sent to {one.host}" for one in found)


def commands(entries: Entries) -> list[str]:
    """The commands of servers that would be started, each once, for people."""
    found = (
        entry.serve.shown(entry.identity)
        for entry in entries.values()
        if isinstance(entry, ServableSettings) and entry.serve is not None
    )
    return list(dict.fromkeys(found))


def screened(job: RunJob[Row, Outcome], phi: str | None) -> tuple[RunJob[Row, Outcome], str]:
    """The job with what was decided on questions that may identify patients, and a warning where there are any.

    Raises:
        UsageError: there are such questions, and the decision is to refuse them.
    """
    if phi is not None and phi not in MODES:
        raise UsageError(f"--phi {phi!r}: it must be {', '.join(MODES)}")
    away = [name for name, entry in job.asked.items() if is_away(entry)]
    if phi is None and not away:
        return job, ""
    if phi == "off":
        return replace(job, phi=Decision(phi)), ""
    found = screen(rows_of(job))
    warning = ""
    if found.questions:
        what = _found(found, away)
        if phi == "refuse":
            raise UsageError(f"{what}. Nothing was sent. {_DE_IDENTIFY}, or send them with --phi warn")
        warning = f"{what}. {_DE_IDENTIFY}, or end this with --phi refuse"
    return replace(job, phi=found.decided(phi or "warn")), warning


def _remote(entries: Entries) -> dict[str, EndpointSettings]:
    return {name: entry for name, entry in entries.items() if isinstance(entry, EndpointSettings)}


def _found(found: Screened, away: list[str]) -> str:
    """How many questions may identify patients, of which kinds, the first of them, and who gets them."""
    rows = f"{found.questions:,} of {found.of:,} question{' ' if found.of == 1 else 's '}may identify patients"
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in found.kinds.items())
    more = ", ..." if found.questions > len(found.first) else ""
    where = f", and {', '.join(away)} {'is' if len(away) == 1 else 'are'} not on this machine" if away else ""
    return f"{rows} ({kinds}){where}; the first: {', '.join(found.first)}{more}"
