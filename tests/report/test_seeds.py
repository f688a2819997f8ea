"""Several trainings of each kind: how often a difference is told where there is none, and whether a true one is."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from reasonmed.report.statistics.seeds import Matrix, difference, mean
from reasonmed.report.statistics.students_t import quantile

PEER = "needs scipy to compare with: pip install scipy"


def group(draw: random.Random, chances: list[float], seeds: int, deviation: float, gain: float = 0.0) -> Matrix:
    """Trainings whose accuracy differs by seed, each answering every question by chance."""
    shifts = [draw.gauss(gain, deviation) for _ in range(seeds)]
    return [[float(draw.random() < chance + shift) for chance in chances] for shift in shifts]


def chances_of(draw: random.Random, n: int) -> list[float]:
    return [draw.betavariate(2, 2) for _ in range(n)]


@pytest.mark.parametrize("deviation", [0.0, 0.02, 0.05])
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("base", [True, False])
def test_groups_that_are_alike_are_told_apart_in_no_more_than_7_of_100(
    seeds: int, deviation: float, *, base: bool
) -> None:
    draw, told, trials = random.Random(f"{seeds} {deviation} {base}"), 0, 400
    for _ in range(trials):
        chances = chances_of(draw, 100)
        first = group(draw, chances, *((1, 0.0) if base else (seeds, deviation)))
        found = difference(first, group(draw, chances, seeds, deviation))
        told += abs(found.value) > found.half()
    assert told / trials <= 0.07


def test_a_gain_that_is_large_for_its_seeds_is_found() -> None:
    draw, told, trials = random.Random(5), 0, 100
    for _ in range(trials):
        chances = chances_of(draw, 300)
        found = difference(group(draw, chances, 1, 0.0), group(draw, chances, 5, 0.02, 0.15))
        told += found.p < 0.05
    assert told >= 90


def test_p_is_below_the_level_just_where_the_interval_leaves_0() -> None:
    draw = random.Random(9)
    for _ in range(40):
        chances = chances_of(draw, 60)
        found = difference(group(draw, chances, 3, 0.05), group(draw, chances, 3, 0.05, 0.1))
        interval = found.interval()
        assert (found.p < 0.05) == (interval.low > 0 or interval.high < 0)


def test_two_seeds_have_no_variance_of_training_and_three_have_their_own_quantile() -> None:
    rows = [[1.0, 0.0] * 50, [0.0, 1.0] * 25 + [1.0] * 50, [1.0] * 60 + [0.0] * 40]
    assert [part.freedom for part in mean(rows[:2]).parts] == [99]
    assert [part.freedom for part in mean(rows).parts] == [99, 2]
    assert mean(rows).value == pytest.approx(fmean(map(fmean, rows)))


def test_a_model_that_is_right_on_all_questions_is_not_taken_for_certain() -> None:
    found = difference([[0.0] * 40], [[1.0] * 40] * 3)
    assert found.p < 1e-6
    assert found.half() > 0.02
    assert difference([[0.0]], [[1.0]] * 3).p == 1.0


def test_quantiles_agree_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats", reason=PEER)
    for freedom in (1, 2, 3, 4, 7, 20, 21, 60, 99, 4182):
        for confidence in (0.5, 0.95, 0.999):
            assert quantile(confidence, freedom) == pytest.approx(stats.t.ppf(0.5 + confidence / 2, freedom), rel=1e-4)
    with pytest.raises(ValueError, match="0 degrees of freedom"):
        quantile(0.95, 0)
