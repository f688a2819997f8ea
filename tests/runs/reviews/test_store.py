"""Votes are kept, taken back, merged and never written over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reasonmed.errors import RunDirectoryError
from reasonmed.runs.reviews import Reviews, Vote, target_of, targets_of
from support import judged_story


def _vote(target: str = "q1#1", reviewer: str = "Dr. A", at: float = 1.0, **others: Any) -> Vote:
    return Vote(target=target, text_hash="h", reviewer=reviewer, at=at, **{"decision": "accept", **others})


def test_the_last_vote_of_each_reviewer_counts_and_all_are_kept(tmp_path: Path) -> None:
    with closing(Reviews(tmp_path / "reviews.db")) as kept:
        first, second, other = _vote(), _vote(at=2.0, decision="reject"), _vote(reviewer="Dr. B", at=1.5)
        assert [kept.add(one) for one in (first, second, other)] == [True, True, True]
        assert kept.votes() == [other, second]
        assert kept.history("q1#1") == [(first, None), (other, None), (second, None)]


def test_undo_brings_the_vote_before_back(tmp_path: Path) -> None:
    with closing(Reviews(tmp_path / "reviews.db")) as kept:
        first, second = _vote(), _vote(at=2.0, decision="reject")
        kept.merge([first, second])
        assert kept.take_back("Dr. A", 3.0) == second
        assert kept.votes() == [first]
        assert kept.take_back("Dr. A", 4.0) == first
        assert kept.take_back("Dr. A", 5.0) is None


def test_merging_a_file_again_changes_nothing(tmp_path: Path) -> None:
    with closing(Reviews(tmp_path / "reviews.db")) as kept:
        votes = [_vote(), _vote("q2#1")]
        assert kept.merge(votes) == (2, 0)
        kept.take_back("Dr. A", 9.0)
        assert kept.merge(votes) == (0, 2)
        assert len(kept.votes()) == 1


def test_a_merge_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    def votes() -> Iterator[Vote]:
        yield _vote()
        raise KeyboardInterrupt

    with closing(Reviews(tmp_path / "reviews.db")) as kept:
        with pytest.raises(KeyboardInterrupt):
            kept.merge(votes())
        assert kept.votes() == []
        assert kept.merge([_vote()]) == (1, 0)


def test_what_is_no_file_of_votes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reviews.db"
    path.write_text("no database at all, but long enough to be looked at" * 40)
    with pytest.raises(RunDirectoryError, match="no file of votes"):
        Reviews(path)
    assert Reviews(tmp_path / "none.db", read_only=True).votes() == []
    assert not (tmp_path / "none.db").exists()


def test_a_changed_text_or_key_has_another_hash() -> None:
    story, other_key = judged_story("ce"), judged_story("ce", answer=2)
    first = targets_of(story)[0]
    assert first.id == "q1/chain-1"
    assert target_of(story, "q1/chain-1") == first
    assert target_of(other_key, "q1/chain-1") != first
    assert target_of(story, "q2/chain-1") is None
