"""Keys called wrong become a file that a run takes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from exports import read_lines
from reasonmed.cli import review_keys
from reasonmed.errors import UsageError
from reasonmed.runs.corrections import settle
from reasonmed.runs.reviews.keys import write_keys, wrong_keys
from reasonmed.runs.reviews.rulings import rulings
from reasonmed.types import letter
from voting import cast, copied, targets_in, vote_on

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews import Target, Vote
    from reasonmed.runs.reviews.rulings import Rulings


def _rulings(folder: RunDirectory, votes: list[Vote]) -> Rulings:
    with closing(folder.reader()) as ledger:
        return rulings(ledger, votes)


def _one_each(folder: RunDirectory) -> list[Target]:
    """A record of each question."""
    return list({one.question.id: one for one in targets_in(folder, "record")}.values())


def _other(target: Target, step: int = 1) -> str:
    return letter(((target.question.answer or 0) + step) % len(target.question.options))


def _wrong(target: Target, reviewer: str = "Dr. A", step: int = 1, **others: Any) -> Vote:
    return vote_on(target, "reject", reviewer, **{"key_is_wrong": True, "key": _other(target, step), **others})


def test_the_file_is_what_a_run_takes(run26: RunDirectory, tmp_path: Path) -> None:
    first, second, *_ = _one_each(run26)
    votes = [_wrong(first, reason="The guideline changed."), _wrong(first, "Dr. B", role="pharmacist"), vote_on(second)]
    path = tmp_path / "fixes.jsonl"
    assert write_keys(_rulings(run26, votes), path) == (1, ())
    made = settle(path, {first.question.id: first.question}, skip_bad=False)
    (correction,) = made.applied
    assert (correction.id, correction.new) == (first.question.id, _other(first))
    assert correction.who == "pharmacist, physician", "the data card names who corrected a key: roles, not people"
    assert correction.why == (
        f"2 of 2 reviewers call the key wrong, 2 of them name {_other(first)}: The guideline changed."
    )


def test_most_reviewers_must_call_the_key_wrong(run26: RunDirectory) -> None:
    first, second, *_ = _one_each(run26)
    votes = [
        _wrong(first),
        vote_on(first, reviewer="Dr. B"),
        _wrong(second),
        _wrong(second, "Dr. B"),
        vote_on(second, reviewer="C"),
    ]
    assert [(one.question.id, one.wrong, one.reviewers) for one in wrong_keys(_rulings(run26, votes))] == [
        (second.question.id, 2, 3)
    ]


def test_a_deferred_vote_may_say_it_too(run26: RunDirectory) -> None:
    first = _one_each(run26)[0]
    votes = [vote_on(first, "defer", key_is_wrong=True, key=_other(first))]
    assert [one.key for one in wrong_keys(_rulings(run26, votes))] == [_other(first)]


@pytest.mark.parametrize("key", ["", "Z", "a"])
def test_a_letter_that_names_no_other_option_is_no_fix(run26: RunDirectory, tmp_path: Path, key: str) -> None:
    first = _one_each(run26)[0]
    found = _rulings(run26, [_wrong(first, key=key)])
    assert [one.key for one in wrong_keys(found)] == [None]
    with pytest.raises(UsageError, match="no one option is named"):
        write_keys(found, tmp_path / "fixes.jsonl")


def test_reviewers_split_on_the_option_leave_the_question_open(run26: RunDirectory, tmp_path: Path) -> None:
    first, second, *_ = _one_each(run26)
    found = _rulings(run26, [_wrong(first), _wrong(first, "Dr. B", 2), _wrong(second)])
    assert write_keys(found, tmp_path / "fixes.jsonl") == (1, (first.question.id,))


def test_a_vote_under_an_older_key_says_nothing(run26: RunDirectory) -> None:
    first = _one_each(run26)[0]
    assert wrong_keys(_rulings(run26, [_wrong(first._replace(hash="older"))])) == []


def test_the_command_replaces_a_file_only_when_told_to(run26: RunDirectory, tmp_path: Path) -> None:
    app = typer.Typer()
    review_keys.add_to(app)
    folder, path = copied(run26, tmp_path / "run"), tmp_path / "fixes.jsonl"
    told = [str(folder.path), "-o", str(path)]
    assert "has no vote" in str(CliRunner().invoke(app, told).exception)
    cast(folder, [_wrong(_one_each(folder)[0])])
    path.write_text("mine")
    assert "exists" in str(CliRunner().invoke(app, told).exception)
    assert path.read_text() == "mine"
    assert "1 key; read them" in CliRunner().invoke(app, [*told, "--force"]).output
    assert [one["who"] for one in read_lines(path)] == ["physician"]
