"""The stages of the pipeline, each ``await stage(story, team)``, and a team to call them with."""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from reasonmed.api.recipes import load_recipe
from reasonmed.api.running import agreed
from reasonmed.engine.connect import connected
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.flow.traffic import Control
from reasonmed.engine.ledger import Ledger
from reasonmed.pipeline.stages.generate import generate
from reasonmed.pipeline.stages.optimize import optimize
from reasonmed.pipeline.stages.rank import rank
from reasonmed.pipeline.stages.refine import refine
from reasonmed.pipeline.stages.route import route
from reasonmed.pipeline.stages.score import score
from reasonmed.pipeline.stages.summarize import summarize
from reasonmed.pipeline.stages.verify import verify
from reasonmed.pipeline.team import Team, assemble
from reasonmed.recipe import with_cap
from reasonmed.recipe.stages import ranks
from reasonmed.runs.session import budget_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reasonmed.api.recipes import Source

__all__ = ["Team", "generate", "optimize", "rank", "refine", "route", "score", "summarize", "team", "verify"]


@asynccontextmanager
async def team(recipe: Source, *, max_cost: float | None = None, yes: bool = False) -> AsyncIterator[Team]:
    """The models of a recipe in their roles, connected for as long as the block runs; replies are kept no longer.

    Args:
        recipe: as for ``synthesize``.
        max_cost: USD that the block may cost.
        yes: agree to send a variable that is named after another service to the host, and to start what `serve` names.

    Raises:
        RecipeError: the recipe has problems.
        UsageError: a variable of another service would be sent, and nobody agreed to that.
    """
    chosen = with_cap(load_recipe(recipe), max_cost)
    entries = {name: chosen.model(name) for name in chosen.used}
    agreed(entries, yes=yes)
    for entry in entries.values():
        entry.ready()
    with TemporaryDirectory(prefix="reasonmed-") as folder, closing(Ledger(Path(folder, "ledger.db"))) as ledger:
        control = Control(chosen.limits, Stop(), budget_of(chosen.limits.max_cost, ledger), ranks())
        async with connected(entries, ledger, control) as models:
            yield assemble(chosen, models)
