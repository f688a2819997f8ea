from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from reasonmed.errors import RequestRejected
from reasonmed.exchange import Completion, Request
from reasonmed.pipeline.stages.optimize import optimize
from reasonmed.pipeline.stages.rank import rank
from reasonmed.pipeline.stages.refine import refine
from reasonmed.types import Kept, Story, Tier
from support import WORDS, Script, judged_story, prose, score, team, texts, verdict

EASY, MEDIUM = "eecccccce", "eeeeeeccc"


async def ranked(outcomes: str, script: Script, **options: Any) -> Story:
    return await rank(judged_story(outcomes), team(script, rank=options))


async def test_the_best_scores_are_kept() -> None:
    points = {"text 2": 1, "text 3": 5, "text 4": 2, "text 5": 4, "text 6": 0, "text 7": 3}

    def answer(request: Request) -> str:
        return score(next(points[name] for name in points if name in texts([request])))

    story = await ranked(EASY, Script(rank=answer))
    assert story.kept is not None
    assert [one.parent for one in story.kept] == [3, 5]
    assert [one.score for one in story.chains] == [None, None, 1, 5, 2, 4, 0, 3, None]


async def test_only_correct_chains_are_ranked() -> None:
    script = Script(rank=score(3))
    await ranked(EASY, script)
    assert len(script.asked) == 6


async def test_no_more_correct_chains_than_wanted_are_kept_without_a_request() -> None:
    script = Script(rank=score(3))
    story = await ranked("eeeeeeecc", script)
    assert story.kept is not None
    assert [one.parent for one in story.kept] == [7, 8]
    assert script.asked == []
    none = await ranked("eeeeeeeee", script)
    assert none.kept == ()


async def test_of_equal_texts_one_is_kept_and_graded() -> None:
    story = judged_story("cccce")
    text = story.chains[1].text
    copies = (story.chains[0], *(replace(story.chains[1], text=f" {text}\n", sample=one) for one in range(3)))
    script = Script(rank=score(3))
    done = await rank(replace(story, chains=copies), team(script))
    assert sorted(one.parent or 0 for one in done.kept or ()) == [0, 1]
    assert script.asked == []


async def test_rewrites_that_become_equal_are_kept_once_and_the_other_is_dropped_with_the_reason() -> None:
    script = Script(refine=prose("B"), optimize=[prose("B"), prose("B").replace(" ", "  ")], verify=verdict())
    story = await rank(judged_story(MEDIUM), team(script))
    for stage in (refine, optimize):
        done = await stage(story, team(script, optimize={"blind": False}))
        assert len(story.kept or ()) == 2
        assert len(done.kept or ()) == 1
        assert len(done.rewrites) == 2
        assert [one.reason for one in done.dropped] == ["its text is that of another kept chain"]
        assert done.failure is None


async def test_ties_are_broken_by_a_seed_and_favor_no_place() -> None:
    first = await ranked(EASY, Script(rank=score(3)), seed=1)
    again = await ranked(EASY, Script(rank=score(3)), seed=1)
    assert first.kept == again.kept
    winners = set()
    for seed in range(40):
        story = await ranked(EASY, Script(rank=score(3)), seed=seed)
        winners |= {one.parent for one in story.kept or ()}
    assert winners == {2, 3, 4, 5, 6, 7}


async def test_a_score_that_does_not_come_goes_last_and_is_not_zero() -> None:
    def answer(request: Request) -> str:
        return "no score" if "text 3" in texts([request]) else score(0)

    story = await ranked("eeeeeeccc".replace("eee", "cce", 1), Script(rank=answer))
    assert story.kept is not None
    unscored = [index for index, one in enumerate(story.chains) if one.outcome == "correct" and one.score is None]
    assert not {one.parent for one in story.kept} & set(unscored)


async def refined(script: Script, **options: Any) -> Story:
    story = replace(judged_story(MEDIUM), tier=Tier.MEDIUM)
    kept = (Kept(text="text 6", model="m", parent=6, verdict=story.chains[6].verdict),)
    return await refine(replace(story, kept=kept), team(script, refine=options))


async def test_the_editor_gets_the_reasons_against_the_failed_chains() -> None:
    script = Script(refine=prose("B"), verify=verdict())
    story = await refined(script)
    prompt = texts(script.of("refine"))
    assert [f"reason {number}" in prompt for number in range(9)] == [True] * 6 + [False] * 3
    assert story.kept is not None
    assert (story.kept[0].origin, story.kept[0].verified, story.kept[0].flags) == ("refine", True, ())


@pytest.mark.parametrize(
    ("rewrite", "judgment", "problem"),
    [
        (prose("A"), verdict(), "it concludes A"),
        (WORDS, verdict(), "it names no answer"),
        (f"As the given answer says, {prose('B')}", verdict(), "gives away"),
        (f"Unlike previous attempts, {prose('B')}", verdict(), "gives away"),
        (prose("B"), verdict("Error", "still wrong"), "the judge says error: still wrong"),
        (prose("B"), "no verdict", "the judge says undecided"),
        ("", verdict(), "no rewrite came: empty"),
        (RequestRejected("too long", "context"), verdict(), "no rewrite came: context"),
    ],
)
async def test_a_rewrite_that_fails_a_check_leaves_the_verified_original(
    rewrite: str | Exception, judgment: str, problem: str
) -> None:
    story = await refined(Script(refine=rewrite, verify=judgment))
    assert story.kept is not None
    assert story.kept[0].text == "text 6"
    assert story.kept[0].flags == ("not_refined",)
    assert story.kept[0].verified
    assert problem in (story.rewrites[0].problem or "")


async def test_a_second_round_learns_from_the_first() -> None:
    script = Script(refine=prose("B"), verify=[verdict("Error", "dose is wrong"), verdict()])
    story = await refined(script, rounds=3)
    assert story.kept is not None
    assert story.kept[0].origin == "refine"
    assert "dose is wrong" in texts([script.of("refine")[1]])
    assert len(story.rewrites) == 2


async def test_without_verification_a_rewrite_is_flagged() -> None:
    script = Script(refine=prose("B"))
    story = await refined(script, verify=False)
    assert script.of("verify") == []
    assert story.kept is not None
    assert story.kept[0].flags == ("unverified",)
    assert not story.kept[0].verified


async def optimized(script: Script, outcomes: str = "eeeeeeeec", **options: Any) -> Story:
    story = replace(judged_story(outcomes), tier=Tier.DIFFICULT)
    return await optimize(story, team(script, optimize={"blind": True, **options}))


async def test_the_author_writes_from_the_correct_chain_with_all_reasons() -> None:
    script = Script(optimize=prose("B"), verify=verdict(), blind="Answer: B")
    story = await optimized(script)
    prompt = texts(script.of("optimize"))
    assert "text 8" in prompt
    assert all(f"reason {number}" in prompt for number in range(8))
    assert story.failure is None
    assert story.kept is not None
    assert (story.kept[0].origin, story.kept[0].parent, story.kept[0].verified) == ("optimize", 8, True)


async def test_without_a_correct_chain_the_best_wrong_one_is_the_draft() -> None:
    wrong = judged_story("eeeeeeeee")
    chains = tuple(replace(one, answer=1) if index == 4 else one for index, one in enumerate(wrong.chains))
    script = Script(optimize=prose("B"), verify=verdict(), blind="Answer: B")
    story = await optimize(replace(wrong, chains=chains, tier=Tier.DIFFICULT), team(script, optimize={"blind": True}))
    assert "text 4" in texts(script.of("optimize"))
    assert "reason 4" in texts(script.of("optimize"))
    assert story.kept is not None


async def test_the_blind_reader_sees_neither_key_nor_conclusion() -> None:
    body = "\n".join(f"{number}. " + WORDS.replace("word", f"part{number}x") for number in range(1, 6))
    written = f"{body}\n6. Conclusion: the answer is B. Warfarin.\n\nAnswer: B. Warfarin"
    script = Script(optimize=written, verify=verdict(), blind="Answer: B")
    await optimized(script)
    (request,) = script.of("blind")
    prompt = texts([request])
    assert "Correct answer" not in prompt
    assert "Conclusion" not in prompt
    assert "Answer: B" not in prompt
    assert request.model != script.of("optimize")[0].model


@pytest.mark.parametrize(
    ("blind", "problem"),
    [
        ("Answer: A", "the blind reader reached A from the reasoning alone"),
        ("Answer: none", "reached no option"),
        (Completion("", finish_reason="content_filter"), "gave no usable reply: filtered"),
    ],
)
async def test_a_blind_reader_who_does_not_reach_the_key_ends_the_attempt(
    blind: str | Completion, problem: str
) -> None:
    story = await optimized(Script(optimize=prose("B"), verify=verdict(), blind=blind), rounds=2)
    assert story.failure is not None
    assert story.failure.reason == "unverified"
    assert problem in story.failure.detail
    assert len(story.rewrites) == 2
    assert story.kept == ()


async def test_a_chain_that_is_nothing_but_a_conclusion_fails_the_blind_check() -> None:
    bare = f"The answer is B, since {WORDS}.\n\nAnswer: B"
    story = await optimized(Script(optimize=bare, verify=verdict(), blind="Answer: B"), rounds=1)
    assert story.failure is not None
    assert "no reasoning left" in story.failure.detail


async def test_without_verification_the_record_is_kept_and_flagged() -> None:
    script = Script(optimize=WORDS)
    story = await optimized(script, verify=False, blind=False)
    assert script.of("verify") == []
    assert story.kept is not None
    assert story.kept[0].flags == ("unverified",)


async def test_without_verification_a_contradiction_is_still_not_kept() -> None:
    story = await optimized(Script(optimize=prose("A")), verify=False, blind=False)
    assert story.failure is not None
    assert "it concludes A" in story.failure.detail


async def test_no_author_is_a_failure_of_its_own() -> None:
    story = await optimize(judged_story("eeeeeeeee"), team(Script(), optimize=None))
    assert story.failure is not None
    assert story.failure.reason == "no_optimizer"
