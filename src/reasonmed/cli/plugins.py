"""``reasonmed plugins``: what other packages add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli._console import json_of, out, safe
from reasonmed.errors import PluginError

if TYPE_CHECKING:
    from reasonmed.plugins import Plugin


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="plugins")(plugins)


def plugins(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what installed packages add to reasonmed; each plug-in is imported to see whether it can be.

    \b
    Examples:
      reasonmed plugins
      reasonmed plugins --json
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.plugins import KINDS, installed

    found = [{**one._asdict(), "problem": _problem(one)} for kind in KINDS for one in installed(kind)]
    if as_json:
        typer.echo(json_of(found))
        return
    if not found:
        out.print("no installed package adds anything; docs/plugins.md says how one does")
    for one in found:
        problem = f": {one['problem']}" if one["problem"] else ""
        line = f"{one['kind']:9} {one['name']}  {one['package']} {one['version']}{problem}"
        out.print(safe(line, "yellow" if problem else ""), soft_wrap=True)


def _problem(one: Plugin) -> str | None:
    from reasonmed.plugins import load

    try:
        load(one.kind, one.name)
    except PluginError as failed:
        return str(failed)
    return None
