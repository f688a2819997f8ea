"""A team of one model on reasonmed's engine, with a ledger that is thrown away, and made-up questions for it."""

from __future__ import annotations

import json
import random
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reasonmed import recipe as recipes
from reasonmed.engine.connect import connected
from reasonmed.engine.flow.budget import Budget
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.flow.traffic import Control
from reasonmed.engine.ledger import Ledger
from reasonmed.pipeline.team import assemble
from reasonmed.recipe.options import Limits
from reasonmed.recipe.stages import ranks
from reasonmed.types import Question

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from reasonmed.pipeline.team import Team

_WORDS = "fever cough pain rash edema fatigue nausea tremor for days after travel at rest"


class InEngine(NamedTuple):
    """A team that is connected, and what its work is done under."""

    team: Team
    limits: Limits
    stop: Stop


async def _nothing(_: float) -> None:
    """No budget to remember."""


@asynccontextmanager
async def in_engine(
    entry: Mapping[str, object], generate: Mapping[str, object], in_flight: int
) -> AsyncIterator[InEngine]:
    """A team whose every role is one model.

    Args:
        entry: the model as a recipe names it.
        generate: options of the stage.
        in_flight: requests open at once.
    """
    told = {"models": {"a": entry}, "stages": {"generate": {"models": ["a"], **generate}, "verify": {"model": "a"}}}
    recipe = recipes.parse(json.dumps(told), "bench")
    limits, stop = Limits(in_flight=in_flight), Stop()
    with tempfile.TemporaryDirectory(prefix="reasonmed-bench-") as scratch:
        ledger = Ledger(Path(scratch) / "ledger.db")
        control = Control(limits, stop, Budget(None, 0.0, _nothing, _nothing), ranks())
        async with connected({"a": recipe.model("a")}, ledger, control) as models:
            yield InEngine(assemble(recipe, models), limits, stop)
        ledger.close()


def questions(count: int, words: int = 150) -> list[Question]:
    """Made-up questions, each of ``words`` words."""
    dice, known = random.Random(count), _WORDS.split()  # noqa: S311 - made-up findings
    stems = (
        f"Case {number}: a patient has {' '.join(dice.choices(known, k=words))}. Which?" for number in range(count)
    )
    return [Question(f"q{number}", stem, ("Heparin", "Warfarin"), 0) for number, stem in enumerate(stems)]
