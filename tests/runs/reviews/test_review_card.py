"""A judge card from reviewers' votes: worked by hand, by half, weighted; and the gate that asks for one."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from reasonmed.cli import app
from reasonmed.errors import RecipeError, UsageError
from reasonmed.pipeline.judging.gate import check_judge, read_card
from reasonmed.pipeline.judging.human import half_of, own_word
from reasonmed.runs.records import outcomes
from reasonmed.runs.reviews import Fault, targets_of
from reasonmed.runs.reviews.card import Case, card_from_review, worth_of, write_card
from reasonmed.types import Opinion, Verdict
from stepped import MINOR, SEVERE, stepped_run
from support import document, recipe
from voting import cast, copied, targets_in, vote_on

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews import Target, Vote

Cell = tuple[str, str]


def _said(target: Target) -> str:
    return target.verdict.outcome if target.verdict else "none"


def _right(place: int, target: Target) -> bool:
    """The truth of this test: every fifth chain is not what the judge says it is."""
    return (_said(target) == "correct") != (place % 5 == 0)


def _votes(folder: RunDirectory, every: dict[str, int]) -> tuple[list[Vote], Counter[tuple[Cell, bool]], Counter[Cell]]:
    """Votes on every so-manieth chain of a verdict; those voted on and all, by half and verdict."""
    votes, seen, sizes = [], Counter[tuple[Cell, bool]](), Counter[Cell]()
    for place, target in enumerate(targets_in(folder, "chain")):
        cell = (half_of(target.question.id), _said(target))
        sizes[cell] += 1
        if sizes[cell] % every.get(_said(target), 1) == 0:
            seen[cell, _right(place, target)] += 1
            votes.append(vote_on(target, "accept" if _right(place, target) else "reject"))
    return votes, seen, sizes


def _share(seen: Counter[tuple[Cell, bool]], cell: Cell) -> float:
    return seen[cell, True] / (seen[cell, True] + seen[cell, False])


def test_each_half_is_weighted_by_how_many_chains_each_verdict_has(run26: RunDirectory, tmp_path: Path) -> None:
    """Of the accepted chains every fifth is voted on, of the others all."""
    folder = copied(run26, tmp_path / "run")
    votes, seen, sizes = _votes(folder, {"correct": 5})
    cast(folder, votes)
    card = card_from_review(folder)
    assert card.human is not None
    assert (card.labels, card.cases) == ({"human": len(votes)}, len(votes))
    for half, found in (("dev", card.human.dev), ("test", card.human.test)):
        names = [name for where, name in sizes if where == half]
        right = {name: sizes[half, name] * _share(seen, (half, name)) for name in names}
        wrong = {name: sizes[half, name] - right[name] for name in names}
        assert found.all.sensitivity.share == pytest.approx(right["correct"] / sum(right.values()))
        assert found.all.specificity.share == pytest.approx(wrong["error"] / sum(wrong.values()))
        assert found.all.ppv.share == pytest.approx(_share(seen, (half, "correct")))
        assert found.all.sensitivity.low < (found.all.sensitivity.share or 0) < found.all.sensitivity.high
        assert sum(one.cases for one in found.by["model"].values()) == found.all.cases
        plain = seen[(half, "correct"), True] / sum(seen[(half, name), True] for name in names)
        assert (found.all.sensitivity.share or 0) > plain, (
            "unweighted, the rejected chains would count five times too often"
        )
    assert card.strata["broken_reasoning"].sensitivity == card.human.test.all.sensitivity
    assert card.human.dev.questions + card.human.test.questions == len(
        {vote.target.rpartition("/")[0] for vote in votes}
    )


def test_accepted_records_alone_show_no_specificity_and_the_card_says_so(run26: RunDirectory, tmp_path: Path) -> None:
    folder = copied(run26, tmp_path / "run")
    cast(folder, [vote_on(one) for one in targets_in(folder, "record")])
    card = card_from_review(folder)
    assert card.human is not None
    assert card.human.test.records.share == 1
    assert card.human.test.all.specificity.share is None
    assert any("are not known" in line for line in card.human.test.unknown)


def test_split_stale_and_chosen_votes_are_left_out_and_counted(run26: RunDirectory, tmp_path: Path) -> None:
    folder = copied(run26, tmp_path / "run")
    first, second, third, fourth, *_ = targets_in(folder, "chain")
    split = [vote_on(second), vote_on(second, "reject", "Dr. B")]
    cast(folder, [vote_on(first), *split, vote_on(third, drawn="chosen"), vote_on(fourth._replace(hash="old"))])
    card = card_from_review(folder)
    assert card.cases == 1
    assert card.left_out == {
        "chains not drawn at random": 1, "texts on which reviewers are split": 1, "votes on a text that has changed": 1,
    }  # fmt: skip


def test_a_run_without_votes_has_no_card(run26: RunDirectory) -> None:
    with pytest.raises(UsageError, match="no vote on a text that was drawn at random"):
        card_from_review(run26)


def test_the_judges_own_word_counts_not_what_others_made_of_it() -> None:
    assert own_word(Verdict("error", opinions=(Opinion("judge", "correct"), Opinion("blind", "error")))) == "correct"
    assert own_word(Verdict("error", prechecked=True)) is None
    assert own_word(None) is None


def _gated(path: Path, **wanted: Any) -> None:
    check_judge(
        recipe(verify={"require_judge_card": {"file": str(path), "sensitivity": 0, "specificity": 0, **wanted}})
    )


def test_a_recipe_may_ask_for_peoples_labels(run26: RunDirectory, tmp_path: Path) -> None:
    folder = copied(run26, tmp_path / "run")
    votes, *_ = _votes(folder, {})
    cast(folder, votes)
    out = tmp_path / "card"
    told = CliRunner().invoke(app, ["judge-card", str(folder.path), "--from-review", "-o", str(out)])
    assert told.exit_code == 0, told.output
    assert "Against people's labels" in told.output
    path = out / "judge_card.json"
    assert document(path)["labels"] == {"human": len(votes)}
    _gated(path, labels="human", n=len(votes))
    with pytest.raises(
        RecipeError, match=rf"n: the card has {len(votes)} labeled chains, and 9999 are asked for; review"
    ):
        _gated(path, labels="human", n=9_999)
    with pytest.raises(RecipeError, match="specificity"):
        _gated(path, labels="human", specificity=1)
    for name in ("judge_card.md", "judge_card.html"):
        page = (out / name).read_text()
        assert "physician" in page
        assert "Dr. A" not in page
    content = document(path)
    content.pop("human")
    path.write_text(json.dumps(content))
    with pytest.raises(RecipeError, match="labels are not of reviewers"):
        _gated(path, labels="human")


def test_options_of_a_card_by_requests_are_refused(run26: RunDirectory) -> None:
    told = CliRunner().invoke(app, ["judge-card", str(run26.path), "--from-review", "--sample", "3"])
    assert "leave out --sample" in str(told.exception)


def test_a_card_by_requests_is_not_written_over(run26: RunDirectory) -> None:
    with pytest.raises(UsageError, match="made with requests"):
        write_card(run26, run26.path)


def test_faults_that_reviewers_mark_are_compared_with_the_judges_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge flags the severe fault where it is; it also flags a minor one, which these reviewers call sound."""
    folder = stepped_run(tmp_path / "run", monkeypatch, count=6)
    votes, minor, faulty = [], Counter[str](), Counter[str]()
    with closing(folder.reader()) as ledger:
        chains = [one for story in outcomes(ledger) for one in targets_of(story) if one.kind == "chain"]
    for one in chains:
        at = one.text.find(SEVERE)
        faults = (Fault(at, at + len(SEVERE)),) if at >= 0 else ()
        votes.append(
            vote_on(one, "reject" if faults else "accept", faults=faults, error_type="wrong_fact" if faults else None)
        )
        half = half_of(one.question.id)
        minor[half] += MINOR in one.text
        faulty[half] += bool(faults)
    cast(folder, votes)
    card = card_from_review(folder)
    assert card.human is not None
    for half, found in (("dev", card.human.dev), ("test", card.human.test)):
        if found.all.cases:
            assert found.located is not None
            assert (found.located.first_fault.count, found.located.first_fault.of) == (faulty[half], faulty[half])
            assert found.located.no_alarm.of - found.located.no_alarm.count == minor[half]
            alone = found.located.no_alarm.share or 0.0
            assert found.located.f1.value == pytest.approx(2 * alone / (1 + alone))
    tested = card.human.test.steps or card.human.dev.steps
    assert tested is not None
    assert tested.by_kind["wrong_fact"].at_step.share == 1
    write_card(folder, tmp_path / "card")
    assert read_card(tmp_path / "card" / "judge_card.json") == card
    assert "first faulty step found" in (tmp_path / "card" / "judge_card.md").read_text()


def test_a_judge_of_one_verdict_is_not_said_to_be_certain() -> None:
    cases = [Case(f"q{number}", "test", "correct", "key", {}, number < 3) for number in range(8)]
    worth = worth_of(cases, cases)
    assert (worth.specificity.count, worth.specificity.of, worth.specificity.low) == (0, 5, 0.0)
    assert worth.specificity.high > 0.4
    assert worth.sensitivity.low < 0.5
    assert worth.sensitivity.share == 1.0
