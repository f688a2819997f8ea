"""Models connected through the ledger, the limits and the stop of a run."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from reasonmed.engine.batches.clerk import Clerk
from reasonmed.engine.batches.desk import Collected, Desk
from reasonmed.engine.batches.office import Clock, Office, WallClock
from reasonmed.engine.journal import Journaled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from reasonmed.backends import Backend, ModelSettings
    from reasonmed.engine.flow.traffic import Control
    from reasonmed.engine.job import Models
    from reasonmed.engine.journal import Elder
    from reasonmed.engine.ledger import Ledger


@asynccontextmanager
async def connected(
    models: Mapping[str, ModelSettings],
    ledger: Ledger,
    control: Control,
    elders: tuple[Elder, ...] = (),
    clock: Clock | None = None,
) -> AsyncIterator[Models]:
    """The models of a job, each on a back end of its own, closed at the end; batches are looked after meanwhile."""
    made: dict[str, Journaled] = {}
    office = Office(
        ledger, control.budget, control.meter, control.stop, clock or WallClock(control.stop), control.limits.give_up
    )
    desks = _desks(models, office)
    clerk = Clerk(office, desks)
    try:
        for name, settings in models.items():
            proven = ledger.has_replies_of(settings.identity)
            layer: Backend = control.connect(settings, len(models), name, proven=proven)
            desk = desks.get(settings.label)
            if desk is not None:
                layer = Collected(layer, desk)
            made[name] = Journaled(layer, ledger, control.meter, elders, settings.priced)
            if desk is not None:
                desk.journals.append(made[name])
        control.turns.add(clerk)
        async with clerk.at_work():
            yield made
    finally:
        for one in made.values():
            await one.aclose()


def _desks(models: Mapping[str, ModelSettings], office: Office) -> dict[str, Desk]:
    """One for each model whose requests go into batches, or are in batches that an earlier session submitted."""
    desks: dict[str, Desk] = {}
    left = {batch.model for batch in office.ledger.batches() if batch.is_open}
    for settings in models.values():
        if settings.label not in desks and (settings.collects or settings.label in left):
            desks[settings.label] = _desk(settings, office)
    return desks


def _desk(settings: ModelSettings, office: Office) -> Desk:
    from reasonmed.backends._wires import wire_of

    wire = wire_of(settings)
    options, price = wire.settings.batches, wire.settings.batch_price
    return Desk(settings.label, wire, options, collects=settings.collects, price=price, office=office)
