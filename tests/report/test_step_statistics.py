"""Sound and faulty steps told apart by probabilities: area, accuracy, first faults, and intervals by chain."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.report.statistics.steps import Labeled, measured

CHAINS = st.lists(
    st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.5, 0.9]), st.booleans()), min_size=1, max_size=4),
    min_size=1,
    max_size=6,
)


def chains(found: list[list[tuple[float, bool]]]) -> list[Labeled]:
    return [Labeled(tuple(chance for chance, _ in one), tuple(ok for _, ok in one)) for one in found]


@given(CHAINS)
def test_the_area_is_the_share_of_pairs_in_the_right_order(found: list[list[tuple[float, bool]]]) -> None:
    good = [chance for one in found for chance, ok in one if ok]
    bad = [chance for one in found for chance, ok in one if not ok]
    area = measured(chains(found), resamples=20).auc
    if not good or not bad:
        assert area is None
        return
    won = sum((one > other) + (one == other) / 2 for one in good for other in bad)
    assert area is not None
    assert area.value == pytest.approx(won / len(good) / len(bad))
    assert area.low <= area.high


def test_a_chains_first_fault_must_be_found_itself() -> None:
    found = measured(
        [
            Labeled((0.9, 0.2, 0.9), (True, False, True)),
            Labeled((0.2, 0.2, 0.9), (True, False, True)),
            Labeled((0.9, 0.9), (True, True)),
            Labeled((0.9, 0.9), (True, False)),
        ]
    )
    assert found.first_error.value == 0.5
    assert found.accuracy.value == 0.8
    assert (found.chains, found.steps, found.faults) == (4, 10, 3)


def test_an_interval_is_of_chains_and_widens_where_the_steps_of_a_chain_are_alike() -> None:
    draw = Random(1)
    single = [Labeled((draw.random(),), (draw.random() < 0.5,)) for _ in range(60)]
    copied = [Labeled(one.chances * 10, one.ok * 10) for one in single]
    one, ten = (measured(found).auc for found in (single, copied))
    assert one is not None
    assert ten is not None
    assert ten == pytest.approx(one), "ten copies of a step in one chain are no more evidence than it is"
    assert one.low < 0.5 < one.high, "chance"
