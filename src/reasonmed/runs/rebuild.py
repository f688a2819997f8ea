"""Rebuild: every outcome and every file of a run again from its ledger, without one request."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import is_plain_file
from reasonmed.engine.flow.meter import Meter
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.journal import Journaled
from reasonmed.engine.pool import run
from reasonmed.errors import Drained, RunDirectoryError
from reasonmed.processes import in_order
from reasonmed.runs.commands.run import synthesis
from reasonmed.runs.records import write_outputs
from reasonmed.runs.resume import recipe_of, same_recipe
from reasonmed.runs.scoring import score_records
from reasonmed.runs.stories import kept_of, unpack_story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reasonmed.engine.job import Kept
    from reasonmed.engine.ledger import Ledger, Range
    from reasonmed.exchange import Completion, Request
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.directory import RunDirectory

_PART, _ALONE = 50, 4
"""Questions that one process replays at a time, and how many such parts are not worth another process."""


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


class _Replayed(NamedTuple):
    """What a range of questions came to again."""

    questions: int
    calls: int
    changed: list[Kept]
    stopped: BaseException | None


async def rebuild(
    folder: RunDirectory, other: Recipe | None = None, done: Callable[[int], None] = lambda _: None
) -> Rebuilt:
    """Replay every finished question, by several processes where there are many, then rewrite the files.

    Args:
        folder: the run.
        other: the run's recipe as the user has it, where its manifest may not speak for it.
        done: called with the number of questions replayed so far.

    Raises:
        RunDirectoryError: a request is not recorded, or the other recipe is not the run's.
    """
    recipe, manifest = recipe_of(folder) if other is None else same_recipe(folder, other), folder.manifest()
    before = _hashes(folder)
    with folder.writing(manifest) as ledger:
        count, calls, changed = 0, 0, list[str]()
        for part in in_order(ledger.ranges(_PART), partial(_replaying, folder, recipe), alone=_ALONE):
            _refuse(folder, part.stopped)
            count, calls = count + part.questions, calls + part.calls
            changed += [one.key for one in part.changed]
            await asyncio.gather(*map(ledger.keep, part.changed))
            done(count)
        calls += await _scored_again(folder, recipe, ledger)
        if changed:
            ledger.note_upheaval()
        write_outputs(folder, ledger, manifest)
    return Rebuilt(count, calls, sorted(changed), before == _hashes(folder))


@contextmanager
def _replaying(folder: RunDirectory, recipe: Recipe) -> Iterator[Callable[[Range], _Replayed]]:
    """Replays a range of finished questions from a ledger that it only reads."""
    with closing(folder.reader()) as ledger, ThreadPoolExecutor(1) as apart:  # a loop may be running here
        yield lambda within: apart.submit(asyncio.run, _replay(ledger, recipe, within)).result()


async def _replay(ledger: Ledger, recipe: Recipe, within: Range) -> _Replayed:
    meter, stop, job = Meter(), Stop(), synthesis(recipe)
    models = dict.fromkeys(recipe.models, Journaled(Nobody(), ledger, meter))
    changed, count = [], 0
    async for story in run(ledger.finished_rows(job.decode, within), job.work(models), alive=64, stop=stop):
        count += 1
        if story != ledger.outcome(story.question.id, unpack_story):
            changed.append(kept_of(story))
    return _Replayed(count, _calls(meter), changed, stop.reason)


async def _scored_again(folder: RunDirectory, recipe: Recipe, ledger: Ledger) -> int:
    """Score the records again from what is recorded; returns the number of replies that this took."""
    meter, stop = Meter(), Stop()
    models = dict.fromkeys(recipe.models, Journaled(Nobody(), ledger, meter))
    wanted = recipe.stages.score.sample if recipe.stages.score else None
    await score_records(ledger, recipe, models, wanted, alive=64, stop=stop, again=True)
    _refuse(folder, stop.reason)
    return _calls(meter)


def _calls(meter: Meter) -> int:
    return sum(one.replayed for one in meter.stages.values())


def _refuse(folder: RunDirectory, reason: BaseException | None) -> None:
    if reason is not None:
        raise RunDirectoryError(
            f"{folder.path} cannot be rebuilt: {reason}. Run it again to finish it, then rebuild it"
        ) from reason


def _hashes(folder: RunDirectory) -> list[str | None]:
    paths = (folder.records_path, folder.failures_path)
    return [hashlib.sha256(path.read_bytes()).hexdigest() if is_plain_file(path) else None for path in paths]
