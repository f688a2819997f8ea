"""``reasonmed judge-card``: test the recipe's verifier on labeled chains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._consent import consented
from reasonmed.cli._console import out, safe, say
from reasonmed.cli._jobs import do
from reasonmed.cli._tables import show
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from reasonmed.pipeline.judging.card import Card


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
    from_review: Annotated[
        bool, typer.Option("--from-review", help="Measure the verdicts of a run by its reviewers' votes; no request.")
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
    whether the judge flags the right step. Run it again to resume. With `--from-review` the labels are the votes of a
    run's reviewers, and what is measured are the verdicts that the run has.

    \b
    Examples:
      reasonmed judge-card cots.jsonl -r recipe.yaml
      reasonmed judge-card runs/medqa -r recipe.yaml --sample 50 -o cards/medqa
      reasonmed judge-card medqa.jsonl -r recipe.yaml --write-chains --sample 20 --max-cost 2
      reasonmed judge-card runs/medqa --from-review -o cards/medqa-review
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.pipeline.judging.gate import read_card
    from reasonmed.runs.commands import judge_card as judgecard
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.intake import selected, take_in

    if from_review:
        needless = {
            "--recipe": recipe,
            "--limit": limit,
            "--sample": sample,
            "--max-cost": max_cost,
            "--layout": layout,
        }
        _from_review(rows, output, [name for name, value in needless.items() if value is not None])
        return
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
    _show(read_card(folder.path / judgecard.CARD), folder.path)


def _from_review(run: Path, output: Path | None, needless: list[str]) -> None:
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews.card import write_card

    if needless:
        raise UsageError(f"--from-review measures the verdicts that the run has; leave out {', '.join(needless)}")
    where = output or Path("judge-cards", f"{run.resolve().name}-review")
    _show(write_card(RunDirectory(run), where), where)


def _show(card: Card, folder: Path) -> None:
    from reasonmed.pipeline.judging.pages import facts, main

    for line in facts(card):
        say(line)
    for section in main(card):
        show(section.title if card.steps or card.human else "", section.columns, section.rows)
    out.print(safe(f"{folder / 'judge_card.json'}, judge_card.md, judge_card.html"), soft_wrap=True)
