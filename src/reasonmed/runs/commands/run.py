"""The main job: questions through the whole pipeline into records."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.errors import QuestionError, UsageError
from reasonmed.pipeline.judging.gate import check_judge
from reasonmed.pipeline.stages.verify import contradicts_key
from reasonmed.pipeline.synthesize import synthesize
from reasonmed.pipeline.team import assemble
from reasonmed.questions import read
from reasonmed.questions.benchmarks.fetching import Fetched, fetch, on_hub
from reasonmed.questions.benchmarks.published import published
from reasonmed.questions.contamination.screen import screened, told
from reasonmed.questions.ids import clash
from reasonmed.questions.mapping import has_mapped
from reasonmed.recipe.identity import identity_of
from reasonmed.runs.corrections import ids_in, settle
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import wanted
from reasonmed.runs.job import After, RunJob, recipe_job, screen_identity
from reasonmed.runs.layouts import look, story_source
from reasonmed.runs.records import write_outputs
from reasonmed.runs.scoring import score_records
from reasonmed.runs.sources import Part, Several, labels_of, stem_of, whole_of
from reasonmed.runs.stories import story_job, unpack_story
from reasonmed.types import Failure, Question, Story, digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.job import Job, Models
    from reasonmed.engine.ledger import Ledger
    from reasonmed.engine.turns import Turns
    from reasonmed.questions import Settings
    from reasonmed.questions.contamination import Matcher
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.intake import Intake
    from reasonmed.runs.sources import Source
    from reasonmed.types import ChainOfThought

NEEDED = ("generate", "verify")
"""Stages without which there is no run."""


def question_source(path: Path, settings: Settings, *, keep_verdicts: bool = False) -> Source:
    """The rows of a question file as stories that have yet to happen; no id is one that a record will have.

    The chains of thought in a file of agents are taken as generated; verdicts are kept only where that is asked for.
    """
    if settings.layout == "original":
        settings = settings._replace(layout=None)

    def rows() -> Iterator[Story | QuestionError]:
        if look(path) in ("original", "stories"):
            yield from (_given(one, path, keep_verdicts) for one in story_source(path, None, settings)())
            return
        for found in read(path, settings._replace(records=True)):
            yield Story(found) if isinstance(found, Question) else found

    return rows


class Given(NamedTuple):
    """What a run reads."""

    file: Path
    """What the whole is called."""
    rows: Source
    files: tuple[tuple[Path, Settings], ...] = ()
    """The files among the sources, each with how it is read."""
    hub: tuple[str, ...] = ()
    """Benchmarks of the hub among them."""
    mapped: tuple[str, ...] = ()
    """Those of several files to which the mapped names apply."""


def sources_of(given: Sequence[str | Path], settings: Settings, *, keep_verdicts: bool = False) -> Given:
    """What a run reads: one file as it is, or several files and ``hub:NAME`` in their order.

    Raises:
        UsageError: a benchmark of the hub is unknown or cannot be had, a file is given twice, or no file has a mapped
            column.
        QuestionError: a file cannot be read.
    """
    if len(given) == 1 and not on_hub(str(given[0])):
        file = given[0] if isinstance(given[0], Path) else Path(given[0])
        return Given(file, question_source(file, settings, keep_verdicts=keep_verdicts), ((file, settings),))
    found = [fetch(one) if on_hub(one) else Path(one) for one in map(_plain, given)]
    labels = labels_of([one.label if isinstance(one, Fetched) else one for one in found])
    mapped = {label for label, one in zip(labels, found, strict=True) if settings.names and _has(one, settings.names)}
    if settings.names and not mapped:
        raise UsageError(f"--map names {', '.join(settings.names.values())}: no such column in {', '.join(labels)}")
    parts: list[Part] = []
    files: list[tuple[Path, Settings]] = []
    for label, one in zip(labels, found, strict=True):
        own = settings if label in mapped else settings._replace(names={})
        if isinstance(one, Fetched):
            parts.append(Part(label, one.name, _of_hub(one, own)))
        else:
            parts.append(Part(label, stem_of(label), question_source(one, own, keep_verdicts=keep_verdicts)))
            files.append((one, own))
    ours = [one.label for one in found if isinstance(one, Fetched)]
    return Given(whole_of([part.name for part in parts]), Several(parts), (*files,), (*ours,), (*sorted(mapped),))


def _plain(given: str | Path) -> str | Path:
    """``hub:NAME`` as a text, whatever it came as."""
    return str(given) if on_hub(str(given)) else given


def _has(one: Path | Fetched, names: Mapping[str, str]) -> bool:
    paths = one.paths.values() if isinstance(one, Fetched) else [one]
    return any(has_mapped(path, names) for path in paths)


def _of_hub(fetched: Fetched, settings: Settings) -> Source:
    def rows() -> Iterator[Story | QuestionError]:
        for found in published(fetched, settings._replace(records=True)):
            yield Story(found) if isinstance(found, Question) else found

    return rows


def _given(one: Story | QuestionError, path: Path, keep_verdicts: bool) -> Story | QuestionError:  # noqa: FBT001 - passed on
    """A story of agents with nothing but its chains of thought; a consensus is part of the verdicts."""
    if isinstance(one, QuestionError):
        return one
    problem = clash(one.question.id)
    if problem is not None:
        return QuestionError(str(path), 0, "id", problem)
    if one.kept and not one.chains:
        problem = f"{one.question.id!r:.100} has a finished chain of thought and no generated ones to make records of"
        return QuestionError(str(path), 0, "", f"{problem}; `run` takes questions, or the chains that `generate` wrote")
    question = one.question
    if not keep_verdicts and question.answer_source == "consensus":
        question = replace(question, answer=None, answer_source="key")
    chains = tuple(_unjudged(chain, question, keep_verdicts) for chain in one.chains)
    if chains and all(chain.missing for chain in chains):
        return Story(
            question, chains, failure=Failure("no_chain", f"none of {len(chains)} chains of thought has a text")
        )
    return Story(question, chains)


def _unjudged(chain: ChainOfThought, question: Question, keep_verdicts: bool) -> ChainOfThought:  # noqa: FBT001 - passed on
    """A chain as generated: without a score, and without a verdict, unless that is kept and fits the chain."""
    verdict = chain.verdict if keep_verdicts else None
    if verdict is not None and verdict.outcome == "correct" and contradicts_key(question, chain):
        verdict = None
    return replace(chain, verdict=verdict, score=None, step_score=None, justification="")


def default_folder(intake: Intake, recipe: Recipe, against: Sequence[dict[str, object]] = ()) -> Path:
    """``runs/STEM-HASH``, the hash being the run's identity, so that the same command finds its run again."""
    identity = identity_of(recipe) | screen_identity(against)
    shard = intake.selection.shard
    part = "" if shard is None else f".{shard.number}-of-{shard.of}"
    return Path("runs", f"{intake.file.stem}-{digest((identity, intake.survey.hash), 4)}{part}")


def synthesis_job(intake: Intake | None, recipe: Recipe, folder: RunDirectory) -> RunJob[Story, Story]:
    """The job of ``reasonmed run``; without an intake it goes on with the questions that the run has.

    Raises:
        RecipeError: the judge lacks the card that the recipe asks for.
    """
    check_judge(recipe)
    job = recipe_job("run", recipe, recipe.stages.names, synthesis(recipe), folder=folder, intake=intake)
    return dataclasses.replace(
        job,
        after=scoring(recipe, recipe.stages.score.sample if recipe.stages.score else None),
        write=partial(write_outputs, folder, facts=job.written),
    )


def job_of_rows(
    intake: Intake,
    recipe: Recipe,
    out: Path | None = None,
    matcher: Matcher | None = None,
    forks: Sequence[Path] = (),
) -> RunJob[Story, Story]:
    """The job of new rows: without the questions of benchmarks, and with the replies of older runs.

    Args:
        intake: the rows.
        recipe: the recipe.
        out: the run directory; named after the file and the run's identity by default.
        matcher: finds the questions of benchmarks, which are not used.
        forks: older runs whose replies are reused.

    Raises:
        RecipeError: the judge lacks the card that the recipe asks for.
    """
    against = tuple(told(matcher)) if matcher else ()
    if matcher:
        intake = intake._replace(source=screened(intake.source, matcher))
    folder = RunDirectory(out or default_folder(intake, recipe, against))
    job = synthesis_job(intake, recipe, folder)
    return dataclasses.replace(job, against=against, forks=tuple(RunDirectory(path) for path in forks))


def with_keys(job: RunJob[Story, Story], fixes: Path, *, skip_bad: bool) -> RunJob[Story, Story]:
    """The job with the keys that a file of fixes corrects.

    Raises:
        UsageError: the file cannot be read, or rows of it are refused and are not to be skipped.
    """
    settled = settle(fixes, _questions(job, ids_in(fixes)), skip_bad=skip_bad)
    return dataclasses.replace(job, corrections=settled.applied, notes=(*job.notes, *settled.notes))


def with_until(job: RunJob[Story, Story], records: int | None) -> RunJob[Story, Story]:
    """The job that begins no further question once there are N records; all questions where N is None.

    Raises:
        UsageError: the number is below 1.
    """
    if records is not None and records < 1:
        raise UsageError(f"until_records is {records}: it must be 1 or more; leave it out to take all questions")
    return dataclasses.replace(job, until_records=records)


def _questions(job: RunJob[Story, Story], ids: AbstractSet[str]) -> dict[str, Question]:
    """Those questions of these ids that the run has, or will take in."""
    found: dict[str, Question] = {}
    if job.folder.exists:
        with closing(job.folder.reader()) as ledger:
            rows = (ledger.row(name, unpack_story) for name in ids)
            found = {row.question.id: row.question for row in rows if row is not None}
    if job.intake is not None and found.keys() < ids:
        new = (story.question for story in wanted(job.intake))
        found |= {one.id: one for one in new if one.id in ids and one.id not in found}
    return found


def synthesis(recipe: Recipe) -> Job[Story, Story]:
    """What is done with every question of a run."""
    return story_job(lambda models: partial(synthesize, team=assemble(recipe, models)))


def scoring(recipe: Recipe, sample: int | None) -> After:
    """Scores so many records after the last question; all of them where no number is given."""

    async def after(ledger: Ledger, models: Models, stop: Stop, turns: Turns) -> None:
        await score_records(ledger, recipe, models, sample, alive=recipe.limits.alive, stop=stop, turns=turns)

    return after
