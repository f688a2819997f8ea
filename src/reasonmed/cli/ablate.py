"""``reasonmed ablate``: which part of the data does the work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._consent import check_ways
from reasonmed.cli._console import out, safe, say
from reasonmed.cli._tables import show
from reasonmed.errors import UsageError
from reasonmed.report.figures import between, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.evaluation.ablation import Ablation, Equal
    from reasonmed.evaluation.ablation.pooled import Accuracy, Gap
    from reasonmed.evaluation.scores import Rate


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ablate)


def ablate(
    data: Annotated[Path, typer.Argument(help="An export's folder with the trl-sft files of all variants.")],
    config: Annotated[str, typer.Option("--config", "-c", help="A training file, or a preset's name.")],
    questions: Annotated[list[Path], typer.Option("--questions", help="A question file to score on; repeat.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")] = Path("ablation"),
    variants: Annotated[str, typer.Option("--variants", help="Separated by commas.")] = "reasonmed,cotmed,responsemed",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each variant.")] = 3,
    equal: Annotated[str, typer.Option("--equal", help="examples, or tokens.")] = "examples",
    shares: Annotated[str, typer.Option("--shares", help="Also the first variant on these shares: 0.25,0.5.")] = "",
    protocol: Annotated[str, typer.Option("--protocol", help="generate, or loglikelihood.")] = "generate",
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="Tokens of a reply.")] = 2048,
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="N rows of each question file.")] = None,
    recipe: options.RecipeOption = None,
    audit_steps: options.AuditOption = None,
    judge: options.JudgeOption = None,
    judge_card: options.JudgeCardOption = None,
    yes: options.YesOption = False,
) -> None:
    """Train each variant with the same settings and several seeds, score them and the base, and print one table.

    \b
    Examples:
      reasonmed ablate medqa-data -c train.yaml --questions medqa.jsonl -o ablations/medqa
      reasonmed ablate medqa-data -c train.yaml --questions medqa.jsonl --equal tokens --protocol loglikelihood
      reasonmed ablate medqa-data -c train.yaml --questions medqa.jsonl -r recipe.yaml --audit-steps 200 --judge strong
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.evaluation import (
        Reading,
        Settings,
        ablation,
        auditor,
    )
    from reasonmed.recipe import load as load_recipe
    from reasonmed.runs.intake import Selection
    from reasonmed.training import settings as files

    if equal not in ("examples", "tokens"):
        raise UsageError(f"--equal {equal!r}: it must be examples or tokens")
    if protocol not in ("generate", "loglikelihood"):
        raise UsageError(f"--protocol {protocol!r}: it must be generate or loglikelihood")
    settings = files.load(config)
    audit = auditor(audit_steps, judge, load_recipe(recipe, stages=()) if recipe is not None else None, judge_card)
    check_ways({audit.judge.name: audit.judge.entry} if audit else {}, yes=yes)
    plan = ablation.Plan(
        settings,
        tuple(name.strip() for name in variants.split(",")),
        tuple(settings.seed + number for number in range(seeds)),
        cast("Equal", equal),
        _shares(shares),
        audit,
    )
    how = Settings(protocol=cast("Literal['generate', 'loglikelihood']", protocol), max_tokens=max_tokens)
    told = ablation.run(data, plan, questions, output, (how, Reading(Selection(sample=sample))), say)
    _show(told)
    out.print(
        safe(f"{output / ablation.RESULT}; every answer: {output / 'evaluation' / 'report.html'}"), soft_wrap=True
    )


def _shares(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(one) for one in text.split(",") if one.strip())
    except ValueError as wrong:
        raise UsageError(f"--shares {text!r}: must be numbers between 0 and 1, separated by commas") from wrong
    if not all(0 < one < 1 for one in found):
        raise UsageError(f"--shares {text!r}: must be between 0 and 1")
    return found


def _show(told: Ablation) -> None:
    from reasonmed.evaluation.audit.tables import audit_tables

    against = {one.second: one for one in told.differences if one.first == "base"}
    rows = [(name, *_accuracy(one), *_gain(against.get(name))) for name, one in told.accuracy.items()]
    show("", ("trained on", "accuracy", "95 %", "seeds", "against base", "95 %"), rows, list(_lines(told)))
    seeds, plural = len(told.seeds), "" if len(told.seeds) == 1 else "s"
    out.print(
        safe(
            f"{told.questions:,} questions ({told.trained_on} more were trained on), {told.examples:,} "
            f"training rows, equal {told.equal}, {seeds} seed{plural}; {told.note}"
        ),
        soft_wrap=True,
    )
    for table in audit_tables(told.audit or None):
        if table.brief:
            show(table.title, table.columns, table.rows, [table.note])


def _accuracy(one: Accuracy) -> tuple[str, ...]:
    return percent(one.value), between(one.low, one.high, percent), between(min(one.seeds), max(one.seeds), percent)


def _gain(one: Gap | None) -> tuple[str, str]:
    if one is None:
        return "", ""
    return f"{100 * one.difference.value:+.1f} points", _points(one.difference) if one.differing else "-"


def _lines(told: Ablation) -> Iterator[str]:
    """What is said of each pair of groups, and of models that look at no question."""
    for one in told.differences:
        gap = one.difference
        value = f"{100 * gap.value:+.1f} ({_points(gap)}): " if one.differing else ""
        yield f"{one.second} - {one.first}: {value}{one.words}"
    for name, group in told.accuracy.items():
        picked = [letter for letter in group.always if letter]
        if picked:
            of = "" if len(group.always) == 1 else f" ({len(picked)} of {len(group.always)} seeds)"
            yield f"{name}: always picks {' or '.join(sorted(set(picked)))}{of}"


def _points(one: Rate) -> str:
    return f"{100 * one.low:+.1f} to {100 * one.high:+.1f}"
