"""Models connected through the ledger, the limits and the stop of a run."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from reasonmed.engine.journal import Journaled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from reasonmed.backends import ModelSettings
    from reasonmed.engine.flow.traffic import Control
    from reasonmed.engine.job import Models
    from reasonmed.engine.journal import Elder
    from reasonmed.engine.ledger import Ledger


@asynccontextmanager
async def connected(
    models: Mapping[str, ModelSettings], ledger: Ledger, control: Control, elders: tuple[Elder, ...] = ()
) -> AsyncIterator[Models]:
    """The models of a job, each on a back end of its own, closed at the end."""
    made: dict[str, Journaled] = {}
    try:
        for name, settings in models.items():
            proven = ledger.has_replies_of(settings.identity)
            layer = control.connect(settings, len(models), name, proven=proven)
            made[name] = Journaled(layer, ledger, control.meter, elders, settings.priced)
        yield made
    finally:
        for one in made.values():
            await one.aclose()
