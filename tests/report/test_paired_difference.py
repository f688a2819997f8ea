"""One difference with its sign, its p value and its interval: where questions are asked repeatedly, or have copies."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.report.statistics.intervals import macro_average, mean_rate, standard_error, wilson
from reasonmed.report.statistics.paired import bootstrap, mcnemar, no_worse, sign_flip, spread

PEER = "needs scipy and statsmodels to compare with: pip install statsmodels"
SHARES = st.lists(st.sampled_from([-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=12)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_where_each_question_is_asked_once_the_sign_flip_test_is_the_exact_mcnemar_test(
    first: int, second: int, same: int
) -> None:
    assert sign_flip([-1.0] * first + [1.0] * second + [0.0] * same) == mcnemar(first, second)


@settings(max_examples=30)
@given(SHARES)
def test_the_sign_flip_test_is_near_the_share_of_all_signs_that_give_as_much(differences: list[float]) -> None:
    whole = abs(sum(differences)) - 1e-9
    signs = list(itertools.product((-1, 1), repeat=len(differences)))
    exact = sum(abs(sum(a * b for a, b in zip(one, differences, strict=True))) >= whole for one in signs) / len(signs)
    assert sign_flip(differences, draws=2000) == pytest.approx(exact, abs=0.05)


def test_the_sign_flip_test_agrees_with_scipy() -> None:
    numpy = pytest.importorskip("numpy", reason=PEER)
    stats = pytest.importorskip("scipy.stats", reason=PEER)
    draw = random.Random(4)
    differences = [draw.choice((-0.75, -0.25, 0.0, 0.25, 0.5, 1.0)) for _ in range(60)]
    theirs = stats.permutation_test(
        (numpy.array(differences),), numpy.mean, permutation_type="samples", n_resamples=10_000, rng=1
    ).pvalue
    assert sign_flip(differences, seed=1) == pytest.approx(theirs, abs=0.02)


@settings(max_examples=30)
@given(SHARES, st.integers(0, 3))
def test_turned_round_the_p_value_stays_and_no_p_is_nought(differences: list[float], seed: int) -> None:
    found = sign_flip(differences, seed=seed, draws=500)
    assert 0 < found <= 1
    assert found == sign_flip([-one for one in reversed(differences)], seed=seed, draws=500)


def test_models_that_are_alike_are_told_apart_no_more_often_than_the_level_says() -> None:
    draw, found, trials = random.Random(12), 0, 300
    for number in range(trials):
        chances = [draw.betavariate(1, 1) for _ in range(40)]
        shares = [[sum(draw.random() < one for _ in range(4)) / 4 for one in chances] for _ in range(2)]
        gaps = [other - one for one, other in zip(*shares, strict=True)]
        found += sign_flip(gaps, seed=number, draws=400) < 0.05
    assert found / trials <= 0.07


def test_copies_of_a_question_are_one_question() -> None:
    differences, groups = [1.0, 1.0, 1.0, 1.0, -1.0, 0.0], ["a", "a", "a", "a", "b", "c"]
    assert sign_flip(differences, groups) == pytest.approx(1.0)
    assert sign_flip([1.0] * 12, ["a"] * 12) == 1.0
    wide, narrow = bootstrap(differences, groups), bootstrap(differences)
    assert wide.value == narrow.value == 0.5
    assert wide.low < narrow.low


def test_a_file_that_stands_four_times_gives_the_intervals_of_the_file() -> None:
    once = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    groups = [f"q{number}" for number in range(8)]
    four, copies = once * 4, groups * 4
    assert standard_error(four, copies) == pytest.approx(standard_error(once))
    plain, copied = wilson(5, 8), mean_rate(four, copies)
    assert copied.value == plain.value
    assert copied.high - copied.low == pytest.approx(plain.high - plain.low, rel=0.12)
    assert copied.high - copied.low > 1.8 * (mean_rate(four).high - mean_rate(four).low)
    assert macro_average([four], [copies])[1:] == pytest.approx(macro_average([once])[1:])
    gaps = [one - 0.25 for one in once]
    assert spread(gaps * 4, copies) == pytest.approx(spread(gaps))
    assert no_worse(gaps * 4, 0.1, copies) == pytest.approx(no_worse(gaps, 0.1))
    assert bootstrap(gaps * 4, copies)[1:] == pytest.approx(bootstrap(gaps)[1:])


def test_the_error_over_copies_agrees_with_statsmodels() -> None:
    numpy = pytest.importorskip("numpy", reason=PEER)
    regression = pytest.importorskip("statsmodels.api", reason=PEER)
    draw = random.Random(8)
    groups = [question for question in range(50) for _ in range(1 + question % 3)]
    means = [float(draw.random() < (0.2, 0.9)[question % 2]) for question in groups]
    fitted = regression.OLS(numpy.array(means), numpy.ones(len(means))).fit(
        cov_type="cluster", cov_kwds={"groups": numpy.array(groups), "use_correction": False}
    )
    assert standard_error(means, groups) == pytest.approx(fitted.bse[0] * (50 / 49) ** 0.5, rel=1e-9)


def test_a_few_questions_without_a_difference_do_not_show_that_there_is_none() -> None:
    low, p = no_worse([0.0] * 5, 0.03)
    assert low < -0.2
    assert p > 0.4
    low, p = no_worse([0.0] * 4000, 0.03)
    assert low > -0.01
    assert p < 0.001


def test_a_loss_of_just_the_margin_is_seldom_called_none() -> None:
    for n, margin, apart in ((100, 0.05, 0.2), (400, 0.03, 0.1), (400, 0.03, 0.031)):
        draw, found, trials = random.Random(n), 0, 1200
        for _ in range(trials):
            first, second = (apart + margin) / 2, (apart - margin) / 2
            drawn = (draw.random() for _ in range(n))
            gaps = [-1.0 if one < first else 1.0 if one < first + second else 0.0 for one in drawn]
            found += no_worse(gaps, margin)[1] < 0.025
        assert found / trials <= 0.035, (n, margin, apart)
