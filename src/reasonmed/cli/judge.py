"""``reasonmed judge-card``: test the recipe's verifier on labeled chains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._consent import consented
from reasonmed.cli._console import out, safe, say
from reasonmed.cli._jobs import do
from reasonmed.cli._tables import show


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="judge-card")(judge_card)


def judge_card(
    rows: Annotated[
        Path,
        typer.Argument(metavar="CHAINS", help="Questions with labelled chains (cots), stories, or a run directory."),
    ],
    recipe: options.RecipeOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The card's directory.")] = None,
    limit: options.LimitOption = None,
    sample: options.SampleOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the mutations, of --retest and of --sample.")] = 0,
    retest: Annotated[
        float, typer.Option("--retest", min=0, max=1, help="The share of the cases that are asked a second time.")
    ] = 0.25,
    presume_right: Annotated[
        bool,
        typer.Option("--presume-right", help="Take chains without a label and without a readable answer as right."),
    ] = False,
    write_chains: Annotated[
        bool, typer.Option("--write-chains", help="Have the recipe's generators write chains for questions without.")
    ] = False,
    layout: Annotated[str | None, typer.Option("--layout", help="native (default) or original.")] = None,
    skip_bad: options.SkipOption = False,
    max_cost: options.CostOption = None,
    phi: options.PhiOption = None,
    yes: options.YesOption = False,
    log_json: options.LogOption = False,
) -> None:
    """Test the recipe's verifier on labeled chains of thought, and write its judge card.

    Each sound chain also gets faulty variants: another option, a misquoted number, a negated step, no reasoning,
    the reasoning of another question, instructions to the judge. With `verify: {steps: true}` the card also says
    whether the judge flags the right step. Run it again to resume.

    \b
    Examples:
      reasonmed judge-card cots.jsonl -r recipe.yaml
      reasonmed judge-card runs/medqa -r recipe.yaml --sample 50 -o cards/medqa
      reasonmed judge-card medqa.jsonl -r recipe.yaml --write-chains --sample 20 --max-cost 2
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.pipeline.judging.gate import read_card
    from reasonmed.pipeline.judging.pages import facts, of_steps, summary
    from reasonmed.runs.commands import judge_card as judgecard
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.intake import selected, take_in

    selection = selected(limit, sample, seed)
    chosen = options.load_recipe(recipe, needs=("verify",), max_cost=max_cost)
    trial = judgecard.Trial(seed=seed, retest=retest, presume=presume_right, write_chains=write_chains)
    with options.working(f"making cases from {rows}"):
        intake = take_in(rows, judgecard.case_source(rows, trial, layout), selection)
    options.check_rows(intake, skip_bad=skip_bad)
    options.check_demo(chosen, intake.survey.wanted, recipe)
    folder = RunDirectory(output or judgecard.default_folder(intake, chosen, trial))
    job = consented(judgecard.card_job(intake, chosen, trial, folder), yes=yes, phi=phi)
    do(job, "questions", log_json=log_json)
    card = read_card(folder.path / judgecard.CARD)
    for line in facts(card):
        say(line)
    for section in (summary(card), *of_steps(card)):
        show(section.title if card.steps else "", section.columns, section.rows)
    out.print(safe(f"{folder.path / judgecard.CARD}, judge_card.md, judge_card.html"), soft_wrap=True)
