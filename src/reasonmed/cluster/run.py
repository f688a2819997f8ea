"""The driver of a run on a cluster: deals the questions to shards, merges what they copy, finishes the whole."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import os
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from reasonmed import __version__
from reasonmed.cluster.connecting import actor_of, alive, joined, lost_actor
from reasonmed.cluster.engines import Fault, connecting, engines_of, fault_of, ready
from reasonmed.cluster.limits import SharedLimits
from reasonmed.cluster.places import collect, deal, place_of
from reasonmed.cluster.shard import Keys, Look, ShardActor, Task
from reasonmed.engine.flow.stop import Stop
from reasonmed.errors import BudgetReached, ControlError, Drained, ReasonMedError, Unavailable, UsageError
from reasonmed.recipe.ray import Ray
from reasonmed.runs.job import Means, execute, take_up
from reasonmed.runs.session import budget_of, end, lost, signals
from reasonmed.runs.shards import Shard

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from reasonmed.backends import ModelSettings
    from reasonmed.cluster.connecting import Handle, RayModule
    from reasonmed.cluster.overview import Overview
    from reasonmed.engine.ledger import Ledger
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.job import RunJob
    from reasonmed.types import Story

_LOOK_EVERY, _LOOK_TAKES = 1.0, 30.0
_LOSSES = 20
"""Consecutive losses of a shard, without a sign of life between them, that end the run."""
_PATIENCE = 10.0


class Spread(NamedTuple):
    """Where a run goes, and into how many shards."""

    address: str | None
    shards: int | None


async def execute_on_ray(job: RunJob[Story, Story], recipe: Recipe, spread: Spread, watch: Overview) -> None:
    """Do the job of a run on a cluster, to the same files as one process.

    Raises:
        ControlError: the run drained before its end.
        ReasonMedError: there is no cluster, or the directory, the rows or the recipe do not allow the job.
    """
    options = recipe.ray or Ray()
    wanted = spread.shards or options.shards
    with joined(spread.address, (wanted or 1) * options.num_cpus) as ray:
        shards = wanted or max(1, alive(ray))
        engines = await engines_of(ray, job.models, options.engines, recipe.limits.in_flight * shards)
        means = Means(connecting(engines), ready)
        for entry in job.models.values():
            ready(entry)
        driver = _Driver(ray, job, recipe, shards, watch, engines)
        with signals(driver.stop):
            await driver.work()
        if driver.stop.reason is not None:
            raise driver.stop.reason
        watch.shards.clear()
        await execute(dataclasses.replace(job, notes=(), first_notes=()), watch, means=means)


class _Driver:
    """One session of all shards."""

    def __init__(
        self,
        ray: RayModule,
        job: RunJob[Story, Story],
        recipe: Recipe,
        shards: int,
        watch: Overview,
        engines: Mapping[str, list[Handle]],
    ) -> None:
        self._ray, self._job, self._recipe, self._watch, self._engines = ray, job, recipe, watch, engines
        self._options = recipe.ray or Ray()
        self._patience = max(_PATIENCE, 2 * self._options.copy_every)
        self._shards = [Shard(number, shards) for number in range(1, shards + 1)]
        self._marks: dict[str, dict[str, int]] = {}
        self._lost: dict[Shard, float] = {}
        self._lost_before = 0.0
        self._losses: Counter[Shard] = Counter()
        self._told: set[str] = set()
        self._merging = asyncio.Lock()
        self._actors: list[Handle] = []
        self.stop = Stop()

    async def work(self) -> None:
        """Work on all unfinished questions; ``stop`` says why some are left."""
        job, folder = self._job, self._job.folder
        with folder.writing(job.manifest()) as ledger:
            await asyncio.to_thread(collect, folder, ledger, self._patience)
            session = take_up(job, ledger, self._watch)
            if not ledger.count_pending():
                end(ledger, session, "drained")
                return
            self._watch.spent_before = budget_of(None, ledger).spent
            self._watch.phase = "dealing"
            token = (await asyncio.to_thread(deal, folder, ledger, len(self._shards))).token
            self._lost_before = lost(ledger)
            self._watch.phase = "running"
            try:
                await self._all(self._task(token), ledger)
            except BaseException:
                end(ledger, session, "stopped")
                raise
            await asyncio.to_thread(collect, folder, ledger, self._patience, self._marks)
            if ledger.count_pending():
                self.stop.ask(Unavailable("shards ended before their questions did"))
            end(ledger, session, "drained")
            if self.stop.wanted:
                job.write(ledger)

    def _task(self, token: str) -> Task:
        job, score, run = self._job, self._recipe.stages.score, str(self._job.folder.path.resolve())
        money = (job.limits.max_cost, self._watch.spent_before, len(self._shards))
        return Task(
            version=__version__,
            run=run,
            shard=self._shards[0],
            token=token,
            recipe=split(self._recipe, len(self._shards)).model_copy(update={"prompts": job.written.templates}),
            keys=keys_of(job.models),
            forks=tuple(str(fork.path.resolve()) for fork in job.forks),
            scores=score is not None and score.sample is None,
            copy_every=self._options.copy_every,
            patience=self._patience,
            limits=actor_of(self._ray, SharedLimits, run, *money, num_cpus=0, max_task_retries=-1),
            engines=self._engines,
        )

    async def _all(self, task: Task, ledger: Ledger) -> None:
        """See all shards to their ends."""
        cpus = self._options.num_cpus
        self._actors = [
            actor_of(self._ray, ShardActor, num_cpus=cpus, scheduling_strategy="SPREAD") for _ in self._shards
        ]
        self.stop.tell(self._drain)
        each = zip(self._shards, self._actors, strict=True)
        ended = await asyncio.gather(*(self._tend(actor, task._replace(shard=one), ledger) for one, actor in each))
        reasons = [fault.error() for fault in ended if fault is not None]
        for reason in sorted(reasons, key=lambda one: isinstance(one, Drained)):
            self.stop.ask(self._of_all(reason, ledger))

    def _drain(self) -> None:
        for actor in self._actors:
            actor.drain.remote()

    def _of_all(self, reason: ReasonMedError, ledger: Ledger) -> ControlError:
        """Why a shard ended as the reason of the whole run."""
        if isinstance(reason, BudgetReached):
            cap, used = self._job.limits.max_cost or 0.0, ledger.cost() + lost(ledger)
            return BudgetReached(
                f"the next request may cost more than is left: {used:.6f} of {cap:.6f} USD are spent; raise --max-cost "
                "to continue"
            )
        return reason if isinstance(reason, ControlError) else Unavailable(str(reason))

    async def _tend(self, actor: Handle, task: Task, ledger: Ledger) -> Fault | None:
        """See a shard to its end, through losses of its actor; take in what it copies meanwhile."""
        looker = asyncio.create_task(self._look_on(actor, task.shard, ledger))
        try:
            while True:
                try:
                    ended = await actor.run.remote(task)
                except lost_actor() as gone:
                    if self.stop.wanted:
                        return fault_of(Drained("interrupted"))
                    self._losses[task.shard] += 1
                    if self._losses[task.shard] > _LOSSES:
                        return fault_of(Unavailable(f"shard {task.shard} was lost {_LOSSES} times in a row: {gone}"))
                    if self._losses[task.shard] == 1:
                        self._watch.notes.append(f"shard {task.shard} was lost; it starts again from its newest copy")
                    await asyncio.sleep(_LOOK_EVERY)
                else:
                    await self._merge(task.shard, ledger)
                    return ended if isinstance(ended, Fault) else None
        finally:
            looker.cancel()
            await asyncio.gather(looker, return_exceptions=True)
            self._ray.kill(actor)

    async def _look_on(self, actor: Handle, shard: Shard, ledger: Ledger) -> None:
        """Show how a shard goes, and take in each copy."""
        copies: object = 0
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                look = await asyncio.wait_for(_answer(actor.look.remote()), _LOOK_TAKES)
            except (lost_actor(), TimeoutError):
                continue
            if not isinstance(look, Look):
                continue
            self._losses[shard] = 0
            self._watch.shards[str(shard)] = look.snapshot
            self._watch.notes += [note for note in look.notes if note not in self._told]
            self._told.update(look.notes)
            if look.copies != copies:
                copies = look.copies
                try:
                    await self._merge(shard, ledger)
                except ReasonMedError as failed:  # the merge at the shard's end raises
                    self._watch.notes.append(str(failed))

    async def _merge(self, shard: Shard, ledger: Ledger) -> None:
        """Take in what a shard has copied since the last time."""
        async with self._merging:
            await asyncio.to_thread(self._follow, shard, ledger)

    def _follow(self, shard: Shard, ledger: Ledger) -> None:
        place = place_of(self._job.folder.path, shard)
        with closing(place.reader()) as part:
            ledger.follow(part, self._marks.setdefault(place.path.name, {}))
            self._lost[shard] = lost(part)
        ledger.note(lost_usd=repr(self._lost_before + sum(self._lost.values())))


async def _answer(asked: Awaitable[object]) -> object:
    return await asked


def keys_of(models: Mapping[str, ModelSettings]) -> Keys:
    """The keys that these models' endpoints want, from this process's environment."""
    named = {getattr(entry, "api_key_env", None) for entry in models.values()}
    return Keys({name: os.environ[name] for name in named if name is not None and name in os.environ})


def split(recipe: Recipe, shards: int) -> Recipe:
    """The recipe with each shard's part of what endpoints bear.

    Raises:
        UsageError: a part would be less than one request a minute.
    """
    models: dict[str, object] = dict(recipe.models)
    for name in recipe.used:
        entry = recipe.model(name)
        limits = entry.limits.model_dump()
        rates = {one: rate / shards for one, rate in limits.items() if one.endswith("_per_minute") and rate is not None}
        if rates.get("requests_per_minute", 1.0) < 1:
            raise UsageError(
                f"models.{name}: {limits['requests_per_minute']:g} requests a minute are too few for {shards} shards; "
                f"use --shards {max(1, int(limits['requests_per_minute']))}"
            )
        open_ = {} if entry.limits.in_flight is None else {"in_flight": math.ceil(entry.limits.in_flight / shards)}
        models[name] = entry.model_copy(update={"limits": entry.limits.model_copy(update={**rates, **open_})})
    return recipe.model_copy(update={"models": models})
