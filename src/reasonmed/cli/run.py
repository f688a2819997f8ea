"""``reasonmed run``: questions through the whole pipeline."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._consent import consented
from reasonmed.cli._console import say
from reasonmed.cli._jobs import do

if TYPE_CHECKING:
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.intake import Intake

_TOO_MANY_FAILURES = 1


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="run")(run)


def run(
    questions: Annotated[
        list[Path],
        typer.Argument(
            metavar="QUESTIONS...",
            help="Questions (JSON, JSON Lines, CSV, Excel, parquet), generated chains of thought, or hub:NAME; several "
            "make one run.",
        ),
    ],
    recipe: options.RecipeOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The run directory.")] = None,
    limit: options.LimitOption = None,
    sample: options.SampleOption = None,
    seed: options.SeedOption = 0,
    shard: Annotated[
        str | None,
        typer.Option("--shard", help="Only part I of N of the questions, as I/N; `reasonmed merge` joins the parts."),
    ] = None,
    fork: Annotated[
        list[Path] | None, typer.Option("--fork", help="An older run whose replies are reused; may be repeated.")
    ] = None,
    endpoint: options.EndpointOption = None,
    model: options.ModelOption = None,
    key_env: options.KeyOption = None,
    layout: options.LayoutOption = None,
    cop_base: options.CopOption = None,
    names: options.MapOption = None,
    skip_bad: options.SkipOption = False,
    max_failures: options.FailuresOption = "10%",
    max_cost: options.CostOption = None,
    against: options.AgainstOption = None,
    keep_verdicts: Annotated[
        bool,
        typer.Option("--keep-verdicts", help="Do not verify again what a file of agents has judged already."),
    ] = False,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys", help="Corrected keys, JSON Lines of id, key, who, why: only these questions start again."
        ),
    ] = None,
    phi: options.PhiOption = None,
    yes: options.YesOption = False,
    log_json: options.LogOption = False,
) -> None:
    """Run questions through the whole pipeline. Run it again to resume; no request is paid twice.

    \b
    Examples:
      reasonmed run examples/questions.json --limit 3
      reasonmed run medqa.jsonl -r recipe.yaml -o runs/medqa
      reasonmed run medqa.jsonl --endpoint http://localhost:11434/v1 --model qwen3:8b --sample 20
      reasonmed run medqa.jsonl -r new.yaml -o runs/new --fork runs/medqa
      reasonmed run medqa.jsonl -r recipe.yaml --max-cost 25
      reasonmed run save_cot.json -r recipe.yaml
      reasonmed run medqa.jsonl -r recipe.yaml -o runs/medqa --keys fixes.jsonl
      reasonmed run mine.jsonl -r recipe.yaml --against medqa-test.index.jsonl
      reasonmed run medqa.jsonl -r recipe.yaml --shard 3/16 -o runs/medqa-3
      reasonmed run mine.jsonl ward.csv hub:medmcqa-validation -r recipe.yaml
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.questions import Settings
    from reasonmed.questions.contamination import matcher_of
    from reasonmed.runs.commands import run as synthesis
    from reasonmed.runs.intake import selected, take_in
    from reasonmed.runs.shards import shard_of

    selection = selected(limit, sample, seed, None if shard is None else shard_of(shard))
    chosen = options.load_recipe(recipe, endpoint, model, key_env, needs=synthesis.NEEDED, max_cost=max_cost)
    settings = Settings(layout, cop_base, options.names_of(names))
    with options.reading(questions):
        given = synthesis.sources_of(questions, settings, keep_verdicts=keep_verdicts)
        intake = take_in(given.file, given.rows, selection)
    options.check_rows(intake, skip_bad=skip_bad, given=given)
    options.check_demo(chosen, intake.survey.wanted, recipe)
    options.failures_allowed(max_failures, intake.survey.wanted)
    with options.reading(against or []):
        matcher = matcher_of(against or [])
    job = synthesis.job_of_rows(intake, chosen, output, matcher, fork or ())
    if keys is not None:
        job = synthesis.with_keys(job, keys, skip_bad=skip_bad)
    job = consented(job, yes=yes, phi=phi)
    _announce(chosen, intake, job.folder)
    do(job, "questions", log_json=log_json, conclude=partial(_conclude, job.folder, max_failures, demo=chosen.demo))


def _announce(recipe: Recipe, intake: Intake, folder: RunDirectory) -> None:
    from reasonmed.recipe.checks import thresholds

    stages = recipe.stages
    chains = stages.generate.chains if stages.generate else 0
    easy, medium = thresholds(stages)
    models = ", ".join(sorted({recipe.model(name).label for name in recipe.used}))
    say(f"{intake.survey.wanted:,} questions, {chains} chains of thought each, by {models}")
    if intake.survey.given:
        say(f"{intake.survey.given:,} rows of {intake.file} bring chains of thought: these are taken as generated")
    keep = f", keep {stages.rank.keep}" if stages.rank else ""
    say(f"easy: up to {easy} wrong, medium: up to {medium}, difficult: more{keep} · run directory: {folder.path}")
    if recipe.demo:
        say(
            "DEMO: this model proves the machinery and has no medical ability; nothing it writes is fit for use",
            "bold red",
        )
    options.say_keyless(recipe, intake)


def _conclude(folder: RunDirectory, max_failures: str, *, demo: bool) -> None:
    from reasonmed.cli._console import out, safe
    from reasonmed.cli._funnel import first_record, show_funnel, show_record, show_turns
    from reasonmed.runs.status import status_of

    status = status_of(folder)
    record = first_record(folder.records_path)
    if record is not None:
        show_record(record)
    show_funnel(status)
    show_turns(status)
    out.print(safe(f"\nrecords   {folder.records_path}\nfailures  {folder.failures_path}"), soft_wrap=True)
    out.print(safe(f"ledger    {folder.ledger_path}"), soft_wrap=True)
    if demo:
        say("DEMO: these records come from a model without medical ability; they only show the machinery", "bold red")
    dropped = status.reasons.get("contaminated", 0)
    if dropped:
        say(f"{dropped:,} questions are in the benchmarks of --against and were not used: see failures.jsonl", "yellow")
    failures, allowed = status.failures - dropped, options.failures_allowed(max_failures, status.questions)
    if failures > allowed:
        say(
            f"{failures} of {status.questions} questions failed, more than --max-failures allows ({allowed})",
            "red",
        )
        raise typer.Exit(_TOO_MANY_FAILURES)
