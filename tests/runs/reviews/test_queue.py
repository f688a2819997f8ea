"""Which texts come before a reviewer, in which order, and whether the way they were drawn is told as it was."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.reviews import Queued, QueueWanted, Vote, queue_of, standing, state_of, strata_of, targets_of
from reasonmed.runs.reviews.queue import _disagreement, _uncertainty
from reasonmed.types import Opinion, Step, Verdict
from support import judged_story

KINDS = ("audit", "disagreement", "uncertain", "chosen")
few = settings(max_examples=25)


def _vote(one: Queued, reviewer: str = "Dr. A", **others: Any) -> Vote:
    given = {"decision": "accept", "at": 1.0, "drawn": one.drawn, "text_hash": one.hash, **others}
    return Vote(target=one.target, reviewer=reviewer, **given)


def _names(run: RunDirectory) -> list[str]:
    with closing(run.reader()) as ledger:
        return [name for name, _ in ledger.records()]


@few
@given(st.integers(0, 99), st.integers(0, 30), st.integers(0, 30), st.booleans())
def test_a_larger_random_sample_begins_with_the_smaller_one(
    run26: RunDirectory, seed: int, one: int, more: int, chains: Any
) -> None:
    wanted = QueueWanted("audit", one, seed=seed, chains=chains)
    smaller, larger = queue_of(run26, wanted), queue_of(run26, wanted._replace(size=one + more))
    assert larger[: len(smaller)] == smaller
    assert {each.drawn for each in larger} <= {"audit"}


@few
@given(st.sampled_from(KINDS), st.integers(0, 40), st.booleans(), st.sampled_from([0, 2, 5]), st.integers(0, 9))
def test_nothing_is_asked_twice_and_each_text_says_how_it_was_drawn(
    run26: RunDirectory, kind: Any, count: int, chains: Any, every: int, seed: int
) -> None:
    names = tuple(_names(run26))
    wanted = QueueWanted(kind, count, seed=seed, chains=chains, questions=names, audit_every=every)
    queue = queue_of(run26, wanted)
    assert len({one.target for one in queue}) == len(queue)
    assert queue == queue_of(run26, wanted)
    assert {one.drawn for one in queue} <= {kind, "audit"}
    drawn = [one for one in queue if one.drawn == "audit"]
    if drawn:
        assert drawn == queue_of(run26, QueueWanted("audit", len(drawn), seed=seed, chains=chains))
    assert all(("/chain-" in one.target) == chains for one in queue)


def test_a_share_is_a_share_of_all_and_of_chains_each_outcome_has_its_part(run26: RunDirectory) -> None:
    everything = queue_of(run26, QueueWanted("audit"))
    assert len(queue_of(run26, QueueWanted("audit", share=0.5))) == round(len(everything) / 2)
    strata = strata_of(queue_of(run26, QueueWanted("audit", 12, chains=True)))
    assert len(strata) > 1
    assert max(strata.values()) - min(strata.values()) <= 1


def test_it_is_said_how_far_the_reading_is(run26: RunDirectory) -> None:
    heard: list[tuple[int, int]] = []
    queue_of(run26, QueueWanted("uncertain"), said=lambda done, total: heard.append((done, total)))
    assert heard[-1] == (26, 26)


votes = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["accept", "reject", "edit", "defer"]), st.sampled_from("AB")),
    max_size=14,
)


@given(votes)
def test_what_was_deferred_comes_last_and_what_was_decided_never_again(given: list[tuple[int, Any, str]]) -> None:
    queue = [Queued(f"q{number}#1", f"q{number}", "h", "audit", "correct") for number in range(10)]
    last = {
        (number, who): _vote(queue[number], who, decision=said, at=float(at))
        for at, (number, said, who) in enumerate(given)
    }
    found = standing(queue, last.values(), "A")
    own = {number: vote for (number, who), vote in last.items() if who == "A"}
    deferred = sorted((vote.at, vote.target) for vote in own.values() if vote.decision == "defer")
    assert found.done == len(own) - len(deferred)
    assert found.deferred == len(deferred)
    assert [one.target for one in found.left[len(found.left) - len(deferred) :]] == [name for _, name in deferred]
    untouched = [one for number, one in enumerate(queue) if number not in own]
    assert found.left[: len(untouched)] == untouched


def test_a_changed_text_is_asked_again_and_so_is_one_that_was_not_drawn_at_random_then() -> None:
    one = Queued("q#1", "q", "h", "audit", "correct")
    assert standing([one], [_vote(one)], "Dr. A").done == 1
    assert standing([one], [_vote(one, text_hash="older")], "Dr. A").left == [one]
    assert standing([one], [_vote(one, drawn="chosen")], "Dr. A").left == [one]
    assert standing([one._replace(drawn="chosen")], [_vote(one)], "Dr. A").done == 1


def test_texts_on_which_reviewers_disagree_come_first(run26: RunDirectory) -> None:
    last = queue_of(run26, QueueWanted("audit"))[-1]
    given = [_vote(last), _vote(last, "Dr. B", decision="reject")]
    assert queue_of(run26, QueueWanted("disagreement"), given)[0].target == last.target
    same = [_vote(last), _vote(last, "Dr. B")]
    assert last.target not in [one.target for one in queue_of(run26, QueueWanted("disagreement"), same)][:1]


def test_a_judge_that_is_contradicted_weighs_more_than_models() -> None:
    story = judged_story("ccce")
    right = targets_of(story)[0]
    assert right.verdict is not None
    against = Opinion("second", "error")
    doubted = right._replace(verdict=replace(right.verdict, opinions=(against,)))
    assert _disagreement(story, doubted) > _disagreement(story, right) > 0
    assert _disagreement(judged_story("cccc"), targets_of(judged_story("cccc"))[0]) == 0


@pytest.mark.parametrize(
    ("verdict", "unsure"),
    [
        (Verdict("correct"), False),
        (Verdict("error", steps=(Step(0, 5, "error"),)), False),
        (Verdict("undecided"), True),
        (Verdict("correct", conflict=True), True),
        (Verdict("correct", steps=(Step(0, 5, "ok"), Step(5, 9, "unsupported"))), True),
        (Verdict("correct", opinions=(Opinion("shuffled", "undecided"),)), True),
        (None, True),
    ],
)
def test_what_makes_a_judge_uncertain(verdict: Verdict | None, unsure: Any) -> None:
    story = judged_story("c")
    assert (_uncertainty(story, targets_of(story)[0]._replace(verdict=verdict)) > 0) == unsure


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ([], "none"),
        ([("accept", "h")], "accepted"),
        ([("defer", "h")], "deferred"),
        ([("reject", "old")], "stale"),
        ([("reject", "old"), ("accept", "h")], "accepted"),
        ([("defer", "h"), ("edit", "h")], "edited"),
        ([("reject", "h"), ("accept", "h")], "disputed"),
    ],
)
def test_what_votes_come_to(given: list[tuple[Any, str]], state: str) -> None:
    one = Queued("q#1", "q", "h", "chosen", "correct")
    cast = [_vote(one, str(number), decision=said, text_hash=of) for number, (said, of) in enumerate(given)]
    assert state_of(cast, "h") == state


def test_a_question_that_is_not_finished_is_not_asked(run26: RunDirectory) -> None:
    assert queue_of(run26, QueueWanted("chosen", questions=("nobody",))) == []
