"""Scoring of a run's records, after its last question: all of them, or a sample drawn by a hash of seed and id."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta
from msgspec.structs import replace

from reasonmed.pipeline.stages.score import score
from reasonmed.questions.ids import record_id
from reasonmed.runs.pool import run
from reasonmed.runs.records import scores_of
from reasonmed.types import Story, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.ledger import Ledger
    from reasonmed.pipeline.team import Team
    from reasonmed.types import Kept

_PAGE = 500
_Records = Annotated[int, Meta(ge=0, le=10_000)]
_WITH_RECORDS = "SELECT id, records FROM outcomes WHERE records > 0 AND id > ? ORDER BY id LIMIT ?"


def record_ids(ledger: Ledger) -> Iterator[str]:
    """The ids of all records of a run."""
    last = ""
    while page := list(ledger.query(_WITH_RECORDS, last, _PAGE, shape=tuple[str, _Records])):
        last = page[-1][0]
        for question_id, count in page:
            yield from (record_id(question_id, number) for number in range(1, count + 1))


def draw_sample(ids: Iterator[str], sample: int | None, seed: int) -> Iterator[str]:
    """The ids with the smallest hashes of seed and id, so that a larger sample contains a smaller one."""
    if sample is None:
        return ids
    return iter(heapq.nsmallest(sample, ids, key=lambda name: (digest((seed, name), 8), name)))


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


async def score_records(
    ledger: Ledger, team: Team, sample: int | None, *, alive: int, stop: Stop, again: bool = False
) -> None:
    """Score a sample of the records, or all, ``again`` also those that have a score; remove scores of all others."""
    options = team.stages.score
    if options is None or team.roles["scorer"] is None:
        return
    if sample is not None or again:
        wanted = set(draw_sample(record_ids(ledger), sample, options.seed))
        scored = ledger.query("SELECT record FROM scores", shape=tuple[str])
        outside = [name for (name,) in scored if name not in wanted]
        for name in outside:
            await ledger.put("DELETE FROM scores WHERE record = ?", name)
        names = iter(sorted(wanted))
    else:
        names = record_ids(ledger)

    async def work(story: Story) -> Story:
        done = await score(story, team)
        await _save(ledger, story.question.id, done)
        return done

    async for _ in run(_one_record_stories(ledger, names, again=again), work, alive=alive, stop=stop):
        pass


def _one_record_stories(ledger: Ledger, names: Iterator[str], *, again: bool) -> Iterator[Story]:
    """For each record without a score, or each, its story with this record alone; the question's id is the record's."""
    for name in names:
        if not again and next(ledger.query("SELECT 1 FROM scores WHERE record = ?", name), None):
            continue
        question_id, _, number = name.rpartition("#")
        story = next(ledger.stories("SELECT story FROM outcomes WHERE id = ?", question_id))
        if int(number) > len(story.kept or ()):
            raise ledger.refuse(f"records of {question_id!r:.100}", f"there are fewer than {number}")
        kept = (story.kept or ())[int(number) - 1]
        yield replace(story, kept=(kept,), question=replace(story.question, id=name))


async def _save(ledger: Ledger, name: str, story: Story) -> None:
    kept = (story.kept or ())[0]
    values = (name, kept.score, kept.justification, kept.scorer or "")
    await ledger.put("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)", *values)
