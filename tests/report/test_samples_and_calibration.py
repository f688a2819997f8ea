"""What fewer samples would have given, and whether probabilities are as large as they are right."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.report.statistics.calibration import bins, brier, expected_error, softmax
from reasonmed.report.statistics.samples import majority_at, pass_at, sizes

VOTES = st.lists(st.sampled_from(["A", "B", "C", None]), min_size=1, max_size=7)


def enumerated(votes: list[str | None], k: int) -> tuple[float, float]:
    """Majority and pass of all choices of k, one by one."""
    majority = passed = 0.0
    chosen = list(itertools.combinations(range(len(votes)), k))
    for places in chosen:
        counts = Counter(votes[place] for place in places if votes[place] is not None)
        most = max(counts.values(), default=0)
        leaders = [name for name, count in counts.items() if count == most]
        majority += (1 / len(leaders)) if "A" in leaders else 0.0
        passed += counts["A"] > 0
    return majority / len(chosen), passed / len(chosen)


@given(VOTES, st.data())
def test_curves_are_the_means_over_all_choices(votes: list[str | None], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(votes)))
    majority, passed = enumerated(votes, k)
    assert majority_at(votes, "A", k) == pytest.approx(majority)
    assert pass_at(len(votes), votes.count("A"), k) == pytest.approx(passed)


def test_one_of_one_is_the_mean_and_the_last_point_has_all() -> None:
    votes = ["A", "B", "A", None]
    assert majority_at(votes, "A", 1) == pass_at(4, 2, 1) == 0.5
    assert majority_at(votes, "A", 4) == 1.0
    assert sizes(4) == [1, 2, 4]
    assert sizes(6) == [1, 2, 4, 6]


def test_probabilities_that_hold_have_a_small_error_and_boasts_a_large_one() -> None:
    draw = random.Random(1)
    honest = [(sure, float(draw.random() < sure)) for sure in (draw.random() for _ in range(5000))]
    assert expected_error(bins(honest)) < 0.03
    assert expected_error(bins([(0.99, right) for _, right in honest])) == pytest.approx(0.49, abs=0.02)
    assert sum(one.n for one in bins(honest)) == 5000
    assert expected_error(bins([(0.7, 1.0)])) == pytest.approx(0.3)


def test_the_brier_score_is_the_squared_distance_over_all_options() -> None:
    assert brier((0.7, 0.2, 0.1), 0) == pytest.approx(0.09 + 0.04 + 0.01)
    assert brier((0.0, 1.0), 0) == 2.0
    assert softmax([log(0.6) - 800, log(0.3) - 800, log(0.1) - 800]) == pytest.approx((0.6, 0.3, 0.1))
