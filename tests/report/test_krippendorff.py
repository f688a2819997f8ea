"""Krippendorff's alpha against its author's worked examples, and the interval of its bootstrap."""

from __future__ import annotations

import random
from math import isnan

import pytest

from reasonmed.report.statistics.krippendorff import alpha, alpha_by_cluster

TWO_VALUES = ("0100000010", "1110010000")
FIVE_VALUES = ("aabbdcccedda", "babbbccceddd")
FOUR_OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def units(*observers: str) -> list[list[str]]:
    """What observers said of each thing; a dot where one said nothing."""
    return [[said for said in one if said != "."] for one in zip(*observers, strict=True)]


@pytest.mark.parametrize(
    ("observers", "published"), [(TWO_VALUES, 0.095), (FIVE_VALUES, 0.692), (FOUR_OBSERVERS, 0.743)]
)
def test_alpha_is_that_of_the_published_examples(observers: tuple[str, ...], published: float) -> None:
    """Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections A, B and C."""
    assert alpha(units(*observers)) == pytest.approx(published, abs=5e-4)


def test_full_agreement_is_one_chance_nought_and_a_single_value_not_defined() -> None:
    assert alpha([("a", "a"), ("b", "b")]) == 1
    draw = random.Random(4)
    assert alpha([(draw.choice("abc"), draw.choice("abc")) for _ in range(20_000)]) == pytest.approx(0, abs=0.02)
    assert isnan(alpha([("a", "a"), ("a", "a")]))
    assert isnan(alpha([("a",), ()]))


def test_things_that_one_observer_judged_alone_change_nothing() -> None:
    told = units(*FIVE_VALUES)
    assert alpha([*told, ("e",), ()]) == alpha(told)
    assert alpha_by_cluster([told, [("e",)], told]) == alpha_by_cluster([told, told])


def drawn(draw: random.Random, questions: int) -> list[list[tuple[str, str]]]:
    """Two observers who agree more on some questions than on others."""
    found = []
    for _ in range(questions):
        slips = draw.choice((0.02, 0.3))
        truth = [draw.choice("ox") for _ in range(6)]
        found.append([(one, draw.choice("ox") if draw.random() < slips else one) for one in truth])
    return found


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    draw = random.Random(7)
    true = alpha([unit for one in drawn(draw, 20_000) for unit in one])
    found = [alpha_by_cluster(drawn(draw, 50), resamples=200) for _ in range(100)]
    assert 0.88 <= sum(one.low <= true <= one.high for one in found) / 100 <= 0.99


def test_steps_of_one_question_are_not_so_many_questions() -> None:
    told = drawn(random.Random(1), 40)
    copied = [one * 9 for one in told]
    apart = [[unit] for one in copied for unit in one]
    assert alpha_by_cluster(copied).low < alpha_by_cluster(told).low + 0.01
    assert alpha_by_cluster(copied).low < alpha_by_cluster(apart).low - 0.02


def test_the_interval_is_the_same_for_the_same_seed_and_bounded_work_hardly_changes_it() -> None:
    told = drawn(random.Random(2), 1600)
    many, few = (alpha_by_cluster(one, resamples=400) for one in (told, told[::4]))
    assert many == alpha_by_cluster(told, resamples=400)
    assert many.high - many.low == pytest.approx((few.high - few.low) / 2, rel=0.25)


@pytest.mark.parametrize("questions", [2, 8, 50])
def test_full_agreement_in_a_few_questions_is_not_certain(questions: int) -> None:
    found = alpha_by_cluster([[("ok", "ok"), ("error", "error"), ("ok", "ok")]] * questions)
    assert (found.value, found.high) == (1, 1)
    assert found.low < 1 - 1 / questions


def test_where_it_is_not_defined_the_interval_is_as_wide_as_can_be() -> None:
    assert alpha_by_cluster([units(*FIVE_VALUES)])[1:] == (-1, 1)
    for none in ([], [[("ok", "ok")], [("ok", "ok")]]):
        found = alpha_by_cluster(none)
        assert isnan(found.value)
        assert found[1:] == (-1, 1)
