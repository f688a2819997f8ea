"""The command line: one file a command family; only arguments and what is shown, no work."""

from __future__ import annotations

from typing import Annotated

import typer

from reasonmed import __version__
from reasonmed.cli import (
    ablate,
    again,
    agents,
    card,
    check,
    evaluate,
    export,
    importing,
    judge,
    plan,
    plugins,
    prepare,
    push,
    questions,
    run,
    selftest,
    status,
    train,
)
from reasonmed.cli._console import guarded

app = typer.Typer(
    name="reasonmed",
    help="Clinical questions in; a verified reasoning data set, a fine-tuned model and an honest score out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for family in (
    run,
    plan,
    status,
    again,
    prepare,
    questions,
    agents,
    judge,
    check,
    export,
    card,
    push,
    importing,
    train,
    evaluate,
    ablate,
    selftest,
    plugins,
):
    family.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"reasonmed {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Clinical questions in; a verified reasoning data set out."""


def main() -> None:
    """The entry point."""
    guarded(app)
