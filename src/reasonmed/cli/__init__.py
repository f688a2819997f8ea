"""The command line: one file a command family; only arguments and what is shown, no work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
    merge,
    plan,
    plugins,
    prepare,
    push,
    questions,
    report,
    review,
    run,
    selftest,
    status,
    train,
    view,
)
from reasonmed.cli._console import guarded

if TYPE_CHECKING:
    from typer.models import CommandInfo

app = typer.Typer(
    name="reasonmed",
    cls=agents.WithOutside,
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
    merge,
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
    view,
    review,
    report,
):
    family.add_to(app)


PANELS: dict[str, tuple[str, ...]] = {
    "Make data": ("run", "merge", "retry", "rebuild", "ctl"),
    "Look at a run": ("view", "report", "review", "status", "ls", "why", "diff"),
    "Before you pay": ("init", "questions", "plan", "doctor", "prompt", "judge-card", "selftest", "plugins"),
    agents.PANEL: agents.NAMES,
    "Data sets": ("check", "index", "export", "card", "push", "import"),
    "Train and evaluate": ("train", "evaluate", "compare", "ablate"),
}
"""The commands in the order and under the heads of ``reasonmed --help``."""


def _arrange() -> None:
    """Put every command into its panel; one that has none is a mistake of ours."""
    places = {name: (panel, number) for panel, names in PANELS.items() for number, name in enumerate(names)}
    for command in app.registered_commands:
        command.rich_help_panel = places[_name(command)][0]
    for group in app.registered_groups:
        group.rich_help_panel = places[str(group.name)][0]
    panels = [*PANELS]
    app.registered_commands.sort(key=lambda one: (panels.index(places[_name(one)][0]), places[_name(one)][1]))


def _name(command: CommandInfo) -> str:
    return command.name or str(getattr(command.callback, "__name__", ""))


_arrange()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"reasonmed {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Clinical questions in; a verified reasoning data set out."""


def main() -> None:
    """The entry point."""
    guarded(app)
