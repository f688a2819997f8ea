"""Means and shares from counts of alike questions: the same as from lists of all pieces."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.report.statistics import counted
from reasonmed.report.statistics.intervals import standard_error, wilson

questions = st.lists(st.lists(st.integers(0, 10), min_size=1, max_size=4), min_size=2, max_size=12)


def counts_of(asked: list[list[int]]) -> Counter[tuple[float, int]]:
    return Counter((float(sum(one)), len(one)) for one in asked)


@given(questions)
def test_the_error_of_counts_is_that_of_all_pieces_clustered_by_question(asked: list[list[int]]) -> None:
    pieces = [float(value) for one in asked for value in one]
    groups = [place for place, one in enumerate(asked) for _ in one]
    assert counted.error(counts_of(asked)) == pytest.approx(standard_error(pieces, groups), abs=1e-9)
    found = counted.mean(counts_of(asked))
    assert found is not None
    assert found[0] == pytest.approx(fmean(pieces))


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=4), min_size=1, max_size=12))
def test_a_share_is_within_its_interval_which_is_never_narrower_than_wilsons(asked: list[list[bool]]) -> None:
    found = counted.share(counts_of([[int(value) for value in one] for one in asked]))
    flat = [value for one in asked for value in one]
    alone = wilson(sum(flat), len(flat))
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low >= alone.high - alone.low - 1e-9


def test_one_question_has_a_mean_without_an_interval_and_nothing_has_none() -> None:
    assert counted.mean(Counter({(7.0, 2): 1})) == (3.5, None)
    assert counted.mean(Counter()) is None
    assert counted.share(Counter()) is None
