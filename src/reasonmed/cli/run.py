"""``reasonmed run``: questions through the whole pipeline."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._consent import consented
from reasonmed.cli._console import say
from reasonmed.cli._jobs import do
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from reasonmed.runs.intake import Intake
    from reasonmed.runs.job import Job

_TOO_MANY_FAILURES = 1


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="run")(run)


def run(
    questions: Annotated[
        Path, typer.Argument(help="A question file (JSON, JSON Lines, CSV or parquet), or generated chains of thought.")
    ],
    recipe: options.RecipeOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The run directory.")] = None,
    limit: options.LimitOption = None,
    sample: options.SampleOption = None,
    seed: options.SeedOption = 0,
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
    phi: options.PhiOption = None,
    yes: options.YesOption = False,
    log_json: options.LogOption = False,
) -> None:
    """Run questions through the whole pipeline. The same command again resumes, and asks nothing twice.

    \b
    Examples:
      reasonmed run examples/questions.json --limit 3
      reasonmed run medqa.jsonl -r recipe.yaml -o runs/medqa
      reasonmed run medqa.jsonl --endpoint http://localhost:11434/v1 --model qwen3:8b --sample 20
      reasonmed run medqa.jsonl -r new.yaml -o runs/new --fork runs/medqa
      reasonmed run medqa.jsonl -r recipe.yaml --max-cost 25
      reasonmed run save_cot.json -r recipe.yaml
      reasonmed run mine.jsonl -r recipe.yaml --against medqa-test.index.jsonl
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.questions import Settings  # noqa: PLC0415 - the same
    from reasonmed.questions.contamination.screen import screened, told  # noqa: PLC0415 - the same
    from reasonmed.runs.commands import run as synthesis  # noqa: PLC0415 - keeps --help fast
    from reasonmed.runs.directory import RunDirectory  # noqa: PLC0415 - the same
    from reasonmed.runs.intake import Selection, take_in  # noqa: PLC0415 - the same

    if limit is not None and sample is not None:
        raise UsageError("--limit and --sample exclude each other")
    chosen = options.load_recipe(recipe, endpoint, model, key_env)
    options.need_stages(chosen, synthesis.NEEDED, recipe)
    chosen = options.with_cap(chosen, max_cost)
    source = synthesis.question_source(
        questions, Settings(layout, cop_base, options.names_of(names)), keep_verdicts=keep_verdicts
    )
    with options.working(f"checking {questions}"):
        intake = take_in(questions, source, Selection(limit, sample, seed))
    options.check_rows(intake, skip_bad=skip_bad)
    options.check_demo(chosen, intake.survey.wanted, recipe)
    allowed = options.failures_allowed(max_failures, intake.survey.wanted)
    matcher = options.load_against(against or [])
    screen = tuple(told(matcher)) if matcher else ()
    if matcher:
        intake = intake._replace(source=screened(intake.source, matcher))
    folder = RunDirectory(output or synthesis.default_folder(intake, chosen, screen))
    job = synthesis.synthesis_job(intake, chosen, folder)
    job = replace(job, against=screen, forks=tuple(RunDirectory(path) for path in fork or ()))
    job = consented(job, yes=yes, phi=phi)
    _announce(job, intake)
    do(job, "questions", log_json=log_json, conclude=partial(_conclude, job, allowed))


def _announce(job: Job, intake: Intake) -> None:
    from reasonmed.recipe.checks import thresholds  # noqa: PLC0415 - keeps --help fast

    stages = job.recipe.stages
    chains = stages.generate.chains if stages.generate else 0
    easy, medium = thresholds(stages)
    models = ", ".join(sorted({job.recipe.model(name).label for name in job.recipe.used}))
    say(f"{intake.survey.wanted:,} questions, {chains} chains of thought each, by {models}")
    if intake.survey.given:
        say(f"{intake.survey.given:,} rows of {intake.file} bring chains of thought: these are taken as generated")
    say(f"easy: up to {easy} wrong, medium: up to {medium}, difficult: more · run directory: {job.folder.path}")
    if job.recipe.demo:
        say(
            "DEMO: this model proves the machinery and has no medical ability; nothing it writes is fit for use",
            "bold red",
        )
    if intake.survey.without_key:
        say(f"{intake.survey.without_key:,} questions have no key: the models must agree on one", "yellow")


def _conclude(job: Job, allowed: int) -> None:
    from reasonmed.cli._console import out, safe  # noqa: PLC0415 - keeps --help fast
    from reasonmed.cli._funnel import first_record, show_funnel, show_record  # noqa: PLC0415 - the same
    from reasonmed.runs.status import status_of  # noqa: PLC0415 - the same

    status = status_of(job.folder)
    record = first_record(job.folder.records_path)
    if record is not None:
        show_record(record)
    show_funnel(status)
    out.print(safe(f"\nrecords   {job.folder.records_path}\nfailures  {job.folder.failures_path}"), soft_wrap=True)
    out.print(safe(f"ledger    {job.folder.ledger_path}"), soft_wrap=True)
    if job.recipe.demo:
        say("DEMO: these records come from a model without medical ability; they only show the machinery", "bold red")
    dropped = status.reasons.get("contaminated", 0)
    if dropped:
        say(f"{dropped:,} questions are in the benchmarks of --against and were not used: see failures.jsonl", "yellow")
    failures = status.failures - dropped
    if failures > allowed:
        say(
            f"{failures} of {status.questions} questions failed, more than --max-failures allows ({allowed})",
            "red",
        )
        raise typer.Exit(_TOO_MANY_FAILURES)
