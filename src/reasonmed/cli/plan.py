"""``reasonmed plan``: what a run will take, from a pilot."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reasonmed.cli import _options as options
from reasonmed.cli._consent import consented
from reasonmed.cli._console import json_of, out, safe, say
from reasonmed.cli._jobs import do

if TYPE_CHECKING:
    from reasonmed.runs.estimate import Plan, Range, StagePlan


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(plan)


def plan(
    questions: Annotated[
        list[Path], typer.Argument(metavar="QUESTIONS...", help="Question files, or hub:NAME; as for run.")
    ],
    recipe: options.RecipeOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The run directory; as for run.")] = None,
    pilot: Annotated[
        int, typer.Option("--pilot", min=2, help="Questions of the pilot, of every source its share.")
    ] = 40,
    whole: Annotated[
        int | None, typer.Option("--for", min=1, help="Estimate for N questions of the same sources.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed by which the pilot's questions are drawn.")] = 0,
    endpoint: options.EndpointOption = None,
    model: options.ModelOption = None,
    key_env: options.KeyOption = None,
    layout: options.LayoutOption = None,
    cop_base: options.CopOption = None,
    names: options.MapOption = None,
    skip_bad: options.SkipOption = False,
    max_cost: options.CostOption = None,
    max_failures: Annotated[
        str | None,
        typer.Option("--max-failures", help="As for run; goes into the command that is printed."),
    ] = None,
    phi: options.PhiOption = None,
    yes: options.YesOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run a pilot and estimate what the whole run takes: requests, tokens, money, time.

    The pilot's replies are kept: `reasonmed run` with the same file and recipe reuses them.

    \b
    Examples:
      reasonmed plan medqa.jsonl -r recipe.yaml
      reasonmed plan medqa.jsonl -r recipe.yaml --pilot 100 --max-cost 5
      reasonmed plan medqa.jsonl -r recipe.yaml --for 200000
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.questions import Settings
    from reasonmed.recipe import at_once
    from reasonmed.runs.commands import run as synthesis
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.estimate import choose, estimate, scaled
    from reasonmed.runs.intake import take_in

    if max_failures is not None:
        options.failures_allowed(max_failures, pilot)
    chosen = options.load_recipe(recipe, endpoint, model, key_env, needs=synthesis.NEEDED, max_cost=max_cost)
    with options.reading(questions):
        given = synthesis.sources_of(questions, Settings(layout, cop_base, options.names_of(names)))
        selection, strata, sizes = choose(given.rows, pilot, seed)
        intake = take_in(given.file, given.rows, selection)
    options.check_rows(intake, skip_bad=skip_bad, given=given)
    options.check_demo(chosen, intake.survey.wanted, recipe)
    options.say_keyless(chosen, intake)
    folder = RunDirectory(output or synthesis.default_folder(intake, chosen))
    job = synthesis.synthesis_job(intake, at_once(chosen), folder)
    sample = chosen.stages.score.sample if chosen.stages.score else None
    job = replace(job, after=synthesis.scoring(at_once(chosen), min(sample or pilot, pilot)))
    job = consented(job, yes=yes, phi=phi)
    say(f"pilot: {len(strata)} of {sum(sizes.values()):,} questions, in {folder.path}")
    do(job, "questions of the pilot")
    found = estimate(folder, chosen, strata, scaled(sizes, whole) if whole else sizes)
    if as_json:
        typer.echo(json_of(found))
    else:
        _show(found)
        _say_cap(found, chosen.limits.max_cost)
        same = {
            "-r": recipe,
            "--endpoint": endpoint,
            "--model": model,
            "--key-env": key_env,
            "--layout": layout,
            "--cop-base": cop_base,
            "--map": names,
            "--max-cost": max_cost,
            "--max-failures": max_failures,
            "--phi": phi,
        }
        words = [str(word) for name, value in same.items() if value is not None for word in (name, value)]
        bad = [name for name, given in (("--skip-bad", skip_bad), ("--yes", yes)) if given]
        again = shlex.join(["reasonmed", "run", *map(str, questions), "-o", str(folder.path), *words, *bad])
        out.print(safe(f"The pilot's replies are kept: {again}"), soft_wrap=True)


def _show(found: Plan) -> None:
    from reasonmed.backends._prices import table_date

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("stage", "requests", "tokens in", "tokens out", "USD", "90 % of draws"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for stage, one in found.stages.items():
        table.add_row(safe(stage), *_cells(one))
    table.add_row("all", *_cells(found.total), style="bold")
    out.print(table)
    strata = "; ".join(f"{name.strip('()')} {size:,}" for name, size in found.strata.items())
    out.print(safe(f"{found.questions:,} questions ({strata}), about {_number(found.records)} records"))
    hours = found.hours
    out.print(safe(f"about {hours.expected:.2f} hours ({hours.low:.2f} to {hours.high:.2f}) at the pilot's pace"))
    if found.batched:
        out.print(
            safe(
                f"{', '.join(found.batched)} by batch jobs: at that rate in the money above, and a day or two in all "
                "beside these hours; the pilot itself was sent at once"
            )
        )
    if found.total.usd is None:
        out.print(safe("the cost is unknown: a model has no known price; add `price:` to its entry", "yellow"))
    else:
        out.print(
            safe(f"shipped prices are of {table_date()}; intervals are the spread of the pilot, not of the prices")
        )


def _say_cap(found: Plan, cap: float | None) -> None:
    """Say where the cap will end the run."""
    usd = found.total.usd
    if cap is None or usd is None or usd.high <= cap:
        return
    ends = "may end the run before its last question"
    if usd.expected > cap:
        ends = f"will end the run after about {cap / usd.expected:.0%} of the questions"
    say(f"--max-cost {cap:g} {ends}; the whole needs up to {usd.high:,.2f} USD", "yellow")


def _cells(one: StagePlan) -> list[str]:
    usd = "unknown" if one.usd is None else f"{one.usd.expected:,.4f}"
    spread = _number(one.requests) + " requests" if one.usd is None else f"{one.usd.low:,.4f} to {one.usd.high:,.4f}"
    return [
        f"{one.requests.expected:,.0f}",
        f"{one.tokens_in.expected:,.0f}",
        f"{one.tokens_out.expected:,.0f}",
        usd,
        spread,
    ]


def _number(found: Range) -> str:
    return f"{found.expected:,.0f} ({found.low:,.0f} to {found.high:,.0f})"
