from __future__ import annotations

import math

import pytest

from reasonmed.report.statistics.agreement import difference, kappa, proportion


def test_wilson_gives_the_values_of_the_literature() -> None:
    """Newcombe, Stat Med 1998;17:857, table I, score method without continuity correction."""
    for successes, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = proportion(successes, n)
        assert found.value == successes / n
        assert found.low == pytest.approx(low, abs=5e-5)
        assert found.high == pytest.approx(high, abs=5e-5)


def test_wilson_of_all_is_the_mirror_of_none_and_of_nothing_knows_nothing() -> None:
    none, everything = proportion(0, 9), proportion(9, 9)
    assert everything.high == 1
    assert everything.low == pytest.approx(1 - none.high)
    nothing = proportion(0, 0)
    assert math.isnan(nothing.value)
    assert nothing[1:] == (0, 1)


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (1, 0)])
def test_wilson_refuses_counts_that_cannot_be(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{successes} of {n} is no rate"):
        proportion(successes, n)


@pytest.mark.parametrize(
    ("table", "value", "low", "high"),
    [
        ((20, 5, 10, 15), 0.4, 0.151092, 0.648908),
        ((45, 15, 25, 15), 0.130435, -0.062938, 0.323808),
        ((3, 0, 2, 40), 0.727273, 0.371800, 1.0),
        ((7, 9, 8, 6), -0.133333, -0.487188, 0.220521),
    ],
)
def test_kappa_and_its_interval_are_those_of_statsmodels(
    table: tuple[int, int, int, int], value: float, low: float, high: float
) -> None:
    """``cohens_kappa`` of statsmodels 0.15; an upper end above 1 is cut."""
    assert kappa(*table) == pytest.approx((value, low, high), abs=1e-6)


def test_kappa_of_a_worked_example() -> None:
    """20 and 15 of 50 agreed on, 0.70 observed and 0.50 by chance: kappa is 0.40."""
    assert kappa(20, 5, 10, 15).value == pytest.approx(0.4)


def test_kappa_is_not_defined_where_nothing_varies() -> None:
    for table in ((0, 0, 0, 0), (9, 0, 0, 0), (0, 0, 0, 9)):
        found = kappa(*table)
        assert math.isnan(found.value)
        assert found[1:] == (-1, 1)


@pytest.mark.parametrize("table", [(5, 0, 0, 5), (40, 0, 0, 3), (15, 0, 47, 0), (0, 9, 0, 20)])
def test_kappa_of_a_rater_who_never_varies_or_never_differs_is_not_told_as_certain(
    table: tuple[int, int, int, int],
) -> None:
    found = kappa(*table)
    assert found.value == (1 if not table[1] + table[2] else 0)
    assert found.low < found.value <= found.high
    assert found.high - found.low > 0.05


def test_the_interval_of_full_agreement_is_that_of_the_agreement() -> None:
    found = kappa(5, 0, 0, 5)
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx((proportion(10, 10).low - 0.5) / 0.5)


def test_the_difference_of_shares_has_newcombes_interval() -> None:
    """Newcombe, Stat Med 1998;17:873, example 56/70 against 48/80, method 10."""
    found = difference(proportion(56, 70), proportion(48, 80))
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.0524, abs=5e-5)
    assert found.high == pytest.approx(0.3339, abs=5e-5)
