"""Means, medians and coefficients whose errors are clustered by question."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.report.statistics.clustered import coefficient, mean_of, median_of
from reasonmed.report.statistics.intervals import Interval

SCORES = st.lists(st.integers(1, 10), min_size=3, max_size=12)


def width(found: Interval | None) -> float:
    assert found is not None
    return found.high - found.low


def test_a_mean_of_single_rows_has_the_interval_of_students_t() -> None:
    found = mean_of([2, 4, 6], "abc")
    assert found == pytest.approx((4, 4 - 4.3027 * 2 / 3**0.5, 4 + 4.3027 * 2 / 3**0.5), abs=1e-3)


def test_copies_of_rows_make_no_interval_narrower() -> None:
    values, groups = [3, 5, 8, 9, 6], "abcde"
    once, twice = mean_of(values, groups), mean_of(values * 2, groups * 2)
    assert twice == pytest.approx(once)
    belongs = [0.0, 0.0, 1.0, 1.0, 1.0]
    once, twice = coefficient(values, belongs, groups), coefficient(values * 2, belongs * 2, groups * 2)
    assert width(twice) == pytest.approx(width(once), rel=0.2)


def test_a_median_lies_between_the_scores_where_the_share_may_be_one_half() -> None:
    assert median_of([1] * 50 + [10] * 50, range(100)) == (5.5, 1, 10)
    assert median_of([7] * 40, range(40)) == (7, 7, 7)
    low = median_of([4] * 30 + [6] * 10, range(40))
    assert low == (4, 4, 4)


def test_a_slope_is_that_of_the_line_and_of_each_stratum_its_own() -> None:
    lengths = [1.0, 2.0, 3.0, 4.0, 5.0]
    scores = [2 * one + 1 + noise for one, noise in zip(lengths, (0.1, -0.1, 0, 0.1, -0.1), strict=True)]
    found = coefficient(scores, lengths, "abcde")
    assert found is not None
    assert found.value == pytest.approx(1.98)
    assert found.low < 2 < found.high
    shifted = [*scores, *(one - 40 for one in scores)]
    within = coefficient(shifted, [*lengths, *(one + 9 for one in lengths)], "abcdefghij", [0] * 5 + [1] * 5)
    assert within is not None
    assert within.value == pytest.approx(1.98)


@given(first=SCORES, other=SCORES)
def test_the_coefficient_of_belonging_is_the_difference_of_the_means(first: list[int], other: list[int]) -> None:
    belongs = [1.0] * len(first) + [0.0] * len(other)
    found = coefficient(first + other, belongs, range(len(belongs)))
    assert found is not None
    assert found.value == pytest.approx(fmean(first) - fmean(other), abs=1e-9)
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9


def test_two_sets_on_the_same_questions_are_compared_with_the_error_of_pairs() -> None:
    draw = Random(1)
    hard = [draw.randrange(1, 9) for _ in range(60)]
    both = [*(one + 1 for one in hard), *hard]
    belongs = [1.0] * 60 + [0.0] * 60
    paired, apart = (coefficient(both, belongs, marks) for marks in ([*range(60)] * 2, range(120)))
    assert paired == pytest.approx((1, 1, 1))
    assert width(apart) > 1


def test_what_a_factor_shares_with_a_stratum_is_no_difference() -> None:
    strata = [0] * 10 + [1] * 10
    belongs = [1.0] * 8 + [0.0] * 2 + [1.0] * 2 + [0.0] * 8
    scores = [4.0, 5.0] * 5 + [7.0, 8.0] * 5
    plain, within = coefficient(scores, belongs, range(20)), coefficient(scores, belongs, range(20), strata)
    assert plain is not None
    assert within is not None
    assert plain.value < -1
    assert within.value == pytest.approx(0)


def test_too_few_rows_show_nothing() -> None:
    assert mean_of([5], "a") is None
    assert median_of([5, 6], "aa") is None
    assert coefficient([5, 6], [1, 0], "ab") is None
    assert coefficient([5, 6, 7], [1, 1, 1], "abc") is None
    assert coefficient([5, 6, 7, 8], [1, 1, 0, 0], "abcd", [0, 0, 1, 1]) is None
