"""Scoring of a run's records, after its last question: all of them, or a sample drawn by a hash of seed and id."""

from __future__ import annotations

import heapq
from dataclasses import replace as changed
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.engine.job import Score
from reasonmed.engine.pool import finish
from reasonmed.pipeline.stages.score import score
from reasonmed.pipeline.team import assemble
from reasonmed.questions.ids import number_of, question_of, record_id
from reasonmed.runs.records import scores_of
from reasonmed.runs.stories import story_job, unpack_story
from reasonmed.types import Story, digest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.job import Job, Models
    from reasonmed.engine.ledger import Ledger
    from reasonmed.engine.turns import Turns
    from reasonmed.recipe.options import Recipe
    from reasonmed.types import Kept

_ORIGINAL = "~original"


def record_ids(counts: Iterable[tuple[str, int]]) -> Iterator[str]:
    """The ids of all records, from the questions' ids and how many records each has."""
    for question_id, count in counts:
        yield from (record_id(question_id, number) for number in range(1, count + 1))


def original_id(record: str) -> str:
    """Under what the score of the chain that a refined record stems from is kept."""
    return record + _ORIGINAL


def original_of(name: str) -> str:
    """The record of such a name; empty where it is none."""
    return name.removesuffix(_ORIGINAL) if name.endswith(_ORIGINAL) else ""


def _drawn(ledger: Ledger, sample: int, seed: int) -> set[str]:
    """The ids with the smallest hashes of seed and id, so that a larger sample contains a smaller one.

    A question whose key was corrected is drawn with as many records as it had before, so that the others' stay drawn.
    """
    former = ledger.former_records()
    now = {name: count for name, count in ledger.records() if name in former} if former else {}
    others = ((name, count) for name, count in ledger.records() if name not in former)
    ids = record_ids(chain(others, former.items()))
    drawn = heapq.nsmallest(sample, ids, key=lambda name: (digest((seed, name), 8), name))
    gone = {*record_ids(former.items())} - {*record_ids(now.items())}
    return {*drawn} - gone


def with_scores(ledger: Ledger, story: Story) -> Story:
    """A story with the scores that its records have in the ledger."""
    found = scores_of(ledger, story.question.id)
    if not found:
        return story

    def scored(number: int, kept: Kept) -> Kept:
        one = found.get(record_id(story.question.id, number))
        return (
            kept if one is None else replace(kept, score=one.score, justification=one.justification, scorer=one.model)
        )

    return replace(story, kept=tuple(scored(number, kept) for number, kept in enumerate(story.kept or (), 1)))


def scoring_job(recipe: Recipe) -> Job[Story, Story]:
    """A job whose rows are records: each a story with this record alone, under the record's id."""

    def work(models: Models) -> Callable[[Story], Awaitable[Story]]:
        return partial(score, team=assemble(recipe, models))

    return changed(story_job(work), keep=_score_of)


async def score_records(  # noqa: PLR0913 - which records, by whom, how many at once
    ledger: Ledger,
    recipe: Recipe,
    models: Models,
    sample: int | None,
    *,
    alive: int,
    stop: Stop,
    again: bool = False,
    turns: Turns | None = None,
) -> None:
    """Score a sample of the records, or all, ``again`` also those that have a score; remove scores of all others.

    Where the recipe asks for it, the chains that refined ones of them stem from are scored too.
    """
    options = recipe.stages.score
    if options is None:
        return
    names: list[str] | None = None
    if sample is not None or again:
        wanted = {*record_ids(ledger.records())} if sample is None else _drawn(ledger, sample, options.seed)
        await ledger.drop_scores(name for name in ledger.scored() if (original_of(name) or name) not in wanted)
        names = sorted(wanted)

    def rows() -> Iterator[Story]:
        every = record_ids(ledger.records()) if names is None else iter(names)
        more = _originals(ledger, None if names is None else {*names}) if options.originals else ()
        return _one_record_stories(ledger, chain(every, more), again=again)

    async for _ in finish(scoring_job(recipe), rows, ledger, models, alive=alive, stop=stop, turns=turns):
        pass


def _originals(ledger: Ledger, wanted: set[str] | None) -> Iterator[str]:
    """The names of the chains that refined records stem from: of those that are wanted, or all."""
    for name, count in ledger.records():
        records = [one for one in record_ids([(name, count)]) if wanted is None or one in wanted]
        story = ledger.outcome(name, unpack_story) if records else None
        kept = {record_id(name, number): one for number, one in enumerate((story and story.kept) or (), 1)}
        refined = (one for one in records if one in kept and kept[one].origin == "refine")
        yield from (original_id(one) for one in refined if kept[one].parent is not None)


def _one_record_stories(ledger: Ledger, names: Iterable[str], *, again: bool) -> Iterator[Story]:
    """For each name without a score, or each, a story with its chain alone, under that name.

    A name is a record's, or that of the chain that a refined record stems from, which is shown with the record's
    response: what differs is the chain.
    """
    for name in names:
        if not again and ledger.has_score(name):
            continue
        record = original_of(name) or name
        question_id = question_of(record)
        story, number = ledger.outcome(question_id, unpack_story), number_of(record, question_id)
        if story is None or number is None or number > len(story.kept or ()):
            raise ledger.refuse(f"records of {question_id!r:.100}", f"there is no {name!r:.100}")
        kept = (story.kept or ())[number - 1]
        if record != name and kept.parent is not None:
            kept = replace(kept, text=story.chains[kept.parent].text)
        yield replace(story, kept=(kept,), question=replace(story.question, id=name))


def _score_of(story: Story) -> Score:
    """The score of the one record that a story has."""
    kept = (story.kept or ())[0]
    return Score(story.question.id, kept.score, kept.justification, kept.scorer or "")
