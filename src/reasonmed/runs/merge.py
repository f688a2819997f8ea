"""The parts of a run that several machines made, joined to the run that one machine makes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.engine.flow.meter import Meter
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.journal import Journaled
from reasonmed.errors import RunDirectoryError
from reasonmed.recipe.identity import differences
from reasonmed.runs.corrections import corrections_in
from reasonmed.runs.rebuild import Nobody
from reasonmed.runs.records import write_outputs
from reasonmed.runs.resume import recipe_of
from reasonmed.runs.reviews import FILE, Reviews
from reasonmed.runs.scoring import score_records
from reasonmed.runs.session import last_shard
from reasonmed.runs.shards import Shard, shard_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reasonmed.engine.ledger import Ledger
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.manifest import Manifest


class Merged(NamedTuple):
    """What became of a merge."""

    questions: int
    unfinished: int
    records: int
    whole: bool
    """Whether nothing is left to do, scores included."""


async def merge(shards: Sequence[RunDirectory], into: RunDirectory, done: Callable[[RunDirectory], None]) -> Merged:
    """Join the parts of a run to one run directory, whose files are those of a run of all questions.

    May be asked again after a stop, and with parts that have grown since.

    Args:
        shards: the parts, of one recipe and one question file.
        into: the run; made where there is none.
        done: is called after each part.

    Raises:
        RunDirectoryError: a part is being written, or is of another recipe or file than the first.
    """
    first = shards[0].manifest()
    for one in shards:
        _check(one, first, shards[0])
    recipe = recipe_of(shards[0])
    with into.writing(_manifest(shards)) as ledger:
        for one in shards:
            with closing(one.reader()) as part:
                ledger.absorb(part)
            _add_votes(one, into)
            done(one)
        ledger.add_up()
        unfinished = ledger.count_pending()
        lost = sum(_lost(one) for one in shards)
        whole = not unfinished and await _score(ledger, recipe)
        lost = max(lost, ledger.usd("lost_usd"))  # what was lost in the whole run since an earlier merge stays lost
        ledger.note(state="finished" if whole else "drained", lost_usd=repr(lost), reserved_usd="0.0")
        into.note_corrections(corrections_in(ledger))
        write_outputs(into, ledger, first)
        return Merged(ledger.count(), unfinished, ledger.sums().records, whole)


async def _score(ledger: Ledger, recipe: Recipe) -> bool:
    """Draw the sample of scores from all records, by the parts' replies; returns whether these have all of it."""
    models = dict.fromkeys(recipe.models, Journaled(Nobody(), ledger, Meter()))
    sample = recipe.stages.score.sample if recipe.stages.score else None
    stop = Stop()
    await score_records(ledger, recipe, models, sample, alive=64, stop=stop)
    return stop.reason is None


def _add_votes(part: RunDirectory, into: RunDirectory) -> None:
    if not (part.path / FILE).exists():
        return
    with closing(Reviews(part.path / FILE, read_only=True)) as given, closing(Reviews(into.path / FILE)) as kept:
        kept.merge(given.votes())


def missing(shards: Sequence[RunDirectory]) -> list[str]:
    """The parts that nobody gave, of those that the given ones are parts of."""
    told = []
    for one in shards:
        with closing(one.reader()) as ledger:
            told.append(last_shard(ledger))
    found = {shard_of(one) for one in told if one is not None}
    wanted = {Shard(number, of) for of in {one.of for one in found} for number in range(1, of + 1)}
    return [] if None in told else [str(one) for one in sorted(wanted - found)]


def _lost(folder: RunDirectory) -> float:
    with closing(folder.reader()) as ledger:
        return ledger.usd("lost_usd") + ledger.usd("reserved_usd")


def _check(one: RunDirectory, first: Manifest, where: RunDirectory) -> None:
    owner = one.owner()
    if owner is not None:
        raise RunDirectoryError(f"{one.path} is being written by {owner}; wait until it has ended, then merge again")
    manifest = one.manifest()
    changed = [*differences(first.identity, manifest.identity)]
    if changed:
        lines = "\n".join(f"  - {change}" for change in changed)
        raise RunDirectoryError(f"{one.path} is no part of the run that {where.path} is a part of:\n{lines}")
    if manifest.input != first.input:
        raise RunDirectoryError(
            f"{one.path} is of another question file than {where.path}; `reasonmed export RUN RUN` joins runs of "
            "different questions"
        )


def _manifest(shards: Sequence[RunDirectory]) -> Manifest:
    """The manifest of the whole: the first part's, with what was decided on patients' data anywhere."""
    told = [one.manifest() for one in shards]
    decisions = [decision for one in told for decision in one.phi]
    phi = [one for number, one in enumerate(decisions) if one not in decisions[:number]]
    return replace(told[0], started=min(one.started for one in told), phi=phi, corrections=[])
