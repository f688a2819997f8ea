from __future__ import annotations

import pytest

import reasonmed as rm
from support import question


async def test_stages_are_called_one_after_the_other_with_a_team() -> None:
    async with rm.stages.team("scripted") as team:
        story = await rm.stages.verify(await rm.stages.generate(rm.Story(question()), team), team)
        assert len(story.chains) == 9
        assert {chain.outcome for chain in story.chains} <= {"correct", "error", "undecided", "missing"}
        story = await rm.stages.route(story, team)
    assert story.tier is not None or story.failure is not None


async def test_a_team_of_a_capped_recipe_needs_prices() -> None:
    recipe = rm.endpoint("http://127.0.0.1:1/v1", "nobody-knows-its-price")
    with pytest.raises(rm.RecipeError, match="has no known price"):
        async with rm.stages.team(recipe, max_cost=1.0):
            pass
