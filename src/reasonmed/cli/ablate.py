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

if TYPE_CHECKING:
    from reasonmed.evaluation.ablation import Ablation, Equal


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
    base: Annotated[
        list[str] | None, typer.Option("--base", help="Base models in place of the training file's one; repeat.")
    ] = None,
    epochs: Annotated[
        list[str] | None, typer.Option("--epochs", help="In place of the training file's: 1,2,3, or repeat.")
    ] = None,
    share: Annotated[
        list[str] | None,
        typer.Option("--share", help="All variants on nested shares of the questions: 0.25,0.5,1, or repeat."),
    ] = None,
    protocol: Annotated[str, typer.Option("--protocol", help="generate, or loglikelihood.")] = "generate",
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="Tokens of a reply.")] = 2048,
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="N rows of each question file.")] = None,
    recipe: options.RecipeOption = None,
    audit_steps: options.AuditOption = None,
    judge: options.JudgeOption = None,
    judge_card: options.JudgeCardOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, say how much there is to do; do not train.")
    ] = False,
    yes: options.YesOption = False,
) -> None:
    """Train each variant with the same settings and several seeds, score them and the base, and print one table.

    An arm without chains, trained on the answers alone, is always among the variants. Run it again to resume, also
    with more bases, epochs, shares or seeds.

    \b
    Examples:
      reasonmed ablate medqa-data -c train.yaml --questions medqa.jsonl -o ablations/medqa
      reasonmed ablate medqa-data -c train.yaml --questions medqa.jsonl --equal tokens --protocol loglikelihood
      reasonmed ablate medqa-data -c train.yaml --questions medqa.jsonl --base A --base B --epochs 1,3 --share 0.25,1
      reasonmed ablate medqa-data -c train.yaml --questions medqa.jsonl -r recipe.yaml --audit-steps 200 --judge strong
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.evaluation import (
        Reading,
        Settings,
        ablation,
        auditor,
    )
    from reasonmed.evaluation.ablation.grid import below_one, listed, numbers
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
        below_one("--shares", [shares]),
        audit,
        ablation.Axes(tuple(listed(base or [])), numbers("--epochs", epochs or []), numbers("--share", share or [], 1)),
    )
    how = Settings(protocol=cast("Literal['generate', 'loglikelihood']", protocol), max_tokens=max_tokens)
    asked = (how, Reading(Selection(sample=sample)))
    if dry_run:
        ablation.foreseen(data, plan, questions, output, asked, say)
        return
    told = ablation.run(data, plan, questions, output, asked, say)
    _show(told)
    report = output / "evaluation" / "report.html"
    out.print(safe(f"{output / ablation.RESULT}, {ablation.TABLE}; every answer: {report}"), soft_wrap=True)


def _show(told: Ablation) -> None:
    from reasonmed.evaluation.ablation import tables
    from reasonmed.evaluation.audit.tables import audit_tables

    found = tables.table(told)
    show("", found.columns, found.rows, [*tables.brief(told), found.note, *filter(None, [tables.power(told)])])
    for table in audit_tables(told.audit or None):
        if table.brief:
            show(table.title, table.columns, table.rows, [table.note])
