"""Who reviews which queue, whatever an address or a cookie says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from reasonmed.runs.reviews import QueueWanted
from reasonmed.web.reviewing.asked import Reviewer, asked_in, cookie_of, name_in, reviewers_in, spelled

names = st.text(min_size=1, max_size=90).map(name_in).filter(bool)


@given(st.lists(st.builds(Reviewer, names, st.just("nurse")), max_size=3), names)
def test_a_cookie_keeps_the_last_reviewer_first_and_nobody_twice(known: list[Reviewer], name: str) -> None:
    found = reviewers_in(cookie_of(Reviewer(name, "resident"), known))
    assert found[0] == Reviewer(name, "resident")
    assert name.casefold() not in [one.name.casefold() for one in found[1:]]


@given(st.text(max_size=60))
def test_any_other_cookie_is_nobody(cookie: str) -> None:
    assert all(name_in(one.name) == one.name for one in reviewers_in(cookie))


def test_a_name_is_one_line_without_signs_that_are_obeyed() -> None:
    assert name_in("  Dr.\n A\tB ") == "Dr. A B"
    assert name_in("e\u0301") == "\u00e9"
    assert [name_in(bad) for bad in ("", "  ", "x" * 81, "a\u202eb", "a\x00")] == [None] * 5
    assert spelled("dr. a", ["Dr. A"]) == "Dr. A"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("queue=audit&n=12&seed=3&chains=1", QueueWanted("audit", 12, seed=3, chains=True)),
        ("queue=audit&n=-1&seed=x&share=50", QueueWanted("audit", share=0.5)),
        ("queue=audit&n=99999999999999&share=101", QueueWanted("audit")),
        ("queue=disagreement&every=1", QueueWanted("disagreement")),
        ("queue=uncertain&every=5&n=%C2%B2", QueueWanted("uncertain", audit_every=5)),
        ("queue=everything", None),
    ],
)
def test_what_an_address_asks_wrongly_is_left_out(query: str, wanted: QueueWanted | None) -> None:
    assert asked_in(QueryParams(query), []).wanted == wanted


def test_an_address_without_a_name_means_who_was_here_last_and_keeps_the_filter() -> None:
    asked = asked_in(QueryParams("run=r&tier=easy&q=sepsis&token=x"), [Reviewer("A", "nurse"), Reviewer("B")])
    assert asked.reviewer == Reviewer("A", "nurse")
    assert asked.filter == [("tier", "easy"), ("q", "sepsis")]
    assert asked_in(QueryParams("reviewer=B"), [Reviewer("A")]).reviewer == Reviewer("B")
