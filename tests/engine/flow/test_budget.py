"""The cap on money: what does not fit waits for open reservations, and never for none."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.engine.flow.budget import Budget
from reasonmed.errors import BudgetReached


async def _nothing(_: float) -> None:
    """No disk."""


async def _spend(amounts: list[float], cap: float) -> tuple[int, Budget]:
    """Ask for all at once; returns how many were refused."""
    budget = Budget(cap, 0.0, _nothing, _nothing)

    async def one(worst: float) -> bool:
        try:
            async with budget.reserve(worst) as reservation:
                await asyncio.sleep(0)
                assert budget.spent + budget.open <= cap + 1e-9
                reservation.cost = worst / 3
        except BudgetReached:
            return False
        return True

    done = await asyncio.wait_for(asyncio.gather(*(one(worst) for worst in amounts)), 5)
    return done.count(False), budget


@pytest.mark.parametrize("amounts", [[0.1, 0.2, 0.3, 5.0], [0.3, 0.2, 0.1, 5.0], [0.7, 0.1, 0.1, 0.1, 9.0]])
async def test_what_can_never_fit_is_refused_once_nothing_is_open(amounts: list[float]) -> None:
    refused, budget = await _spend(amounts, 1.0)
    assert refused == 1
    assert budget.open == 0


@given(st.lists(st.floats(1e-6, 3.0), min_size=1, max_size=30), st.floats(0.01, 5.0))
def test_nobody_waits_for_ever_and_the_cap_holds(amounts: list[float], cap: float) -> None:
    refused, budget = asyncio.run(_spend(amounts, cap))
    assert budget.open == 0
    assert budget.spent <= cap + 1e-9
    assert refused >= sum(worst > cap for worst in amounts)
