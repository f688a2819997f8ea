"""The rows beside a row of a set."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.web.index import rows as sets

ROWS = st.sets(st.integers(0, 40))


@settings(max_examples=50)
@given(ROWS, st.integers(0, 41))
def test_the_nearest_rows_of_a_set_are_found(rows: set[int], row: int) -> None:
    found = sets.bits_of(rows)
    assert sets.before(found, row) == max((one for one in rows if one < row), default=None)
    assert sets.after(found, row) == min((one for one in rows if one > row), default=None)
