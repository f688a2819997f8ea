"""Models in the memory of a process, as actors that all shards share; remote endpoints need none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from reasonmed import backends
from reasonmed.cluster.connecting import actor_of, lost_actor
from reasonmed.errors import ReasonMedError, Unreachable, UsageError
from reasonmed.exchange import Completion
from reasonmed.recipe.ray import RayEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reasonmed.backends import Backend, ModelSettings
    from reasonmed.cluster.connecting import Handle, RayModule
    from reasonmed.exchange import Request


class Fault(NamedTuple):
    """An error of ours on its way between processes: its class, its message, and what else it knows."""

    kind: type[ReasonMedError]
    message: str
    facts: dict[str, object]

    def error(self) -> ReasonMedError:
        """The error again."""
        made = self.kind.__new__(self.kind)
        ReasonMedError.__init__(made, self.message)
        vars(made).update(self.facts)
        return made


def fault_of(error: ReasonMedError) -> Fault:
    """An error as a fault."""
    return Fault(type(error), str(error), dict(vars(error)))


class Engine:
    """The actor that has the model.

    Args:
        settings: the model's entry.
        most: requests that may be open at it.
    """

    def __init__(self, settings: ModelSettings, most: int) -> None:
        self._settings, self._most = settings, most
        self._backend: Backend | None = None
        self._loading = asyncio.Lock()

    async def load(self) -> Fault | None:
        """Load the model, unless it is; says what is wrong where it cannot be."""
        async with self._loading:
            if self._backend is None:
                try:
                    self._settings.ready()
                    self._backend = backends.connect(self._settings, self._most)
                except ReasonMedError as failed:
                    return fault_of(failed)
        return None

    async def complete(self, request: Request) -> Completion | Fault:
        """Answer a request."""
        failed = await self.load()
        if self._backend is None:
            return failed or fault_of(Unreachable("the model is not loaded"))
        try:
            return await self._backend.complete(request)
        except ReasonMedError as said:
            return fault_of(said)


class AtEngines:
    """The back end that asks these actors."""

    def __init__(self, name: str, engines: Sequence[Handle]) -> None:
        self._name, self._engines = name, engines
        self._open = [0] * len(engines)

    async def complete(self, request: Request) -> Completion:
        """Answer a request at the engine with the fewest open ones."""
        place = self._open.index(min(self._open))
        self._open[place] += 1
        try:
            answer = await self._engines[place].complete.remote(request)
        except lost_actor() as lost:
            raise Unreachable(f"the actor that has {self._name} was lost; Ray starts it again") from lost
        finally:
            self._open[place] -= 1
        if isinstance(answer, Fault):
            raise answer.error()
        if not isinstance(answer, Completion):
            raise Unreachable(f"the actor that has {self._name} answered with {type(answer).__name__}")
        return answer

    async def aclose(self) -> None:
        """The actors are the run's, not this process's."""


def connecting(engines: Mapping[str, Sequence[Handle]]) -> Callable[[ModelSettings, int], Backend]:
    """What connects a model entry: at its engines, by the model's identity, where there are any."""

    def connect(settings: ModelSettings, most: int) -> Backend:
        found = engines.get(settings.identity) if settings.loads else None
        return backends.connect(settings, most) if found is None else AtEngines(settings.label, found)

    return connect


def ready(settings: ModelSettings) -> None:
    """Check what an entry needs of this process; one that is loaded elsewhere needs nothing."""
    if not settings.loads:
        settings.ready()


async def engines_of(
    ray: RayModule, models: Mapping[str, ModelSettings], options: Mapping[str, RayEngine], most: int
) -> dict[str, list[Handle]]:
    """Actors for the models that are loaded in process, each loaded; by the models' identities.

    Raises:
        UsageError: the cluster lacks the GPUs, or the recipe names a model that is not loaded in process.
        ReasonMedError: a model cannot be loaded.
    """
    for name in options:
        if name not in models or not models[name].loads:
            raise UsageError(f"ray.engines.{name}: no stage uses a model of this name that is loaded in process")
    made: dict[str, list[Handle]] = {}
    there = ray.cluster_resources().get("GPU", 0.0)
    for name, settings in models.items():
        if settings.loads and settings.identity not in made:
            wanted = options.get(name, RayEngine())
            gpus = _gpus(settings, wanted, there)
            if gpus * wanted.copies > there:
                raise UsageError(
                    f"ray.engines.{name}: {wanted.copies} x {gpus:g} GPUs are wanted, and the cluster has {there:g}"
                )
            made[settings.identity] = [
                actor_of(ray, Engine, settings, most, num_gpus=gpus, num_cpus=wanted.num_cpus, max_concurrency=most + 1)
                for _ in range(wanted.copies)
            ]
    for handles in made.values():
        for handle in handles:
            failed = await handle.load.remote()
            if isinstance(failed, Fault):
                raise failed.error()
    return made


def _gpus(settings: ModelSettings, wanted: RayEngine, there: float) -> float:
    """GPUs of one copy: as the recipe says, else those that its back end shares the model over, where there are any."""
    if wanted.num_gpus is not None:
        return wanted.num_gpus
    shared = getattr(settings, "tensor_parallel", 0)
    return float(shared) if there else 0.0
