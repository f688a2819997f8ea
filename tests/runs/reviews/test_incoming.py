"""Votes that come back: whole or not at all, once, and what is said of texts that are gone."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.documents import decoded, json_text
from reasonmed.errors import UsageError
from reasonmed.parsing.step_labels import TYPES
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.reviews import DECISIONS, FILE, Fault, QueueWanted, Reviews, Vote
from reasonmed.runs.reviews.incoming import VOTES, VotesFile, merge_file
from reasonmed.runs.reviews.pack import PackedText, PackWanted, packs_of


@pytest.fixture
def run(run26: RunDirectory, tmp_path: Path) -> RunDirectory:
    return RunDirectory(shutil.copytree(run26.path, tmp_path / "run"))


@pytest.fixture
def texts(run26: RunDirectory) -> tuple[PackedText, ...]:
    (pack,) = packs_of(run26, PackWanted(QueueWanted(size=4)))
    return pack.texts


def _vote(text: PackedText, **others: Any) -> Vote:
    given = {"reviewer": "Dr. A", "decision": "accept", "at": 1.0, "drawn": "audit", "text_hash": text.text_hash}
    return Vote(**{"target": text.target, **given, **others})


def _file(tmp_path: Path, *votes: Vote) -> Path:
    path = tmp_path / "votes-a.json"
    path.write_text(json_text(VotesFile(pack="p", votes=votes)), encoding="utf-8")
    return path


def _kept(run: RunDirectory) -> list[Vote]:
    with closing(Reviews(run.path / FILE, read_only=True)) as reviews:
        return reviews.votes()


def test_a_file_is_merged_and_the_same_file_again_changes_nothing(
    run: RunDirectory, texts: tuple[PackedText, ...], tmp_path: Path
) -> None:
    votes = [_vote(texts[0]), _vote(texts[1], decision="reject", reason="no"), _vote(texts[0], reviewer="Dr. B")]
    path = _file(tmp_path, *votes)
    assert merge_file(run, path) == (3, 0, {"Dr. A": 2, "Dr. B": 1}, [], 0)
    assert merge_file(run, path) == (0, 3, {"Dr. A": 2, "Dr. B": 1}, [], 0)
    assert sorted(_kept(run), key=str) == sorted(votes, key=str)


def test_votes_on_what_is_gone_or_changed_are_kept_and_named(
    run: RunDirectory, texts: tuple[PackedText, ...], tmp_path: Path
) -> None:
    gone, changed = _vote(texts[0], target="nobody-07#1"), _vote(texts[1], text_hash="another")
    merged = merge_file(run, _file(tmp_path, gone, changed, _vote(texts[2])))
    assert merged.stale == sorted([gone.target, changed.target])
    assert len(_kept(run)) == 3


def test_a_file_that_was_cut_anywhere_is_refused_and_nothing_of_it_is_merged(
    run: RunDirectory, texts: tuple[PackedText, ...], tmp_path: Path
) -> None:
    path = _file(tmp_path, _vote(texts[0]), _vote(texts[1]))
    whole = path.read_bytes().rstrip()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        with pytest.raises(UsageError, match=r"votes-a\.json is no file of votes"):
            merge_file(run, path)
    assert not (run.path / FILE).exists()


_ONE = {"target": "q1#1", "text_hash": "h", "reviewer": "A", "decision": "accept", "at": 1.0}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "object"),
        ("{}", "votes_version"),
        ('{"votes_version": 2, "pack": "p", "votes": []}', "its votes_version is 2, and this version reads 1"),
        ('{"votes_version": true, "pack": "p", "votes": []}', "votes_version is True"),
        ('{"votes_version": 1, "pack": "p"}', "it has no `votes`"),
        (json.dumps({"votes_version": 1, "pack": "p", "votes": [{**_ONE, "decision": "maybe"}]}), "decision"),
        (json.dumps({"votes_version": 1, "pack": "p", "votes": [{**_ONE, "reviewer": "A" * 201}]}), "reviewer"),
        (json.dumps({"votes_version": 1, "pack": "p", "votes": [{**_ONE, "at": 1e300}]}), "at"),
        (json.dumps({"votes_version": 1, "pack": "p", "votes": [_ONE]}), "none of its 1 questions is in"),
        ('{"votes_version": 1, "pack": "p", "votes": ' + "[" * 5000 + "]" * 5000 + "}", "nested|depth|array|votes"),
        ('{"votes_version": 1, "pack": "\\ud800", "votes": []}', "surrogate"),
        ("<!doctype html>", "JSON"),
    ],
)
def test_what_is_no_file_of_votes_is_refused_with_the_reason(
    run: RunDirectory, tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "votes.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=rf"votes\.json is no file of votes.*(?:{said}).*nothing of it was merged"):
        merge_file(run, path)


def test_a_file_beyond_all_reason_is_refused_unread(run: RunDirectory, tmp_path: Path) -> None:
    path = tmp_path / "votes.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="larger than 16 MB"):
        merge_file(run, path)
    with pytest.raises(UsageError, match="no such file"):
        merge_file(run, tmp_path / "none.json")
    with pytest.raises(UsageError, match="no regular file"):
        merge_file(run, tmp_path)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"key_is_wrong": True, "key": "Z"}, "its key is 'Z', and the options are A, B, C, D"),
        ({"faults": (Fault(5, 5),)}, "marks characters 5 to 5"),
        ({"faults": (Fault(0, 10**9),)}, "marks characters 0 to 1000000000, and the text has"),
        ({"reviewer": " \n\t "}, "no reviewer's name"),
    ],
)
def test_one_vote_that_cannot_be_keeps_the_whole_file_out(
    run: RunDirectory, texts: tuple[PackedText, ...], tmp_path: Path, others: dict[str, Any], said: str
) -> None:
    path = _file(tmp_path, _vote(texts[0]), _vote(texts[1], **others))
    with pytest.raises(UsageError, match=f"vote 2, on '{texts[1].target}': .*{said}"):
        merge_file(run, path)
    assert _kept(run) == []


def test_an_unknown_type_of_fault_is_dropped_and_counted(
    run: RunDirectory, texts: tuple[PackedText, ...], tmp_path: Path
) -> None:
    known = next(iter(TYPES))
    vote = _vote(texts[0], decision="reject", error_type="new", faults=(Fault(0, 3, "other"), Fault(3, 5, known)))
    assert merge_file(run, _file(tmp_path, vote)).unnamed == 2
    (kept,) = _kept(run)
    assert kept.error_type is None
    assert kept.faults == (Fault(0, 3), Fault(3, 5, known))


def test_a_name_is_one_line_that_nothing_obeys(
    run: RunDirectory, texts: tuple[PackedText, ...], tmp_path: Path
) -> None:
    name = "  Dr.\n A\x1b[31m\u202e "
    assert list(merge_file(run, _file(tmp_path, _vote(texts[0], reviewer=name))).by) == ["Dr. A\ufffd[31m\ufffd"]
    for written in ("Dr. Ärz", "dr.  A\u0308RZ"):
        assert list(merge_file(run, _file(tmp_path, _vote(texts[1], reviewer=written))).by) == ["Dr. Ärz"]


def test_a_file_of_a_crowd_is_refused(run: RunDirectory, texts: tuple[PackedText, ...], tmp_path: Path) -> None:
    crowd = [_vote(texts[0], reviewer=f"Dr. {number}") for number in range(101)]
    with pytest.raises(UsageError, match="votes of 101 reviewers, and one file may have 100"):
        merge_file(run, _file(tmp_path, *crowd))


_text = st.text(max_size=8)
_faults = st.builds(
    Fault,
    start=st.integers(0, 1 << 52),
    end=st.integers(0, 1 << 52),
    type=st.none() | st.sampled_from(sorted(TYPES)),
    note=_text,
)
_votes = st.builds(
    Vote,
    target=st.text(min_size=1, max_size=8),
    text_hash=st.text(min_size=1, max_size=8),
    reviewer=st.text(min_size=1, max_size=8),
    decision=st.sampled_from(DECISIONS),
    at=st.floats(-1e14, 1e14),
    role=_text,
    drawn=st.sampled_from(["audit", "disagreement", "uncertain", "chosen"]),
    reason=_text,
    error_type=st.none() | _text,
    faults=st.lists(_faults, max_size=3).map(tuple),
    key_is_wrong=st.booleans(),
    key=st.text(max_size=1),
    ambiguous=st.booleans(),
    note=_text,
    text=st.none() | _text,
    response=st.none() | _text,
)


@settings(max_examples=40)
@given(st.lists(_votes, max_size=2))
def test_votes_travel_as_json_and_come_back_as_they_were(votes: list[Vote]) -> None:
    content = VotesFile(pack="p", votes=tuple(votes))
    assert decoded(json_text(content).encode(), VotesFile) == content
    assert msgspec.json.decode(msgspec.json.encode(content), type=VOTES.shape) == content
