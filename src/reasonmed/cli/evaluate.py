"""``reasonmed evaluate`` and ``reasonmed compare``: models on questions, and two evaluations against each other."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._consent import check_patients, check_ways
from reasonmed.cli._console import json_of, out, safe, say
from reasonmed.cli._jobs import do
from reasonmed.cli._tables import show
from reasonmed.documents import reason, small_text
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.evaluation import Candidate, Evaluation, Limits, Shots
    from reasonmed.evaluation.outcome import Results
    from reasonmed.evaluation.settings import Effort
    from reasonmed.evaluation.tables import Table
    from reasonmed.questions.benchmarks.fetching import Fetched
    from reasonmed.recipe.options import Recipe

_WARM = 0.7
"""Temperature where a question is asked several times and none is given."""

MarginOption = Annotated[
    float | None, typer.Option("--margin", help="Points of loss that are no matter; says whether more is ruled out.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="evaluate")(evaluate)
    app.command(name="compare")(compare)


def evaluate(
    questions: Annotated[
        list[str], typer.Argument(metavar="QUESTIONS...", help="Question files, VARIANT=FILE, or hub:VARIANT.")
    ],
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            "-m", "--candidate", help="embedded, a model folder or .gguf file (or NAME=PATH), a model of -r; repeat."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")] = Path("evaluation"),
    base: Annotated[
        str | None, typer.Option("--base", help="The model that gains are against; each one's own by default.")
    ] = None,
    margin: MarginOption = None,
    recipe: options.RecipeOption = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", "--base-url", help="An OpenAI-compatible base URL.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option("--model", help="A model's name at --endpoint; repeat.")] = None,
    key_env: options.KeyOption = None,
    protocol: Annotated[
        str, typer.Option("--protocol", help="generate, or loglikelihood as lm-eval does.")
    ] = "generate",
    samples: Annotated[int, typer.Option("--samples", min=1, help="Answers to each question.")] = 1,
    rotate: Annotated[int, typer.Option("--rotate", min=1, help="Orders of the options to ask in.")] = 1,
    perturb: Annotated[str | None, typer.Option("--perturb", help="nota, rotate: also ask perturbed.")] = None,
    temperature: Annotated[
        float | None, typer.Option("--temperature", min=0, max=2, help="0 by default; 0.7 with --samples.")
    ] = None,
    top_p: Annotated[float | None, typer.Option("--top-p", help="Nucleus sampling; not sent by default.")] = None,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", min=1, help="Tokens of a reply, thinking included.")
    ] = 8192,
    thinking: Annotated[
        bool | None, typer.Option("--thinking/--no-thinking", help="For models that can; theirs by default.")
    ] = None,
    effort: Annotated[
        str | None, typer.Option("--effort", help="low, medium or high: how much models behind an API think.")
    ] = None,
    shots: Annotated[int | None, typer.Option("--shots", min=1, help="Examples before each question.")] = None,
    shots_from: Annotated[
        str | None, typer.Option("--shots-from", help="FILE or FILE/SPLIT that examples are drawn from.")
    ] = None,
    no_context: Annotated[bool, typer.Option("--no-context", help="Leave context passages out.")] = False,
    prompt: Annotated[str, typer.Option("--prompt", help="reason, bare, or a template file.")] = "reason",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first N rows of each file.")] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="N rows of each file, drawn by a hash of their ids.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of --sample, of --shots and of the bootstrap.")] = 0,
    layout: options.LayoutOption = None,
    cop_base: options.CopOption = None,
    names: options.MapOption = None,
    skip_bad: options.SkipOption = False,
    max_cost: options.CostOption = None,
    fork: Annotated[
        list[Path] | None, typer.Option("--fork", help="An older evaluation whose replies are reused; repeat.")
    ] = None,
    audit_steps: options.AuditOption = None,
    judge: options.JudgeOption = None,
    judge_card: options.JudgeCardOption = None,
    phi: options.PhiOption = None,
    yes: options.YesOption = False,
    log_json: options.LogOption = False,
) -> None:
    """Score models on multiple-choice questions, with confidence intervals. Run it again to resume.

    \b
    Examples:
      reasonmed evaluate medqa.jsonl -m embedded --limit 20 -o evaluations/try
      reasonmed evaluate medqa.jsonl pubmedqa.jsonl -m models/base -m models/trained --base base -o evaluations/gain
      reasonmed evaluate medqa.jsonl --endpoint http://localhost:8000/v1 --model qwen3:8b --samples 4 --rotate 4
      reasonmed evaluate medqa.jsonl -m models/base -m models/trained --base base --perturb nota,rotate
      reasonmed evaluate medqa-4options=test.jsonl -m models/base --protocol loglikelihood
      reasonmed evaluate medqa-4options=test.jsonl -m models/base --shots 5 --shots-from train.jsonl
      reasonmed evaluate medqa.jsonl -m models/base -m models/trained -r recipe.yaml --audit-steps 200 --judge strong
      reasonmed evaluate hub:medqa-4options hub:mmlu-medical -m models/base -o evaluations/base
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed import evaluation as engine
    from reasonmed.questions import Settings as FileSettings
    from reasonmed.recipe import load as load_recipe
    from reasonmed.runs.intake import selected

    selection = selected(limit, sample, seed)
    if protocol not in ("generate", "loglikelihood"):
        raise UsageError(f"--protocol {protocol!r}: it must be generate or loglikelihood")
    chosen = load_recipe(recipe, stages=()) if recipe is not None else None
    settings = engine.Settings(
        protocol="loglikelihood" if protocol == "loglikelihood" else "generate",
        samples=samples,
        rotate=rotate,
        perturb=engine.perturbations(perturb.split(",") if perturb is not None else ()),
        temperature=temperature if temperature is not None else (_WARM if samples > 1 else 0.0),
        top_p=top_p,
        max_tokens=max_tokens,
        thinking=thinking,
        effort=_effort(effort),
        shots=_shots(shots, shots_from, seed),
        context=not no_context,
        prompt=_prompt(prompt),
        seed=seed,
    )
    models = [*_named(candidates or [], chosen), *_at_endpoint(endpoint, model or [], key_env)]
    audit = engine.auditor(audit_steps, judge, chosen, judge_card)
    check_ways({one.name: one.entry for one in [*models, *([audit.judge] if audit else [])]}, yes=yes)
    fetched = _fetched(questions, output)
    with options.working("checking questions and models"):
        planned = engine.plan(
            fetched,
            models,
            output,
            settings,
            base=base,
            margin=_margin(margin),
            reading=engine.Reading(selection, FileSettings(layout, cop_base, options.names_of(names)), skip_bad),
            limits=_limits(chosen, max_cost),
            forks=tuple(fork or ()),
            audit=audit,
        )
    _announce(planned)
    for one, job in engine.jobs(planned):
        say(f"asking {one.name} ({one.entry.label})")
        job = check_patients(job, phi)  # noqa: PLW2901 - the same job, with what was decided
        do(job, "questions", log_json=log_json)
    for one, judging in engine.audits(planned):
        say(f"steps judged by {one.name} ({one.entry.label})")
        do(check_patients(judging, phi), "answers", log_json=log_json)
    with options.working("writing results and reports"):
        told = engine.conclude(planned)
    _show(told, output)


def _fetched(questions: list[str], output: Path) -> list[str | Path | Fetched]:
    from reasonmed.evaluation import on_hub, with_files

    far = [one for one in questions if on_hub(one)]
    with options.working(f"fetching {', '.join(far)}") if far else nullcontext():
        return with_files(questions, output)


def _margin(points: float | None) -> float | None:
    if points is not None and not 0 < points < 100:  # noqa: PLR2004 - points are percent
        raise UsageError(f"--margin {points:g}: it must be more than 0 and less than 100 points")
    return None if points is None else points / 100


def _effort(given: str | None) -> Effort | None:
    from reasonmed.evaluation.settings import EFFORTS

    found = next((one for one in EFFORTS if one == given), None)
    if given is not None and found is None:
        raise UsageError(f"--effort {given}: it must be {', '.join(EFFORTS)}")
    return found


def _shots(count: int | None, source: str | None, seed: int) -> Shots | None:
    from reasonmed.evaluation import Shots

    if (count is None) != (source is None):
        raise UsageError("--shots K and --shots-from FILE go together: how many examples, and out of which file")
    return None if count is None or source is None else Shots(count=count, source=source, seed=seed)


def _prompt(given: str) -> str:
    from reasonmed.evaluation.settings import PROMPTS

    if given in PROMPTS:
        return given
    try:
        text = small_text(Path(given))
    except (OSError, UnicodeDecodeError) as unread:
        raise UsageError(
            f"--prompt {given}: it must be {', '.join(PROMPTS)} or a template file: {reason(unread)}"
        ) from unread
    if "question" not in text:
        raise UsageError(f"--prompt {given}: the template must hold {{{{ question }}}}")
    return text


def _named(names: Iterable[str], recipe: Recipe | None) -> list[Candidate]:
    from reasonmed.evaluation import candidates

    return [one for name in names for one in candidates(name, recipe)]


def _at_endpoint(url: str | None, models: list[str], key: str | None) -> list[Candidate]:
    from reasonmed.evaluation import of_endpoint

    if url is None:
        if models or key:
            raise UsageError("--model and --key-env go with --endpoint URL")
        return []
    if not models:
        raise UsageError("--endpoint needs --model NAME, the model's name there")
    return [of_endpoint(url, name, key) for name in models]


def _limits(recipe: Recipe | None, max_cost: float | None) -> Limits:
    from reasonmed.evaluation import Limits

    limits = recipe.limits if recipe else Limits()
    return limits if max_cost is None else limits.model_copy(update={"max_cost": max_cost})


def _announce(planned: Evaluation) -> None:
    settings = planned.settings
    for one in planned.benchmarks:
        of = f" of {one.variant.n:,}" if one.variant and one.variant.n != one.facts.n else ""
        say(f"{one.name}: {one.facts.n:,}{of} questions from {one.file}")
        for problem in one.differences:
            say(f"  differs from {one.name}: {problem}", "yellow")
        if one.caution:
            say(f"  {one.caution}", "yellow")
        if one.left_out:
            say(f"  {one.left_out:,} bad rows skipped", "yellow")
    for model in planned.candidates:
        if model.folder is not None:
            say(f"{model.name}: a model folder, run in this process by {model.entry.backend}")
    draws = sum(len(settings.draws(question)) for one in planned.benchmarks for question in one.questions)
    say(f"{draws:,} answers a model, {len(planned.candidates)} models, folder {planned.folder.path}")


def _show(told: Results, folder: Path) -> None:
    from reasonmed.evaluation.headlines import headline_words, how, marks
    from reasonmed.evaluation.report import SETS, tables

    for table in tables(told):
        if not table.brief:
            continue
        _print(table if table.title != SETS else table.without_words())
    for mark in marks(told):
        say(mark, "yellow")
    out.print(safe(how(told)), soft_wrap=True)
    for line in headline_words(told):
        out.print(safe(line, "bold"), soft_wrap=True)
    out.print(safe(f"\nresults  {folder / 'results.json'}\nreport   {folder / 'report.html'}"), soft_wrap=True)


def _print(found: Table) -> None:
    beside = found.without_words() if found.words else found
    words = [f"{row[0]}: {row[-1]}" for row in found.rows] if found.words else []
    show(found.title, beside.columns, beside.rows, words)
    if found.note:
        out.print(safe(found.note, "dim"), soft_wrap=True)
    out.print()


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="results.json of an evaluation, or its folder.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The other one; may be the same.")],
    a: Annotated[str | None, typer.Option("-a", help="Only this model of A.")] = None,
    b: Annotated[str | None, typer.Option("-b", help="Only this model of B.")] = None,
    margin: MarginOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the bootstrap.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare models of two evaluations, paired on the questions that both answered.

    \b
    Examples:
      reasonmed compare evaluations/base/results.json evaluations/trained/results.json
      reasonmed compare evaluations/gain evaluations/gain -a base -b trained --json
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.evaluation.audit.tables import pair_tables
    from reasonmed.evaluation.compare_folders import across
    from reasonmed.evaluation.comparison_tables import comparison_tables
    from reasonmed.evaluation.headlines import remarks_of

    with options.working("reading answers"):
        found = across(first, second, a, b, seed, _margin(margin))
    if as_json:
        typer.echo(json_of(found))
        return
    for remark in [*found.remarks, *remarks_of(found.comparisons)]:
        say(remark, "yellow")
    for table in (*comparison_tables(found.comparisons), *pair_tables(found.audits or ())):
        _print(table)
