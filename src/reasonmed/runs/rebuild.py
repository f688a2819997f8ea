"""Rebuild: every outcome and every file of a run again from its ledger, without one request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import is_plain_file
from reasonmed.engine.flow.meter import Meter
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.journal import Journaled
from reasonmed.engine.pool import run
from reasonmed.errors import Drained, RunDirectoryError
from reasonmed.runs.commands.run import synthesis
from reasonmed.runs.records import write_outputs
from reasonmed.runs.resume import recipe_of, same_recipe
from reasonmed.runs.scoring import score_records
from reasonmed.runs.stories import unpack_story

if TYPE_CHECKING:
    from reasonmed.exchange import Completion, Request
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.directory import RunDirectory


class Rebuilt(NamedTuple):
    """Result of a rebuild."""

    questions: int
    calls: int
    changed: list[str]
    """Questions whose outcome differs from the one on record."""
    identical: bool
    """Whether records.jsonl and failures.jsonl are byte for byte what they were."""


class Nobody:
    """A back end that answers nothing: what is not on record cannot be rebuilt."""

    async def complete(self, request: Request) -> Completion:
        """Refuse a request.

        Raises:
            Drained: always.
        """
        raise Drained(f"a {request.stage} request of {request.question_id} is not recorded")

    async def aclose(self) -> None:
        """Nothing to release."""


async def rebuild(folder: RunDirectory, other: Recipe | None = None) -> Rebuilt:
    """Replay every finished question, then write the files anew.

    Args:
        folder: the run.
        other: the run's recipe as the user has it, where its manifest may not speak for it.

    Raises:
        RunDirectoryError: a request is not recorded, or the other recipe is not the run's.
    """
    recipe, manifest = recipe_of(folder) if other is None else same_recipe(folder, other), folder.manifest()
    before = _hashes(folder)
    meter = Meter()
    with folder.writing(manifest) as ledger:
        models = dict.fromkeys(recipe.models, Journaled(Nobody(), ledger, meter))
        job = synthesis(recipe)
        stop, changed, count = Stop(), [], 0
        async for story in run(ledger.finished_rows(job.decode), job.work(models), alive=64, stop=stop):
            count += 1
            if story != ledger.outcome(story.question.id, unpack_story):
                changed.append(story.question.id)
                await ledger.keep(job.keep(story))
        if stop.reason is None:
            wanted = recipe.stages.score.sample if recipe.stages.score else None
            await score_records(ledger, recipe, models, wanted, alive=64, stop=stop, again=True)
        if stop.reason is not None:
            raise RunDirectoryError(
                f"{folder.path} cannot be rebuilt: {stop.reason}. Run it again to finish it, then rebuild it"
            ) from stop.reason
        if changed:
            ledger.note_upheaval()
        write_outputs(folder, ledger, manifest)
    calls = sum(one.replayed for one in meter.stages.values())
    return Rebuilt(count, calls, sorted(changed), before == _hashes(folder))


def _hashes(folder: RunDirectory) -> list[str | None]:
    paths = (folder.records_path, folder.failures_path)
    return [hashlib.sha256(path.read_bytes()).hexdigest() if is_plain_file(path) else None for path in paths]
