"""Agreement of reviewers, against numbers worked out by hand and by statsmodels."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.runs.reviews import Target, Vote
from reasonmed.runs.reviews.agreement import FEWEST, Agreement, agreement, between
from reasonmed.runs.reviews.placed import Placed
from reasonmed.types import Verdict
from support import question

_DECISIONS = {"a": "accept", "r": "reject", "e": "edit", "d": "defer"}


def _row(number: int, reviewer: str, letter: str, judge: str | None = "correct", **others: Any) -> Placed:
    verdict = None if judge is None else Verdict(judge.removesuffix("!"), conflict=judge.endswith("!"))  # type: ignore[arg-type]
    target = Target(f"q{number}#1", "record", question(f"q{number}"), "text", None, "m", verdict, "h")
    given = {"text_hash": "h", "decision": _DECISIONS[letter], "at": float(number), **others}
    return Placed(Vote(target=target.id, reviewer=reviewer, **given), target)


def _found(judge: str = "", **said: str) -> Agreement:
    """The agreement of reviewers from their letters, a text each; ``-`` where one has not voted."""
    outcomes = {"c": "correct", "e": "error", "u": "undecided", "!": "correct!", "-": None}
    rows = [
        _row(number, reviewer, letter, outcomes[judge[number]] if judge else "correct")
        for reviewer, letters in said.items()
        for number, letter in enumerate(letters)
        if letter != "-"
    ]
    return agreement(rows)


def test_two_reviewers_agree_as_worked_out_by_hand() -> None:
    # 20 texts: both accept 10, only the first 3, only the second 2, both not 5. Observed 15/20; by chance
    # (13 * 12 + 7 * 8) / 400 = 0.53; kappa = (0.75 - 0.53) / 0.47.
    found = _found(anna="a" * 10 + "a" * 3 + "r" * 2 + "rrree", ben="a" * 10 + "r" * 3 + "a" * 2 + "rerer")
    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.shared, pair.agreed, pair.why) == ("anna", "ben", 20, 15, "")
    assert pair.kappa
    assert pair.kappa.value == pytest.approx(0.22 / 0.47)
    # Alpha: 40 values, 25 accept and 15 not; observed disagreement 5 / 20, expected 2 * 25 * 15 / (40 * 39).
    assert found.alpha
    assert found.alpha.value == pytest.approx(1 - (5 / 20) / (2 * 25 * 15 / (40 * 39)))
    assert found.alpha.low < found.alpha.value < found.alpha.high
    assert [one.target for one in found.disagreements] == sorted(f"q{number}#1" for number in range(10, 15))


def test_who_defers_and_who_has_not_voted_is_left_out() -> None:
    found = _found(anna="aaaaaaaaaarrd", ben="aaaaaaaaarr-a", cleo="-" * 12 + "a")
    assert [(one.first, one.second, one.shared, one.agreed) for one in found.pairs] == [
        ("anna", "ben", 11, 10),
        ("ben", "cleo", 1, 1),
    ]
    assert found.several == 12
    assert [(one.reviewer, one.votes, one.deferred, one.accepted) for one in found.reviewers] == [
        ("anna", 13, 1, 10),
        ("ben", 12, 0, 10),
        ("cleo", 1, 0, 1),
    ]


def test_too_few_texts_and_two_who_never_vary_are_said_and_not_computed() -> None:
    few = _found(anna="ar" * 4, ben="aa" * 4)
    assert few.pairs[0].kappa is None
    assert few.pairs[0].why == f"8 of at least {FEWEST} texts"
    assert (few.alpha, few.why) == (None, f"8 of at least {FEWEST} texts")
    alike = _found(anna="a" * 12, ben="a" * 12)
    assert alike.pairs[0].kappa is None
    assert alike.alpha is None
    assert "chance alone" in alike.why


def test_each_reviewer_is_set_beside_the_judge() -> None:
    found = _found("cccccceeeeee!u-", anna="aaaaarrrrrrardd")
    (anna,) = found.reviewers
    counts = {name: (one.decided, one.accepted) for name, one in anna.by_judge.items()}
    assert counts == {"correct": (6, 5), "error": (6, 1), "conflict": (1, 0)}
    assert (anna.judge.shared, anna.judge.agreed) == (12, 10)
    assert anna.judge.kappa
    assert anna.judge.kappa.value == pytest.approx((10 / 12 - 0.5) / 0.5)


def test_votes_on_changed_texts_are_counted_and_decide_nothing() -> None:
    stale = [_row(1, "anna", "a", text_hash="old"), _row(1, "ben", "r")]
    gone = Placed(stale[1].vote, None)
    found = agreement([*stale, gone])
    assert (found.votes, found.stale, found.several, found.disagreements) == (3, 2, 0, ())


def test_a_key_that_one_reviewer_calls_wrong_is_a_disagreement() -> None:
    rows = [_row(1, "anna", "r", key_is_wrong=True, key="C", reason="since"), _row(1, "ben", "e")]
    (found,) = agreement(rows).disagreements
    assert found.about == ("key",)
    assert [(one.reviewer, one.decision, one.key, one.reason) for one in found.said] == [
        ("anna", "reject", "C", "since"),
        ("ben", "edit", "", ""),
    ]


@pytest.mark.parametrize(
    ("counts", "value", "low", "high"),
    [
        ((20, 5, 10, 15), 0.4, 0.151092, 0.648908),
        ((45, 15, 25, 15), 0.130435, -0.062938, 0.323808),
        ((3, 0, 2, 40), 0.727273, 0.371800, 1.0),
    ],
)
def test_kappa_is_that_of_statsmodels(counts: tuple[int, ...], value: float, low: float, high: float) -> None:
    """``cohens_kappa`` of statsmodels 0.15; an upper end above 1 is cut."""
    decisions = ((True, True), (True, False), (False, True), (False, False))
    found = between("a", "b", [said for said, count in zip(decisions, counts, strict=True) for _ in range(count)])
    assert found.kappa
    assert (found.kappa.value, found.kappa.low, found.kappa.high) == pytest.approx((value, low, high), abs=1e-6)


@settings(max_examples=30)
@given(st.permutations([_row(number, name, "ar"[number % 2]) for number in range(4) for name in "xyz"]))
def test_the_order_of_votes_changes_nothing(rows: list[Placed]) -> None:
    assert agreement(rows) == agreement(sorted(rows, key=lambda one: (one.vote.target, one.vote.reviewer)))


def test_roles_are_those_of_the_last_vote() -> None:
    rows = [_row(1, "anna", "a", role="resident"), _row(2, "anna", "a", role="consultant"), _row(3, "anna", "a")]
    assert agreement(rows).reviewers[0].role == "consultant"
