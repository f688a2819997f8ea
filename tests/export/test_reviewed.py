"""What reviewers' votes change in an export and in its card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import to_builtins

from exports import read_lines
from reasonmed.errors import UsageError
from reasonmed.export import Settings, export, recard
from reasonmed.export.card import About
from reasonmed.types import letter
from stepped import stepped_run
from support import WORDS, document
from voting import cast, copied, targets_in, vote_on

if TYPE_CHECKING:
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews import Target


def _key(target: Target) -> str:
    return f"{letter(target.question.answer or 0)}. {target.question.options[target.question.answer or 0]}"


def _edit(target: Target, **others: Any) -> Any:
    return vote_on(target, "edit", **{"text": f"Read by a person. {WORDS}\n\nAnswer: {_key(target)}", **others})


def _written(
    folder: RunDirectory, out: Path, formats: tuple[str, ...] = ("records",), **settings: Any
) -> dict[str, Any]:
    chosen = Settings(demo=True, **settings)
    found: dict[str, Any] = to_builtins(export(folder, out, chosen, formats, force=True))
    return found


def _rows(out: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for path in (out / "records").glob("*.jsonl") for row in read_lines(path)}


@pytest.fixture
def voted(run26: RunDirectory, tmp_path: Path) -> RunDirectory:
    """Of its records the first is accepted, the second edited, the third rejected, the fourth tied, the fifth stale."""
    folder = copied(run26, tmp_path / "run")
    first, second, third, fourth, fifth, *_ = targets_in(folder, "record")
    tied = [vote_on(fourth), vote_on(fourth, "reject", "Dr. B", role="pharmacist")]
    cast(folder, [vote_on(first), _edit(second), vote_on(third, "reject"), *tied, vote_on(fifth._replace(hash="old"))])
    return folder


def test_votes_change_nothing_unless_asked(voted: RunDirectory, run26: RunDirectory, tmp_path: Path) -> None:
    assert _written(voted, tmp_path / "out")["left_out"] == {}
    assert list(_rows(tmp_path / "out").values()) == read_lines(run26.records_path)


def test_only_accepted_and_edited_records_are_taken(voted: RunDirectory, tmp_path: Path) -> None:
    names = [one.id for one in targets_in(voted, "record")]
    told = _written(voted, tmp_path / "out", reviewed="accepted")
    assert list(_rows(tmp_path / "out")) == names[:2]
    assert told["left_out"] == {
        "review_none": len(names) - 5, "review_rejected": 1, "review_stale": 1, "review_tied": 1,
    }  # fmt: skip
    assert told["settings"]["reviewed"] == "accepted"


def test_none_rejected_keeps_what_nobody_judged(voted: RunDirectory, tmp_path: Path) -> None:
    names = [one.id for one in targets_in(voted, "record")]
    told = _written(voted, tmp_path / "out", reviewed="none-rejected")
    assert [*_rows(tmp_path / "out")] == [*names[:2], *names[4:]]
    assert told["left_out"] == {"review_rejected": 1, "review_tied": 1}


def test_an_edited_text_takes_the_models_place_without_what_was_said_of_that(
    voted: RunDirectory, tmp_path: Path
) -> None:
    second = targets_in(voted, "record")[1]
    old = {row["id"]: row for row in read_lines(voted.records_path)}[second.id]
    _written(voted, tmp_path / "out", reviewed="accepted")
    row = _rows(tmp_path / "out")[second.id]
    assert row["chain_of_thought"].startswith("Read by a person.")
    assert (row["verified"], row.get("score"), row["response"]) == (False, None, old["response"])
    assert row["provenance"]["writer"] == "reviewer"
    assert row["provenance"]["edited"] is True
    assert not {"verdict", "temperature", "sample", "score_reason"} & row["provenance"].keys()
    assert row["provenance"]["generator"] == old["provenance"]["generator"]
    everything = "".join(path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert "Dr. " not in everything


def test_an_edited_response_leaves_the_verdict_on_the_chain(run26: RunDirectory, tmp_path: Path) -> None:
    folder = copied(run26, tmp_path / "run")
    first = next(one for one in targets_in(folder, "record") if one.response)
    cast(folder, [vote_on(first, "edit", response=f"In short.\n\nAnswer: {_key(first)}")])
    _written(folder, tmp_path / "out", reviewed="accepted")
    (row,) = _rows(tmp_path / "out").values()
    assert (row["chain_of_thought"], row["response"]) == (first.text, f"In short.\n\nAnswer: {_key(first)}")
    assert (row["verified"], row["provenance"]["responder"]) == (True, "reviewer")
    assert row["provenance"]["writer"] != "reviewer"


def test_an_edit_that_concludes_another_option_is_left_out(run26: RunDirectory, tmp_path: Path) -> None:
    folder = copied(run26, tmp_path / "run")
    first, second, *_ = targets_in(folder, "record")
    other = ((first.question.answer or 0) + 1) % len(first.question.options)
    text = f"{WORDS}\n\nAnswer: {letter(other)}. {first.question.options[other]}"
    cast(folder, [vote_on(first, "edit", text=text), vote_on(second)])
    assert _written(folder, tmp_path / "out", reviewed="accepted")["left_out"]["review_edit_other_answer"] == 1


def test_the_last_edit_counts_unless_more_accept_the_text_as_it_is(run26: RunDirectory, tmp_path: Path) -> None:
    folder = copied(run26, tmp_path / "run")
    first, second, *_ = targets_in(folder, "record")
    edits = [
        _edit(first, at=1.0),
        _edit(first, reviewer="Dr. B", at=2.0, text=f"Later. {WORDS}\n\nAnswer: {_key(first)}"),
    ]
    more = [_edit(second), vote_on(second, reviewer="Dr. B"), vote_on(second, reviewer="Dr. C")]
    cast(folder, [*edits, *more])
    _written(folder, tmp_path / "out", reviewed="accepted")
    rows = _rows(tmp_path / "out")
    assert rows[first.id]["chain_of_thought"].startswith("Later.")
    assert rows[second.id]["chain_of_thought"] == second.text


def test_a_question_whose_key_is_called_wrong_is_left_out(run26: RunDirectory, tmp_path: Path) -> None:
    folder = copied(run26, tmp_path / "run")
    first = targets_in(folder, "record")[0]
    cast(folder, [vote_on(first, key_is_wrong=True)])
    assert _written(folder, tmp_path / "out", reviewed="none-rejected")["questions_left_out"]["review_key"] == 1


def test_no_format_teaches_what_reviewers_contest(voted: RunDirectory, tmp_path: Path) -> None:
    records = targets_in(voted, "record")
    chain = next(
        one for one in targets_in(voted, "chain")
        if one.verdict and one.verdict.outcome == "correct" and one.text not in {record.text for record in records}
    )  # fmt: skip
    cast(voted, [vote_on(chain, "reject")])
    formats = ("kto", "dpo", "verifier", "trl-sft", "messages", "parquet", "reasonmed-json", "rl")
    told = _written(voted, tmp_path / "out", formats, reviewed="none-rejected")
    assert told["chains_left_out"]["review"] >= 1
    taught = read_lines(tmp_path / "out" / "kto" / "train.jsonl")
    assert chain.id not in {row["id"] for row in taught}
    said = {row["completion"][0]["content"] for row in taught}
    assert said
    assert not said & {one.text for one in (records[1], records[2], chain)}


def test_splits_do_not_move(voted: RunDirectory, tmp_path: Path) -> None:
    def split(out: Path) -> dict[str, str]:
        return {row["id"]: path.stem for path in (out / "records").glob("*.jsonl") for row in read_lines(path)}

    _written(voted, tmp_path / "all", shares=(0.6, 0.2, 0.2))
    _written(voted, tmp_path / "some", shares=(0.6, 0.2, 0.2), reviewed="none-rejected")
    assert split(tmp_path / "some").items() <= split(tmp_path / "all").items()


def test_labels_of_steps_go_with_the_old_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stepped_run(tmp_path / "run", monkeypatch)
    first, second, *_ = targets_in(folder, "record")
    cast(folder, [_edit(first), vote_on(second)])
    _written(folder, tmp_path / "out", reviewed="accepted")
    rows = _rows(tmp_path / "out")
    assert "steps" not in rows[first.id]
    assert rows[second.id]["steps"]


def test_accepted_of_a_run_without_votes_says_how_to_review(run26: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no vote; review it"):
        _written(run26, tmp_path / "out", reviewed="accepted")
    with pytest.raises(UsageError, match="there are any, none-rejected, accepted"):
        _written(run26, tmp_path / "out", reviewed="some")


def test_the_card_says_what_people_checked_and_names_nobody(voted: RunDirectory, tmp_path: Path) -> None:
    _written(voted, tmp_path / "out", reviewed="none-rejected")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "2 reviewers (pharmacist 1, physician 1) checked 3 of them" in card
    assert "no clinician has checked the others" in card
    assert "## Review by people" in card
    assert "Wrong, by the majority of its reviewers, as it was: " in card
    assert "no record that its reviewers rejected" in card
    croissant = document(tmp_path / "out" / "croissant.json")
    assert croissant["rai:annotatorDemographics"] == ["2 reviewers (pharmacist 1, physician 1)"]
    recard(tmp_path / "out", About(name="Again"), force=False)
    assert "checked 3 of them" in (tmp_path / "out" / "README.md").read_text()


def test_the_card_of_a_run_without_votes_says_that_no_clinician_checked(run26: RunDirectory, tmp_path: Path) -> None:
    _written(run26, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "no clinician has checked them" in card
    assert "Review by people" not in card
