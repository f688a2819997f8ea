"""Rebuild: every outcome and every file of a run again from its ledger, without one request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.engine.flow.meter import Meter
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.journal import Journaled
from reasonmed.engine.ledger import unpack_story
from reasonmed.errors import Drained
from reasonmed.pipeline.team import assemble
from reasonmed.runs.commands.run import whole_story
from reasonmed.runs.pool import run, save
from reasonmed.runs.records import write_outputs
from reasonmed.runs.resume import recipe_of
from reasonmed.runs.scoring import score_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.engine.ledger import Ledger
    from reasonmed.exchange import Completion, Request
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.types import Story

_PAGE = 256
_FINISHED = """
SELECT position, items.story FROM items JOIN outcomes USING (id) WHERE position > ? ORDER BY position LIMIT ?
"""


class Rebuilt(NamedTuple):
    """What came of it."""

    questions: int
    calls: int
    changed: list[str]
    """Questions whose outcome differs from the one on record."""
    identical: bool
    """Whether records.jsonl and failures.jsonl are byte for byte what they were."""


class _Nobody:
    """A back end that answers nothing: what is not on record cannot be rebuilt."""

    async def complete(self, request: Request) -> Completion:
        raise Drained(f"a {request.stage} request of {request.question_id} is not on record")

    async def aclose(self) -> None:
        """Nothing to release."""


async def rebuild(folder: RunDirectory) -> Rebuilt:
    """Replay every finished question, then write the files anew.

    Raises:
        Drained: a request is not on record; nothing is changed then.
    """
    recipe, manifest = recipe_of(folder), folder.manifest()
    before = _hashes(folder)
    meter = Meter()
    with folder.writing(manifest) as ledger:
        backend = Journaled(_Nobody(), ledger, meter)
        team = assemble(recipe, dict.fromkeys(recipe.models, backend))
        stop, changed, count = Stop(), [], 0
        async for story in run(_finished(ledger), lambda story: whole_story(story, team), alive=64, stop=stop):
            count += 1
            if story != _on_record(ledger, story.question.id):
                changed.append(story.question.id)
                await save(ledger, story)
        if stop.reason is None:
            wanted = recipe.stages.score.sample if recipe.stages.score else None
            await score_records(ledger, team, wanted, alive=64, stop=stop, again=True)
        if stop.reason is not None:
            raise stop.reason
        write_outputs(folder, ledger, manifest)
    calls = sum(one.replayed for one in meter.stages.values())
    return Rebuilt(count, calls, sorted(changed), before == _hashes(folder))


def _finished(ledger: Ledger) -> Iterator[Story]:
    position = -1
    while page := list(ledger.query(_FINISHED, position, _PAGE)):
        position = page[-1][0]
        yield from (unpack_story(blob) for _, blob in page)


def _on_record(ledger: Ledger, name: str) -> Story:
    return unpack_story(next(ledger.query("SELECT story FROM outcomes WHERE id = ?", name))[0])


def _hashes(folder: RunDirectory) -> list[str | None]:
    paths = (folder.records_path, folder.failures_path)
    return [hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None for path in paths]
