"""Votes are kept, taken back, merged and never written over."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reasonmed.errors import RunDirectoryError
from reasonmed.runs.reviews import Reviews, Vote, target_of, targets_of
from reasonmed.runs.reviews.store import edition
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


def test_every_change_of_the_file_and_every_other_file_is_another_edition(tmp_path: Path) -> None:
    path = tmp_path / "reviews.db"
    seen = [edition(path)]
    assert seen == [None]
    for round_ in range(2):
        path.unlink(missing_ok=True)
        with closing(Reviews(path)) as kept:
            seen.append(edition(path))
            kept.add(_vote(at=float(round_)))
            seen.append(edition(path))
            kept.take_back("Dr. A", 9.0)
            seen.append(edition(path))
    assert len(set(seen)) == len(seen)


def test_a_file_that_cannot_be_written_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "reviews.db"
    Reviews(path).close()
    with closing(Reviews(path, read_only=True)) as kept, pytest.raises(RunDirectoryError, match="can be written"):
        kept.add(_vote())


def test_a_file_that_is_being_made_has_no_votes_yet(tmp_path: Path) -> None:
    path = tmp_path / "reviews.db"
    path.touch(mode=0o600)
    with closing(Reviews(path, read_only=True)) as kept:
        assert kept.votes() == []
    with closing(Reviews(path)) as kept:
        assert kept.add(_vote())


def test_a_vote_that_was_cut_off_is_taken_back_by_the_next_reader(tmp_path: Path) -> None:
    path, cut = tmp_path / "reviews.db", tmp_path / "cut"
    with closing(Reviews(path)) as kept:
        kept.add(_vote())
    cut.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.executescript("PRAGMA cache_size = 1; BEGIN IMMEDIATE;")
        for number in range(40):
            writer.execute("INSERT INTO drafts VALUES (?, 'x', ?)", (str(number), "text" * 2_000))
        for one in tmp_path.glob("reviews.db*"):
            shutil.copy(one, cut)
    assert (cut / "reviews.db-journal").exists()
    with closing(Reviews(cut / "reviews.db", read_only=True)) as kept:
        assert kept.votes() == [_vote()]
