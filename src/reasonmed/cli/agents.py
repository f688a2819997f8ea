"""Each agent as a command of its own: ``generate``, ``verify``, ``route``, ``rank``, ..., and stages from outside."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.markup import escape
from typer.core import TyperGroup

from reasonmed.cli import _options as options
from reasonmed.cli._consent import consented
from reasonmed.cli._console import out as result
from reasonmed.cli._console import say
from reasonmed.cli._jobs import do
from reasonmed.cli._sets import Asked, compare_sets
from reasonmed.documents import visible
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typer._click import Command, Context

    from reasonmed.plugins import Plugin
    from reasonmed.recipe.stages import StageSpec
    from reasonmed.runs.commands.stage import Tally
    from reasonmed.runs.directory import RunDirectory

PANEL = "Single stages"
_FOLDER = Path(__file__).parent.parent / "pipeline" / "stages"
_COMPARED = "  reasonmed score runs/medqa --against medical_o1_sft.json --sample 300 -o compared -r recipe.yaml"
_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


class _Said(NamedTuple):
    """What ``SPEC``, with which a stage's module ends, says of its command; no stage is imported, which --help pays."""

    priority: int
    name: str
    about: str
    makes: str


def _said(path: Path) -> _Said:
    spec = ast.parse(path.read_text(encoding="utf-8").rpartition("\nSPEC = ")[2], mode="eval").body
    keywords = spec.keywords if isinstance(spec, ast.Call) else []
    said: dict[str | None, Any] = {one.arg: one.value.value for one in keywords if isinstance(one.value, ast.Constant)}
    return _Said(said.get("priority", 0), said["name"], said["about"], said.get("makes", said["done"]))


_STAGES = sorted(map(_said, _FOLDER.glob("[!_]*.py")))
NAMES = tuple(stage.name for stage in _STAGES)
"""The stages' commands, in the order of the stages."""


def add_to(app: typer.Typer) -> None:
    """Add the commands, in the order of the stages."""
    before = "questions.json"
    for stage in _STAGES:
        app.command(name=stage.name, help=_help(stage, before))(_command(stage.name))
        before = f"{stage.makes}.jsonl"


class WithOutside(TyperGroup):
    """The commands that ship, and one for each stage of another package, whose module only its command imports.

    Entry points are looked up where all commands are listed, and for a name that does not ship.
    """

    def list_commands(self, ctx: Context) -> list[str]:
        """The commands' names, for ``--help``."""
        return [*super().list_commands(ctx), *(name for name in _offered() if name not in self.commands)]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """The command of this name."""
        return super().get_command(ctx, cmd_name) or _from_outside(cmd_name)


def _offered() -> dict[str, Plugin]:
    """The stages of installed packages, by what their commands are called."""
    from reasonmed.plugins import installed

    return {one.name: one for one in installed("stages") if _NAME.fullmatch(one.name)}


def _from_outside(name: str) -> Command | None:
    """The command of a stage by its entry point's or its module's dotted name."""
    from reasonmed.plugins import is_dotted

    plugin = _offered().get(name)
    if plugin is None and not (is_dotted(name) and find_spec(name.partition(".")[0])):
        return None
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    about = escape(visible(f"Run the {plugin or f'stage {name!r}'} on the rows of a file."))
    said = _Said(0, name, about, "out")
    single.command(name=name, help=_help(said, "in.jsonl"), rich_help_panel=PANEL)(_command(name))
    return typer.main.get_command(single)


def _spec(name: str) -> StageSpec:
    from reasonmed.recipe.stages import find

    found = find(name)
    if found is None:
        raise UsageError(f"there is no stage {name!r}; `reasonmed --help` lists those that are there")
    return found


def _help(stage: _Said, before: str) -> str:
    more = f"\n{_COMPARED}" if stage.name == "score" else ""
    return (
        f"{stage.about}\n\nRun it again to resume.\n\n\b\nExamples:\n"
        f"  reasonmed {stage.name} {before} -o {stage.makes}.jsonl -r recipe.yaml\n"
        f"  reasonmed {stage.name} old.json -o new.json -r recipe.yaml{more}"
    )


def _told(done: str, tally: Tally) -> str:
    return f"{sum(tally):,} in: {tally.done:,} {done}, {tally.passed:,} passed through, {tally.failed:,} failed"


def _command(name: str) -> Callable[..., None]:
    def command(
        rows: Annotated[Path, typer.Argument(metavar="IN", help="Stories, questions or rows of the original layout.")],
        output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; its ledger is OUT.run/.")],
        recipe: options.RecipeOption = None,
        against: Annotated[
            list[str] | None,
            typer.Option(
                "--against", help="score: another data set, or NAME=SET; compares IN with it in the folder -o."
            ),
        ] = None,
        models: Annotated[
            str | None, typer.Option("--models", help="generate: only these model entries, with commas between.")
        ] = None,
        layout: Annotated[
            str | None, typer.Option("--layout", help="native or original: how to write; else as IN looks.")
        ] = None,
        limit: options.LimitOption = None,
        sample: options.SampleOption = None,
        seed: options.SeedOption = 0,
        cop_base: options.CopOption = None,
        skip_bad: options.SkipOption = False,
        max_cost: options.CostOption = None,
        fork: Annotated[
            list[Path] | None, typer.Option("--fork", help="An older OUT.run or run whose replies are reused; repeat.")
        ] = None,
        phi: options.PhiOption = None,
        yes: options.YesOption = False,
        log_json: options.LogOption = False,
    ) -> None:
        from reasonmed.questions import Settings
        from reasonmed.runs.commands.stage import agent_job, needed
        from reasonmed.runs.directory import RunDirectory
        from reasonmed.runs.intake import selected, take_in
        from reasonmed.runs.layouts import story_source

        if against:
            _check_comparison(
                name,
                {
                    "--models": models,
                    "--layout": layout,
                    "--limit": limit,
                    "--cop-base": cop_base,
                    "--skip-bad": skip_bad or None,
                },
            )
            asked = Asked([str(rows), *against], output, sample, seed, recipe, max_cost, fork or [])
            compare_sets(asked, phi=phi, yes=yes, log_json=log_json)
            return
        selection = selected(limit, sample, seed)
        if models is not None and name != "generate":
            raise UsageError("--models goes with generate alone")
        spec = _spec(name)
        stage = spec.name
        chosen = options.load_recipe(recipe, needs=needed(stage), stages=(stage, *needed(stage)), max_cost=max_cost)
        if models is not None:
            chosen = options.only_models(chosen, models)
        source = story_source(rows, layout, Settings(cop_base=cop_base, open_ended=spec.open_ended))
        with options.working(f"checking {rows}"):
            intake = take_in(rows, source, selection)
        options.check_rows(intake, skip_bad=skip_bad)
        options.check_demo(chosen, intake.survey.wanted, recipe)
        tallies: list[Tally] = []
        job = agent_job(stage, intake, chosen, output, layout, tallies.append)
        job = replace(job, forks=tuple(RunDirectory(path) for path in fork or ()))
        job = consented(job, yes=yes, phi=phi)
        try:
            do(job, "rows", log_json=log_json)
        except typer.Exit:
            _say_what_is_missing(job.folder, output)
            raise
        result.print(f"{stage}: {output}", soft_wrap=True)
        for tally in tallies:
            result.print(_told(spec.done or "worked on", tally), soft_wrap=True)

    return command


def _check_comparison(name: str, needless: Mapping[str, object]) -> None:
    """Refuse what does not go with a comparison of data sets."""
    if name != "score":
        raise UsageError("--against goes with score alone")
    given = [option for option, value in needless.items() if value is not None]
    if given:
        raise UsageError(f"--against compares samples of whole sets (--sample, --seed); leave out {', '.join(given)}")


def _say_what_is_missing(folder: RunDirectory, output: Path) -> None:
    """Account for the rows of a command that was stopped, whose output is not written."""
    from reasonmed.runs.commands.stage import partial_of
    from reasonmed.runs.status import status_of

    found, old = status_of(folder), f"; {output} is what an earlier command wrote" if output.exists() else ""
    done = f"{found.questions - found.unfinished:,} of {found.questions:,} rows are through"
    scored = found.stages.get("score")
    if folder.manifest().command == "score":
        done = f"{scored.calls if scored else 0:,} requests for scores are answered"
    say(f"{output} is not written, since it would be incomplete: {done}, in {partial_of(output)}{old}", "yellow")
