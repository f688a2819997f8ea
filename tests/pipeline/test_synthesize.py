from __future__ import annotations

import pytest

from reasonmed.exchange import Request
from reasonmed.pipeline.synthesize import synthesize
from reasonmed.types import Story, Tier
from support import Script, own_prose, prose, question, team, texts, verdict
from support import score as points


def judge_by_answer(request: Request) -> str:
    said = texts([request]).rsplit("Answer: ", 1)[-1][:1]
    return verdict("Correct" if said == "B" else "Error", f"it says {said}")


def world(right: int) -> Script:
    """Chains of which the first so many are right; wrong ones disagree with each other."""
    counts = {"n": 0}

    def write(request: Request) -> str:
        counts["n"] += 1
        return own_prose("B" if counts["n"] <= right else "ACD"[counts["n"] % 3])(request)

    return Script(
        generate=write,
        verify=judge_by_answer,
        rank=points(3),
        refine=own_prose("B"),
        optimize=prose("B"),
        consensus=verdict(),
    )


async def story(right: int, script: Script | None = None) -> tuple[Story, Script]:
    script = script or world(right)
    return await synthesize(Story(question()), team(script)), script


@pytest.mark.parametrize(
    ("right", "tier", "records", "stages"),
    [
        (9, Tier.EASY, 2, {"generate": 9, "verify": 9, "rank": 9, "summarize": 2}),
        (5, Tier.EASY, 2, {"generate": 9, "verify": 9, "rank": 5, "summarize": 2}),
        (4, Tier.MEDIUM, 2, {"generate": 9, "verify": 11, "rank": 4, "refine": 2, "summarize": 2}),
        (2, Tier.MEDIUM, 2, {"generate": 9, "verify": 11, "refine": 2, "summarize": 2}),
        (1, Tier.DIFFICULT, 1, {"generate": 9, "verify": 10, "optimize": 1, "summarize": 1}),
        (0, Tier.DIFFICULT, 1, {"generate": 9, "verify": 10, "optimize": 1, "summarize": 1}),
    ],
)
async def test_every_tier_takes_its_way(right: int, tier: Tier, records: int, stages: dict[str, int]) -> None:
    done, script = await story(right)
    assert done.tier == tier
    assert done.failure is None
    assert len(done.kept or ()) == records
    assert {name: len(script.of(name)) for name in {request.stage for request in script.asked}} == stages


@pytest.mark.parametrize(
    ("right", "way", "tier", "records", "later"),
    [
        (9, "all_difficult", Tier.EASY, 1, {"optimize": 1, "summarize": 1}),
        (4, "all_difficult", Tier.MEDIUM, 1, {"optimize": 1, "summarize": 1}),
        (4, "all_easy", Tier.MEDIUM, 2, {"rank": 4, "summarize": 2}),
        (0, "all_easy", Tier.DIFFICULT, 0, {}),
    ],
)
async def test_all_questions_go_one_way_and_keep_their_tiers(
    right: int, way: str, tier: Tier, records: int, later: dict[str, int]
) -> None:
    script = world(right)
    done = await synthesize(Story(question()), team(script, route={"way": way}))
    assert (done.tier, len(done.kept or ())) == (tier, records)
    stages = {name: len(script.of(name)) for name in ("rank", "refine", "optimize", "summarize")}
    assert {name: count for name, count in stages.items() if count} == later
    assert (done.failure is None) == (records > 0), "a question has a record or a failure"


@pytest.mark.parametrize("right", [9, 4])
async def test_a_model_that_repeats_itself_fills_one_place(right: int) -> None:
    script = world(right)
    write = script.replies["generate"]
    assert callable(write)
    script.replies["generate"] = lambda request: prose(write(request)[-1])
    script.replies["refine"] = own_prose("B")
    done, _ = await story(right, script)
    assert done.tier == (Tier.EASY if right == 9 else Tier.MEDIUM)
    assert len(done.kept or ()) == 1


async def test_the_same_replies_give_the_same_story() -> None:
    first, _ = await story(4)
    again, _ = await story(4)
    assert first == again


async def test_a_story_that_fails_early_asks_nothing_more() -> None:
    done, script = await story(9, Script(generate=""))
    assert done.failure is not None
    assert {request.stage for request in script.asked} == {"generate"}


async def test_a_question_without_a_key_goes_the_whole_way_on_a_consensus() -> None:
    script = world(9)
    done = await synthesize(Story(question(answer=None)), team(script))
    assert done.question.answer == 1
    assert done.question.answer_source == "consensus"
    assert len(done.kept or ()) == 2
