"""How often the models pass a question: correct over judged, and bounds where a chain has no verdict."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reasonmed.runs.pass_rate import ModelRate, pass_rate_of
from reasonmed.runs.records import Facts, record_in, records_of
from reasonmed.types import Kept, Story, Verdict
from support import chain, judged_story, question


@dataclass
class Case:
    outcomes: str
    value: float | None
    bounds: tuple[float, float] | None = None
    unsampled: int = 0


@pytest.mark.parametrize(
    "case",
    [
        Case("ccceeeeee", 3 / 9),
        Case("ccccccccc", 1.0),
        Case("eeeeeeeee", 0.0),
        Case("cceeeeeeu", 2 / 8, (2 / 9, 3 / 9)),
        Case("cceeeeeem", 2 / 8, (2 / 9, 3 / 9)),
        Case("eeeeee", 0.0, (0.0, 3 / 9), unsampled=3),
        Case("uummm", None, (0.0, 1.0)),
        Case("", None),
    ],
    ids=lambda case: f"{case.outcomes}+{case.unsampled}",
)
def test_a_pass_rate_is_correct_over_judged_with_bounds_where_chains_are_open(case: Case) -> None:
    found = pass_rate_of(replace(judged_story(case.outcomes), unsampled=case.unsampled))
    assert (found.value, found.bounds) == (case.value, case.bounds)
    assert found.judged == case.outcomes.count("c") + case.outcomes.count("e")
    assert found.open == len(case.outcomes) + case.unsampled - found.judged


@given(st.text("ceum", max_size=12), st.integers(0, 3))
def test_bounds_hold_whatever_the_open_chains_would_come_to(outcomes: str, unsampled: int) -> None:
    found = pass_rate_of(replace(judged_story(outcomes), unsampled=unsampled))
    assert sum(one.judged for one in found.by_model) == found.judged
    assert sum(one.correct for one in found.by_model) == found.correct
    if found.bounds is None:
        assert found.open == 0
        return
    opened = outcomes.replace("u", "?").replace("m", "?") + "?" * unsampled
    for right in (opened.replace("?", "e"), opened.replace("?", "c")):
        value = pass_rate_of(judged_story(right)).value
        assert value is not None
        assert found.bounds[0] <= value <= found.bounds[1]


def test_the_chains_of_a_model_count_together_whatever_their_temperature() -> None:
    chains = [chain(model="b", temperature=0.7), chain(model="a", outcome="error"), chain(model="b", temperature=1.0)]
    assert pass_rate_of(Story(question(), tuple(chains))).by_model == (ModelRate("b", 2, 2), ModelRate("a", 0, 1))


def test_a_prechecked_chain_is_a_judged_error() -> None:
    chains = (chain(), replace(chain(answer=0), verdict=Verdict("error", prechecked=True)))
    assert pass_rate_of(Story(question(), chains)).value == 1 / 2


def test_records_hold_rate_and_counts_and_older_ones_without_them_still_load() -> None:
    story = replace(judged_story("cceeeeu"), kept=(Kept("Because. Answer: B", "m0", 0),))
    (record,) = records_of(story, Facts(demo=False, prompts={}), {})
    assert record.pass_rate == 2 / 6
    told = record.provenance["pass_rate"]
    assert (told["correct"], told["judged"], told["open"], told["bounds"]) == (2, 6, 1, (2 / 7, 3 / 7))
    assert list(told["by_model"]) == [
        {"model": "m0", "correct": 1, "judged": 2},
        {"model": "m1", "correct": 1, "judged": 2},
        {"model": "m2", "correct": 0, "judged": 2},
    ]
    fields = {name: getattr(record, name) for name in record.__struct_fields__ if name != "pass_rate"}
    assert record_in({**fields, "tier": None}).pass_rate is None
