"""The judge card's job: every case before the judge, some of them twice, and the card from what it said."""

from __future__ import annotations

import dataclasses
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import QuestionError, UsageError
from reasonmed.files import write_atomically
from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.judging import gate
from reasonmed.pipeline.judging.card import card_of
from reasonmed.pipeline.judging.cases import CaseMaker, labelled, unlabelled
from reasonmed.pipeline.judging.pages import html_of, markdown_of
from reasonmed.pipeline.stages.generate import generate
from reasonmed.pipeline.stages.verify import judge, with_opinion
from reasonmed.pipeline.team import assemble
from reasonmed.questions import Settings, read
from reasonmed.recipe.identity import judge_identity
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.job import RunJob, recipe_job
from reasonmed.runs.layouts import story_source
from reasonmed.runs.records import outcomes
from reasonmed.runs.stories import story_job
from reasonmed.types import ChainOfThought, Opinion, Question, Story, Verdict, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.engine.ledger import Ledger
    from reasonmed.pipeline.judging.cases import Labelled
    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.intake import Intake
    from reasonmed.runs.sources import Source
    from reasonmed.types import Probe

CARD = "judge_card.json"
_DIGITS = 8
_SHOWN = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """How the judge is tried."""

    seed: int = 0
    retest: float = 0.25
    """The share of the cases that are asked a second time."""
    presume: bool = False
    """Whether chains without a label and without a readable answer are taken as right."""
    write_chains: bool = False
    """Whether the recipe's generators write the chains of questions that have none."""


def case_source(rows: Path, trial: Trial, layout: str | None = None) -> Source:
    """The rows of a file, or of a run's directory, as questions with their cases.

    A file has stories, rows of the original layout, or questions with labelled chains in ``cots``.
    """

    def stories() -> Iterator[Story | QuestionError]:
        maker = CaseMaker(trial.seed, presume=trial.presume)
        for found in _rows(rows, layout):
            if isinstance(found, QuestionError):
                yield found
            elif found[1] or not trial.write_chains:
                yield maker.story(*found)
            else:
                yield Story(found[0])

    return stories


def _rows(path: Path, layout: str | None) -> Iterator[tuple[Question, list[Labelled]] | QuestionError]:
    if path.is_dir():
        with closing(RunDirectory(path).reader()) as ledger:
            for story in outcomes(ledger):
                yield story.question, _chains(story)
        return
    labels = _labels(path) if layout is None else {}
    for found in story_source(path, layout, Settings())():
        if isinstance(found, QuestionError):
            yield found
        else:
            yield found.question, labels.get(found.question.id) or _chains(found)


def _labels(path: Path) -> dict[str, list[Labelled]]:
    """Labelled chains by the id of their question; none in a file of stories, whose own reader says what is wrong."""
    found: dict[str, list[Labelled]] = {}
    with suppress(QuestionError):
        for one in read(path):
            cots = one.meta.get("cots") if isinstance(one, Question) else None
            if isinstance(one, Question) and isinstance(cots, list):
                found[one.id] = [labelled(told) for told in cots if isinstance(told, dict)]
    return found


def _chains(story: Story) -> list[Labelled]:
    return [unlabelled(chain) for chain in story.chains if chain.missing is None]


def card_job(intake: Intake, recipe: Recipe, trial: Trial, folder: RunDirectory) -> RunJob[Story, Story]:
    """The job of ``reasonmed judge-card``; a run whose chains are tried lends the verdicts that it has.

    Raises:
        UsageError: no row has a case, or the recipe has no generators for questions without chains of thought.
    """
    if trial.write_chains and recipe.stages.generate is None:
        raise UsageError("--write-chains: the recipe has no generate stage to write them")
    if not trial.write_chains:
        _see_a_case(intake)
    facts = {
        "judge": judge_identity(recipe),
        "name": recipe.model(recipe.stages.verify.model).label if recipe.stages.verify else "",
        "demo": recipe.demo,
        "seed": trial.seed,
        "source": intake.file.name,
    }
    job = story_job(lambda models: partial(_try, trial, assemble(recipe, models)))
    stages = ("generate", "verify") if trial.write_chains else ("verify",)
    settings = {"judge_card": {**dataclasses.asdict(trial), "cases": intake.survey.hash}}
    return dataclasses.replace(
        recipe_job("judge-card", recipe, stages, job, folder=folder, intake=intake, settings=settings),
        forks=(RunDirectory(intake.file),) if intake.file.is_dir() else (),
        write=partial(_write, folder, facts),
    )


def _see_a_case(intake: Intake) -> None:
    """Raise where no row of a file has a chain that may be tried, with what is wrong with the first ones."""
    reasons: list[str] = []
    for story in intake.source():
        if isinstance(story, Story) and story.probes:
            return
        reasons += story.flags if isinstance(story, Story) and len(reasons) < _SHOWN else ()
    why = ", ".join(dict.fromkeys(reasons)) or "its questions have no chains of thought"
    raise UsageError(
        f"{intake.file} has no case for a judge: {why}. Label the chains (correct: true or false), take those without "
        "a label as right with --presume-right, or have chains written with --write-chains"
    )


def default_folder(intake: Intake, recipe: Recipe, trial: Trial) -> Path:
    """``judge-cards/STEM-HASH``, so that the same command finds its card again."""
    told = (judge_identity(recipe), dataclasses.asdict(trial), intake.survey.hash)
    return Path("judge-cards", f"{intake.file.resolve().stem}-{digest(told, 4)}")


async def _try(trial: Trial, team: Team, story: Story) -> Story:
    if trial.write_chains and not story.probes and not story.flags and story.question.answer is not None:
        written = await generate(story, team)
        maker = CaseMaker(trial.seed, presume=trial.presume)
        story = maker.story(story.question, _chains(written))
    alone = _alone(team)
    return replace(story, probes=tuple(await gather(_tried(trial, story.question, one, alone) for one in story.probes)))


def _alone(team: Team) -> Team:
    """The team with a judge whose word stands: the verifier's own rules are not what is measured."""
    verify = team.stages.verify
    if verify is None:
        raise ValueError("the recipe has no verify stage")
    believed = verify.model_copy(update={"conflicts": "keep"})
    return dataclasses.replace(team, stages=team.stages.model_copy(update={"verify": believed}))


async def _tried(trial: Trial, question: Question, probe: Probe, team: Team) -> Probe:
    chain = ChainOfThought(probe.text, probe.model, probe.answer)
    drawn = int(digest((trial.seed, "again", question.id, probe.kind, probe.text), _DIGITS), 16) / 16 ** (2 * _DIGITS)
    asked = (0, 1) if drawn < trial.retest else (0,)
    said: list[Verdict] = await gather(judge(question, chain, team, sample=sample) for sample in asked)
    second = team.roles["second_step_judge"]
    if second is not None and probe.stratum != "injection":
        other = await judge(question, chain, team, agent=second)
        opinion = Opinion("second", other.outcome, other.reason, other.judge, other.sent, other.steps)
        said[0] = with_opinion(said[0], opinion, said[0].outcome)
    return replace(probe, verdict=said[0], again=said[1] if len(said) > 1 else None)


def _write(folder: RunDirectory, facts: dict[str, object], ledger: Ledger) -> None:
    """The card's files, once every case was tried."""
    if ledger.count_pending():
        return
    stories = list(outcomes(ledger))
    card = card_of(stories, facts)
    gate.CARD.write(folder.path / CARD, card)
    write_atomically(folder.path / "judge_card.md", markdown_of(card))
    write_atomically(folder.path / "judge_card.html", html_of(card, stories))
