"""Cheaper with the same tier: errors seen without a judge, and sampling that stops when the tier is decided."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.errors import RecipeError
from reasonmed.exchange import Request
from reasonmed.pipeline.stages._early_stopping import waves
from reasonmed.pipeline.stages.rank import draw, rank
from reasonmed.pipeline.stages.route import decided_tier
from reasonmed.pipeline.synthesize import synthesize
from reasonmed.recipe.checks import thresholds
from reasonmed.recipe.identity import identity_of
from reasonmed.types import Story, Tier
from support import Script, chain, prose, question, recipe, team, texts, verdict
from support import score as points


def world(right: set[int], *, conflict: bool = False) -> Script:
    """A world in which the chains at these places of the recipe are right; judges see that."""

    def place(request: Request) -> int:
        return 3 * (int(request.model[-1]) - 1) + (0.7, 0.9, 1.0).index(request.sampling.temperature or 0)

    def write(request: Request) -> str:
        return prose("B" if place(request) in right else "ACD"[place(request) % 3]).replace(
            "word0", f"chain {place(request)}"
        )

    def judge(request: Request) -> str:
        said = texts([request]).rsplit("Answer: ", 1)[-1][:1]
        return verdict("Correct" if said == "B" or conflict else "Error", f"it says {said}")

    return Script(generate=write, verify=judge, rank=points(3), refine=prose("B"), optimize=prose("B"))


async def story(script: Script, name: str = "q1", **options: Any) -> Story:
    return await synthesize(Story(question(name)), team(script, route={"dispute": False}, **options))


async def test_the_tier_is_the_same_for_every_pattern_of_right_and_wrong() -> None:
    """Every one of the 512 patterns, without sending a request: the decision after each wave against the whole."""
    made = team(Script())
    easy, medium = thresholds(made.stages, 9)
    for pattern in itertools.product("ce", repeat=9):
        chains = [chain(outcome="correct" if one == "c" else "error") for one in pattern]
        wrong = pattern.count("e")
        whole = Tier.EASY if wrong <= easy else Tier.MEDIUM if wrong <= medium else Tier.DIFFICULT
        seen: list[int] = []
        for wave in waves(question(), made):
            seen += wave
            so_far = Story(question(), tuple(chains[place] for place in seen), unsampled=9 - len(seen))
            tier = decided_tier(so_far, made)
            if tier is not None:
                assert tier == whole
                break
        else:
            pytest.fail(f"{pattern} was never decided")


@pytest.mark.parametrize("right", range(10))
async def test_whole_questions_end_in_the_same_tier_with_fewer_requests(right: int) -> None:
    places = set(sorted(range(9), key=lambda place: draw(7, question(), place))[:right])
    plain, stopped, checked = world(places), world(places), world(places)
    whole = await story(plain)
    fewer = await story(stopped, generate={"stop_when_decided": True})
    unasked = await story(checked, verify={"precheck": True})
    both = await story(world(places), generate={"stop_when_decided": True}, verify={"precheck": True})
    assert whole.tier == fewer.tier == unasked.tier == both.tier
    assert len(stopped.of("generate")) + fewer.unsampled == 9
    assert len(stopped.asked) <= len(plain.asked)
    assert len(checked.asked) <= len(plain.asked)


async def test_an_easy_question_may_need_only_five_chains() -> None:
    script = world(set(range(9)))
    done = await story(script, generate={"stop_when_decided": True})
    assert len(script.of("generate")) == len(script.of("verify")) == 5
    assert done.unsampled == 4
    assert done.tier == Tier.EASY


async def test_the_order_of_chains_is_drawn_for_each_question_and_favors_no_model() -> None:
    made = team(Script(), generate={"stop_when_decided": True})
    last = [list(waves(question(f"q{number}"), made))[-1][-1] for number in range(200)]
    assert set(last) == set(range(9))
    assert max(last.count(place) for place in range(9)) < 50


async def test_chains_stand_in_the_recipes_order_however_they_were_drawn() -> None:
    done = await story(world({0, 3, 6, 8}), generate={"stop_when_decided": True})
    keys = [(one.model, one.temperature) for one in done.chains]
    assert keys == sorted(keys)


async def test_a_chain_with_another_answer_is_an_error_without_a_request() -> None:
    script = world(set(range(6)))
    done = await story(script, verify={"precheck": True})
    assert done.tier == Tier.EASY
    assert len(script.of("verify")) == 6
    assert [one.outcome for one in done.chains].count("error") == 3
    assert all(one.verdict and not one.verdict.reason for one in done.chains if one.outcome == "error")


async def test_an_editor_gets_the_judges_own_reasons_and_never_a_made_up_one() -> None:
    script = world({0, 1, 2})
    done = await story(script, verify={"precheck": True})
    assert done.tier == Tier.MEDIUM
    prompt = texts(script.of("refine"))
    assert "it says A" in prompt
    assert all(one.verdict and one.verdict.judge == "made-up-1" for one in done.chains if one.outcome == "error")


async def test_a_judge_who_contradicts_the_precheck_gives_no_reason() -> None:
    script = world({0, 1, 2}, conflict=True)
    done = await story(script, verify={"precheck": True})
    assert done.tier == Tier.MEDIUM
    assert "No weaknesses were recorded" in texts(script.of("refine"))
    assert [one.outcome for one in done.chains].count("error") == 6


async def test_a_question_without_a_key_is_sampled_whole() -> None:
    script = world(set(range(9)))
    script.replies["consensus"] = verdict()
    done = await synthesize(Story(question(answer=None)), team(script, generate={"stop_when_decided": True}))
    assert len(script.of("generate")) == 9
    assert done.question.answer == 1


@given(st.lists(st.sampled_from([5, 5, 4, 3, 0, None]), min_size=9, max_size=9), st.integers(0, 50))
async def test_scoring_that_stops_keeps_the_same_chains_for_any_scores(
    given_points: list[int | None], seed: int
) -> None:
    """Also where some scores do not come: those are no scores, and go last."""
    chains = tuple(chain(f"chain number {place} {prose('B')}") for place in range(9))

    async def ranked(**options: Any) -> tuple[Story, int]:
        def judge(request: Request) -> str:
            found = given_points[int(texts([request]).split("chain number ")[-1][0])]
            return "no score" if found is None else points(found)

        script = Script(rank=judge)
        return await rank(Story(question(), chains, tier=Tier.EASY), team(script, rank={"seed": seed, **options})), len(
            script.asked
        )

    whole, asked = await ranked()
    stopped, fewer = await ranked(stop_when_decided=True)
    assert stopped.kept == whole.kept
    assert fewer <= asked
    scored = [place for place, one in enumerate(stopped.chains) if one.score is not None]
    assert all(stopped.chains[place] == whole.chains[place] for place in scored)


async def test_scoring_stops_at_the_highest_score() -> None:
    script = world(set(range(9)))
    script.replies["rank"] = points(5)
    done = await story(script, rank={"stop_when_decided": True})
    assert len(script.of("rank")) == 2
    assert [one.score for one in done.chains].count(5) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"verify": {"steps": "kept"}}, "the next best one takes its place"),
        ({"rank": {"model": None, "scorer": "there"}}, "a scorer's chances"),
    ],
)
def test_scoring_does_not_stop_where_the_other_scores_are_needed(options: dict[str, Any], said: str) -> None:
    options["rank"] = {**options.get("rank", {}), "stop_when_decided": True}
    with pytest.raises(RecipeError, match=said):
        recipe(**options)


def test_the_identity_of_a_run_that_scores_all_is_what_it_was() -> None:
    plain, stops = identity_of(recipe()), identity_of(recipe(rank={"stop_when_decided": True}))
    assert plain == identity_of(recipe(rank={"stop_when_decided": False})) != stops
    assert "stop_when_decided" not in str(plain["stages"]["rank"])  # type: ignore[index]
