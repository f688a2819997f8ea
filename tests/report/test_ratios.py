"""Shares of pieces by a bootstrap over questions, and their correction for a judge's errors."""

from __future__ import annotations

from random import Random

import pytest

from reasonmed.report.statistics.intervals import Interval, wilson
from reasonmed.report.statistics.ratios import Judge, Of, corrected, ratio, ratio_difference, ratio_p, share

TRUTH = 0.2


def _judge(flagged: int, faulty: int, passed: int, sound: int) -> Judge:
    return Judge(wilson(flagged, faulty), wilson(passed, sound))


def _simulated(seed: int, sensitivity: float = 0.8, specificity: float = 0.9) -> tuple[list[Of], Judge]:
    """Answers whose steps are wrong by chance, some answers more often, before a judge of known error rates."""
    draw = Random(seed)
    told = []
    for _ in range(100):
        rate, steps = draw.betavariate(4 * TRUTH, 4 * (1 - TRUTH)), draw.randint(3, 12)
        wrong = [draw.random() < rate for _ in range(steps)]
        flagged = sum(draw.random() < (sensitivity if one else 1 - specificity) for one in wrong)
        told.append(Of(flagged, steps))
    planted = sum(draw.random() < sensitivity for _ in range(100))
    passed = sum(draw.random() < specificity for _ in range(400))
    return told, _judge(planted, 100, passed, 400)


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.8, 0.9), (0.95, 0.7), (0.6, 0.98)])
def test_the_corrected_rate_of_a_judge_of_known_errors_covers_the_truth(sensitivity: float, specificity: float) -> None:
    covered = raw_covered = 0
    for seed in range(100):
        counts, judge = _simulated(seed, sensitivity, specificity)
        found, raw = corrected(counts, judge), share(counts, seed=seed, resamples=100)
        assert found is not None
        assert raw is not None
        assert 0 <= found.low <= found.value <= found.high <= 1
        covered += found.low <= TRUTH <= found.high
        raw_covered += raw.low <= TRUTH <= raw.high
    assert covered >= 92
    assert raw_covered < covered


def test_the_correction_undoes_known_errors_exactly() -> None:
    # of 100 steps 30 are faulty: 0.8 of them and 0.1 of the 70 others are flagged
    found = corrected([Of(3, 10), Of(4, 10), *[Of(3, 10)] * 8], _judge(80, 100, 900, 1000))
    assert found is not None
    assert found.value == pytest.approx((0.31 + 0.9 - 1) / 0.7)


@pytest.mark.parametrize("judge", [_judge(5, 10, 5, 10), _judge(1, 10, 5, 10), Judge(Interval(0, 0, 1), wilson(9, 10))])
def test_a_judge_whose_word_says_nothing_corrects_nothing(judge: Judge) -> None:
    assert corrected([Of(1, 4)] * 20, judge) is None


def test_a_corrected_rate_stays_within_nought_and_one_and_few_cases_make_it_wide() -> None:
    low = corrected([Of(0, 5)] * 30, _judge(8, 10, 18, 20))
    assert low is not None
    assert (low.value, low.low) == (0, 0)
    sure = corrected([Of(0, 5)] * 30, _judge(10, 10, 20, 20))
    assert sure is not None
    assert sure.high > 0.02
    many = corrected([Of(1, 5)] * 30, _judge(800, 1000, 1800, 2000))
    few = corrected([Of(1, 5)] * 30, _judge(8, 10, 18, 20))
    assert few is not None
    assert many is not None
    assert few.high - few.low > many.high - many.low


def test_steps_of_one_question_are_no_more_evidence_than_it_is() -> None:
    apart = share([Of(one, 1) for one in [1, 0, 0, 0] * 25])
    together = share([Of(10 * one, 10) for one in [1, 0, 0, 0] * 25])
    assert apart is not None
    assert together is not None
    assert apart == together


def test_a_share_without_any_has_the_interval_of_so_many_questions() -> None:
    none = share([Of(0, 9)] * 20)
    assert none is not None
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(0.1611, abs=1e-4)
    assert share([Of(0, 0)] * 3) is None
    assert ratio([]) is None


def test_a_few_rare_pieces_on_one_side_are_no_difference() -> None:
    rare = [(Of(0, 1), Of(place < 4, 1)) for place in range(30)]
    assert ratio_p(rare) == pytest.approx(0.125)
    told = ratio_difference(rare)
    assert told is not None
    assert told[2].low > 0


def test_the_p_of_a_difference_of_ratios_is_small_as_often_as_it_says() -> None:
    draw, small = Random(5), 0
    for seed in range(60):
        pairs = []
        for _ in range(20):
            rate, first, second = draw.betavariate(1, 4), draw.randint(3, 9), draw.randint(3, 9)
            one, other = (Of(sum(draw.random() < rate for _ in range(n)), n) for n in (first, second))
            pairs.append((one, other))
        small += ratio_p(pairs, seed=seed) < 0.05
    assert small <= 7


def test_a_difference_is_paired_by_question_and_seeded() -> None:
    draw = Random(1)
    first = [Of(draw.randint(0, 3), draw.randint(4, 8)) for _ in range(60)]
    pairs = [(one, Of(one.part + 1, one.whole)) for one in first]
    told = ratio_difference(pairs, seed=3)
    assert told is not None
    one, other, found = told
    assert found.value == pytest.approx(other - one)
    assert 0.1 < found.low < found.value < found.high < 0.3
    assert ratio_difference(pairs, seed=3) == told
    same = ratio_difference([(one, one) for one in first])
    assert same is not None
    assert tuple(same[2]) == (0, 0, 0)
    assert ratio_difference([(Of(0, 0), Of(1, 2))]) is None
