"""Parts of a run, joined: the same bytes as one run."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from product import reasonmed_at
from reasonmed.recipe.shipped import resource
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.reviews import FILE, Reviews, Vote
from reasonmed.runs.shards import Shard, shard_of
from reasonmed.runs.status import status_of

RUN = ("-r", "scripted", "--max-failures", "100%")


@pytest.fixture(scope="module")
def questions() -> Path:
    return resource("examples", "questions.json")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, questions: Path) -> Path:
    """One run of all questions, and the same in three parts."""
    folder = tmp_path_factory.mktemp("parts")
    assert reasonmed_at(folder, "run", questions, *RUN, "-o", "whole").code == 0
    for number in (1, 2, 3):
        done = reasonmed_at(folder, "run", questions, *RUN, "--shard", f"{number}/3", "-o", f"part-{number}")
        assert done.code == 0, done.err
    return folder


@given(some.text(min_size=1), some.integers(1, 20))
def test_every_question_is_in_exactly_one_part(name: str, of: int) -> None:
    assert sum(Shard(number, of).has(name) for number in range(1, of + 1)) == 1


def test_parts_that_are_none_are_refused(tmp_path: Path, questions: Path) -> None:
    assert shard_of("3/16") == (3, 16)
    for wrong in ("0/3", "4/3", "1", "a/b", "-1/3", "1/0"):
        done = reasonmed_at(tmp_path, "run", questions, *RUN, "--shard", wrong)
        assert done.code == 2, wrong
        assert "I/N" in done.err


def test_merged_parts_are_the_bytes_of_one_run(parts: Path) -> None:
    done = reasonmed_at(parts, "merge", "part-2", "part-1", "part-3", "-o", "merged")
    assert done.code == 0, done.err
    for name in ("records.jsonl", "failures.jsonl"):
        assert (parts / "merged" / name).read_bytes() == (parts / "whole" / name).read_bytes()
    one, other = (status_of(RunDirectory(parts / name)) for name in ("merged", "whole"))
    assert (one.state, one.records, one.tiers, one.chains) == (other.state, other.records, other.tiers, other.chains)
    one_calls, other_calls = ({name: stage.calls for name, stage in found.stages.items()} for found in (one, other))
    assert one_calls.pop("score") >= other_calls.pop("score"), "each part scores a sample of its own records"
    assert one_calls == other_calls
    again = reasonmed_at(parts, "merge", "part-1", "part-2", "part-3", "-o", "merged")
    assert again.code == 0, again.err
    assert status_of(RunDirectory(parts / "merged")) == one


def test_votes_on_parts_are_votes_on_the_whole(parts: Path) -> None:
    vote = Vote(target="anatomy-01#1", text_hash="h", reviewer="Dr. A", decision="accept", at=1.0)
    with closing(Reviews(parts / "part-1" / FILE)) as kept:
        kept.add(vote)
    assert reasonmed_at(parts, "merge", "part-1", "part-2", "part-3", "-o", "voted").code == 0
    assert Reviews(parts / "voted" / FILE, read_only=True).votes() == [vote]


def test_a_merged_run_is_rebuilt_without_a_difference(parts: Path) -> None:
    reasonmed_at(parts, "merge", "part-1", "part-2", "part-3", "-o", "rebuilt")
    done = reasonmed_at(parts, "rebuild", "rebuilt")
    assert done.code == 0, done.err
    assert (parts / "rebuilt/records.jsonl").read_bytes() == (parts / "whole/records.jsonl").read_bytes()


def test_a_merge_without_all_scores_is_not_finished_and_the_whole_file_finishes_it(
    parts: Path, questions: Path, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        shutil.copytree(parts / f"part-{number}", tmp_path / f"part-{number}")
        with closing(sqlite3.connect(tmp_path / f"part-{number}" / "ledger.db")) as ledger:
            ledger.execute("DELETE FROM scores")
            ledger.execute("DELETE FROM calls WHERE stage = 'score'")
            ledger.commit()
    merged = reasonmed_at(tmp_path, "merge", "part-1", "part-2", "part-3", "-o", "all")
    assert "(scores are missing)" in merged.err, merged.out + merged.err
    assert status_of(RunDirectory(tmp_path / "all")).state == "drained"
    assert reasonmed_at(tmp_path, "run", questions, *RUN, "-o", "all").code == 0
    assert (tmp_path / "all/records.jsonl").read_bytes() == (parts / "whole/records.jsonl").read_bytes()


def test_missing_parts_are_named_and_the_whole_file_finishes_them(parts: Path, questions: Path) -> None:
    refused = reasonmed_at(parts, "merge", "part-1", "part-3", "-o", "two")
    assert refused.code == 2
    assert "parts 2/3 are missing" in refused.err
    assert reasonmed_at(parts, "merge", "part-1", "part-3", "-o", "two", "--partial").code == 0
    done = reasonmed_at(parts, "run", questions, *RUN, "-o", "two")
    assert done.code == 0, done.err
    assert (parts / "two/records.jsonl").read_bytes() == (parts / "whole/records.jsonl").read_bytes()


def test_a_part_of_another_recipe_or_file_is_refused(parts: Path, questions: Path) -> None:
    other = parts / "other.json"
    other.write_text(questions.read_text(encoding="utf-8").replace("anatomy-01", "anatomy-02"), encoding="utf-8")
    assert reasonmed_at(parts, "run", other, *RUN, "--limit", "2", "-o", "foreign").code == 0
    done = reasonmed_at(parts, "merge", "part-1", "foreign", "-o", "mixed", "--partial")
    assert done.code == 2
    assert "another question file" in done.err
    assert not (parts / "mixed").exists()


def test_a_part_that_is_being_written_is_refused(parts: Path) -> None:
    folder = RunDirectory(parts / "part-1")
    with folder.writing(folder.manifest()):
        done = reasonmed_at(parts, "merge", "part-1", "part-2", "part-3", "-o", "held")
    assert "is being written by pid" in done.err
    assert done.code != 0
