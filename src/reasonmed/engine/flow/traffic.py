"""The control of a run's traffic: one scheduler over all models, the stop, the meter and the budget."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from reasonmed import backends
from reasonmed.backends import Resident
from reasonmed.backends._served import Served, Servers
from reasonmed.engine.flow.dispatch import Dispatched
from reasonmed.engine.flow.endpoint import Endpoint, Rates
from reasonmed.engine.flow.meter import Meter
from reasonmed.engine.flow.retrying import Retrying
from reasonmed.engine.flow.scheduler import Pool, Scheduler
from reasonmed.engine.flow.verdicts import Verdicts
from reasonmed.engine.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from reasonmed.backends import Backend, ModelSettings
    from reasonmed.backends._server import Server
    from reasonmed.engine.flow.budget import Budget
    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.residency import Residency
    from reasonmed.recipe.options import Limits

_clock = time.monotonic


class Control:
    """What a run's models share, and what a person may turn while it runs.

    Args:
        limits: how hard the run may push.
        stop: the run's.
        budget: what it may cost.
        ranks: how soon requests go that wait, by what they are recorded under: those of higher rank first.
        residency: which models are in memory, where not all of them are.
        connects: makes the back end of a model entry with at most N connections.
        folder: where servers that are started write their logs.
    """

    def __init__(  # noqa: PLR0913 - all that a run controls
        self,
        limits: Limits,
        stop: Stop,
        budget: Budget,
        ranks: Mapping[str, int] | None = None,
        *,
        residency: Residency | None = None,
        connects: Callable[[ModelSettings, int], Backend] = backends.connect,
        folder: Path | None = None,
    ) -> None:
        self._ranks, self._connects = ranks or {}, connects
        self.limits, self.stop, self.budget, self.meter = limits, stop, budget, Meter()
        self.spent_before = budget.spent
        self.scheduler = Scheduler(limits.in_flight, stop, _clock, limits.give_up)
        self.turns, self.residency = Turns(), residency
        if residency is not None:
            self.turns.add(residency)
        self.verdicts = Verdicts(self.scheduler, stop, self.meter, _clock)
        self.servers = Servers(folder, self._say)
        self._one_server: dict[Server, str] = {}
        stop.tell(self.servers.hurry)

    def connect(self, settings: ModelSettings, models: int, name: str, *, proven: bool = False) -> Backend:
        """The layers below the journal for one of so many models; ``name`` is the recipe's for it.

        ``proven`` says that an earlier session of the run had replies of this model.
        """
        allowed = settings.limits
        rates = Rates(
            allowed.requests_per_minute,
            allowed.tokens_per_minute,
            allowed.input_tokens_per_minute,
            allowed.output_tokens_per_minute,
        )
        share = self.scheduler.share(models)
        ceiling = min(share, allowed.in_flight or share)
        endpoints = [
            Endpoint(_address(one), self._backend(one, ceiling), ceiling, rates, _clock) for one in settings.split()
        ]
        for endpoint in endpoints:
            endpoint.rejections.proven = proven
        pool = Pool(settings.label, endpoints, name)
        self.scheduler.add(pool)
        dispatched = Dispatched(pool, self, settings.priced)
        ceilings = self.limits.tries.model_dump()
        layer = Retrying(
            dispatched,
            pool,
            stop=self.stop,
            meter=self.meter,
            ceilings=ceilings,
            give_up=self.limits.give_up,
            clock=_clock,
        )
        held = [endpoint.backend for endpoint in endpoints if isinstance(endpoint.backend, Resident)]
        return self.residency.add(self._in_memory(held, name), held, layer) if self.residency and held else layer

    def _in_memory(self, held: Sequence[Resident], name: str) -> str:
        """The name of what is in memory for a model: entries with one server have the first one's."""
        servers = [one.server for one in held if isinstance(one, Served)]
        return self._one_server.setdefault(servers[0], name) if servers else name

    def _say(self, note: str) -> None:
        self.meter.notes.append(note)

    def _backend(self, settings: ModelSettings, connections: int) -> Backend:
        """The back end of an address, with the servers of this run."""
        backend = self._connects(settings, connections)
        if isinstance(backend, Served):
            backend.servers = self.servers
        return backend

    def limit(self, model: str, most: int) -> dict[str, str]:
        """Set how many requests may be open at each address of a model.

        The model is named as in the recipe or as at its endpoint, or by a part of one of these that no other has.
        """
        if most < 1:
            return {"error": f"the limit must be 1 or more, not {most}"}
        found = self._named(model)
        if len(found) != 1:
            names = ", ".join(_both_names(pool) for pool in self.scheduler.pools)
            fits = "names several models" if found else "names no model"
            return {"error": f"{model!r} {fits} of this run; there are {names}"}
        for endpoint in found[0].endpoints:
            endpoint.window.limit(most)
        self.scheduler.wake()
        return {"ok": f"{_both_names(found[0])}: at most {most} open requests at each address"}

    def share(self, part: float) -> None:
        """Use so much of what the endpoints allow a minute: other processes have the rest."""
        for pool in self.scheduler.pools:
            for endpoint in pool.endpoints:
                endpoint.share(part)
        self.scheduler.wake()

    def _named(self, model: str) -> list[Pool]:
        pools = self.scheduler.pools
        ways = (
            [pool for pool in pools if model == pool.entry],
            [pool for pool in pools if model == pool.name],
            [pool for pool in pools if model in pool.entry or model in pool.name],
        )
        return next((found for found in ways if found), [])

    def budget_spent(self) -> float | None:
        """USD spent over all sessions; None where a price is unknown."""
        if self.meter.unpriced:
            return None
        return self.spent_before + self.meter.spent

    def rank(self, stage: str) -> int:
        """How soon a stage's requests go."""
        return self._ranks.get(stage, 0)


def _both_names(pool: Pool) -> str:
    return pool.name if pool.entry == pool.name else f"{pool.entry} ({pool.name})"


def _address(settings: ModelSettings) -> str:
    return str(getattr(settings, "base_url", None) or getattr(settings, "endpoint", None) or settings.backend)
