from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.errors import UsageError
from reasonmed.export import parse_shares
from reasonmed.export._splits import split_of_questions
from reasonmed.questions.normal import stem_hash
from reasonmed.types import Question, Story, Tier

TIERS = (Tier.EASY, Tier.MEDIUM, Tier.DIFFICULT)


def story(number: int, stem: str | None = None, *, split: str | None = None) -> Story:
    source = f"source {number % 2}"
    asked = Question(f"q{number}", stem or f"Stem number {number}?", ("a", "b"), 0, source=source, split=split)
    return Story(asked, tier=TIERS[number % 3])


def test_shares_are_met_in_every_source_and_tier() -> None:
    stories = [story(number) for number in range(600)]
    found = split_of_questions(stories, (0.8, 0.1, 0.1), 0)
    assert Counter(found.values()) == {"train": 480, "validation": 60, "test": 60}
    for source in ("source 0", "source 1"):
        for tier in TIERS:
            own = Counter(
                found[one.question.id] for one in stories if (one.question.source, one.tier) == (source, tier)
            )
            assert 78 <= own["train"] <= 82
            assert 9 <= own["test"] <= 11


@given(st.lists(st.integers(0, 20), max_size=80), st.integers(0, 5))
def test_no_stem_is_in_two_splits_however_it_is_dressed(stems: list[int], seed: int) -> None:
    dressed = [
        f"Which drug, number {stem}?" if number % 2 else f"which DRUG number {stem}"
        for number, stem in enumerate(stems)
    ]
    stories = [story(number, text) for number, text in enumerate(dressed)]
    found = split_of_questions(stories, (0.5, 0.25, 0.25), seed)
    assert found.keys() == {one.question.id for one in stories}
    where: dict[str, set[str]] = {}
    for one in stories:
        where.setdefault(stem_hash(one.question), set()).add(found[one.question.id])
    assert all(len(splits) == 1 for splits in where.values())


def test_a_seed_gives_the_same_split_and_another_seed_another_one() -> None:
    stories = [story(number) for number in range(100)]
    first, again, other = (split_of_questions(stories, (0.5, 0.25, 0.25), seed) for seed in (1, 1, 2))
    assert first == again != other
    assert Counter(first.values()) == Counter(other.values())


def test_what_the_question_file_holds_out_stays_held_out_with_all_that_share_its_stem() -> None:
    stories = [
        story(0, "Shared stem?"), story(1, "shared STEM", split="test"), story(2, split="dev"), story(3, split="train"),
        story(4, "Both?", split="validation"), story(5, "both", split="test"),
    ]  # fmt: skip
    found = split_of_questions(stories, (1.0, 0.0, 0.0), 0)
    assert found == {"q0": "test", "q1": "test", "q2": "validation", "q3": "train", "q4": "test", "q5": "test"}
    redrawn = split_of_questions(stories, (1.0, 0.0, 0.0), 0, redraw=True)
    assert set(redrawn.values()) == {"train"}


@pytest.mark.parametrize("text", ["0.9", "0.9,0.2,0.1", "a,b,c", "1.1,-0.1,0", "", "0.5,0.5", "nan,0.5,0.5"])
def test_shares_that_do_not_add_up_are_refused_with_the_mend(text: str) -> None:
    with pytest.raises(UsageError, match=r"add up to 1, as 0\.9,0\.05,0\.05"):
        parse_shares(text)


def test_shares_are_read() -> None:
    assert parse_shares("0.9,0.05,0.05") == (0.9, 0.05, 0.05)
