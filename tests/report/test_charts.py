"""Charts that are drawn without matplotlib: what they show adds up, and texts stay texts."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.report import sankey, stacked, svg
from reasonmed.report.sankey import Flow, Node, Sankey

HOSTILE = "<script>alert(1)</script> & \"x\" 'y' \x1b[31m"
AMOUNTS = st.lists(st.integers(0, 200_000), min_size=1, max_size=6)


def funnel(amounts: list[int], name: str = "part") -> Sankey:
    """One node that is split, and joined again."""
    whole = sum(amounts)
    parts = [(f"{name} {number}", amount) for number, amount in enumerate(amounts)]
    nodes = [
        Node("all", 0, whole, "plain", f"{whole}", name, asked=()),
        *(Node(one, 1, amount, "good", f"{amount}", one, asked=(("tier", one),)) for one, amount in parts),
        Node("again", 2, whole, "bad", f"{whole}", name, "a note"),
    ]
    flows = [Flow("all", one, amount, amount, "good", f"{amount}", one) for one, amount in parts]
    flows += [Flow(one, "again", amount, amount, "bad", f"{amount}", one) for one, amount in parts]
    return Sankey(name, ("a", "b", "c"), tuple(nodes), tuple(flows))


@settings(max_examples=60, deadline=None)
@given(AMOUNTS)
def test_what_flows_into_a_node_and_out_of_it_is_as_high_as_the_node(amounts: list[int]) -> None:
    placed, ribbons = sankey.layout(funnel(amounts))
    entering, leaving = Counter[str](), Counter[str]()
    for one in ribbons:
        entering[one.flow.target] += one.arrives  # type: ignore[assignment]
        leaving[one.flow.source] += one.leaves  # type: ignore[assignment]
    for node, _, _, height in placed:
        if node.column > 0:
            assert entering[node.name] == pytest.approx(height)
        if node.column < 2:
            assert leaving[node.name] == pytest.approx(height)


@settings(max_examples=60, deadline=None)
@given(AMOUNTS)
def test_nodes_of_a_column_leave_room_for_their_labels_and_stay_inside(amounts: list[int]) -> None:
    placed, ribbons = sankey.layout(funnel(amounts))
    for before, after in pairwise(placed):
        if before.node.column == after.node.column:
            assert after.y - (before.y + before.height) >= 30
    assert all(one.y + one.height <= sankey.HEIGHT for one in placed)
    assert all(one.end + one.arrives <= sankey.HEIGHT for one in ribbons)


def test_a_flow_that_loses_something_is_refused() -> None:
    chart = funnel([3, 4])
    with pytest.raises(ValueError, match="3 leaves 'all', which has 7"):
        sankey.drawn(chart._replace(flows=(chart.flows[0], *chart.flows[2:])))


def test_charts_are_wellformed_the_same_each_time_and_let_no_markup_in() -> None:
    chart = sankey.drawn(funnel([3, 0, 4], HOSTILE), lambda asked: f"/?{asked}")
    bar = stacked.stacked([stacked.Part(HOSTILE, 3, "good"), stacked.Part("b", 1, "gray")], 8)
    for drawn in (chart, bar, *(svg.swatch(tone) for tone in svg.TONES)):
        assert "<script" not in drawn
        assert "style=" not in drawn
        assert "\x1b" not in drawn
        ET.fromstring(drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))  # noqa: S314 - made here
    assert chart == sankey.drawn(funnel([3, 0, 4], HOSTILE), lambda asked: f"/?{asked}")


@settings(max_examples=60, deadline=None)
@given(AMOUNTS)
def test_the_parts_of_a_bar_lie_side_by_side_and_fill_their_share(amounts: list[int]) -> None:
    whole = max(1, 2 * sum(amounts))
    found = stacked.pieces([stacked.Part(f"{one}", one, "plain") for one in amounts], whole)
    left = 0.0
    for piece in found:
        assert piece.left == pytest.approx(left)
        assert piece.width == pytest.approx(stacked.WIDTH * piece.part.amount / whole)
        left = piece.left + piece.width
    assert left == pytest.approx(stacked.WIDTH * sum(amounts) / whole)


def test_a_bar_says_its_parts() -> None:
    bar = stacked.stacked([stacked.Part("easy", 3, "low"), stacked.Part("hard", 1, "high")], 4)
    assert re.search('role="img" aria-label="([^"]*)"', bar)[1] == "easy 3 (75%), hard 1 (25%)"  # type: ignore[index]
    assert 'aria-label="nothing"' in stacked.stacked([], 0)
