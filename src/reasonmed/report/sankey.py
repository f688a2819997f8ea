"""A flow from column to column, as SVG: nothing gets lost between two columns, and every column has the same scale.

A flow has a size at each end, since a unit may change on the way: nine chains of thought leave their verdicts, one
question arrives at its tier. The sizes at a node's side add up to the node; where they do not, the chart is refused.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.page import Html
from reasonmed.report.svg import escaped, painted, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reasonmed.report.svg import Tone

WIDTH, HEIGHT = 1080.0, 430.0
_HEAD, _BAR, _ROOM = 34.0, 10.0, 190.0
"""Above the columns for their names, the width of a node, and the room for labels right of the last column."""
_GAP = 36.0
"""Between two nodes of a column: two lines of text."""
_LINE = 15.0
_WEAK, _EXACT = 0.32, 1e-6


class Node(NamedTuple):
    """Something that is counted. ``size`` is in the unit that all columns share; the label says it in its own.

    ``asked`` is where a click leads, in a form of the caller's own; None for nowhere. A node without a label only lets
    flows pass.
    """

    name: str
    column: int
    size: float
    tone: Tone
    figure: str = ""
    label: str = ""
    note: str = ""
    asked: tuple[tuple[str, str], ...] | None = None


class Flow(NamedTuple):
    """What goes from one node to a node of the next column: its size where it leaves and where it arrives.

    ``figure`` and ``said`` are what it is in words; ``asked`` is as a node's.
    """

    source: str
    target: str
    leaves: float
    arrives: float
    tone: Tone
    figure: str
    said: str
    asked: tuple[tuple[str, str], ...] | None = None


class Sankey(NamedTuple):
    """A chart: the names of its columns, its nodes from the top down, and what flows between them."""

    title: str
    columns: tuple[str, ...]
    nodes: tuple[Node, ...]
    flows: tuple[Flow, ...]


class Placed(NamedTuple):
    """A node with its place."""

    node: Node
    x: float
    y: float
    height: float


class Ribbon(NamedTuple):
    """A flow with the places of its two ends: the upper edge and the height of each."""

    flow: Flow
    left: float
    right: float
    top: float
    leaves: float
    end: float
    arrives: float


def check(chart: Sankey) -> None:
    """See that what enters a node and what leaves it are as much as the node is, but at the two ends.

    Raises:
        ValueError: at some node they are not.
    """
    entering, leaving = _sums(chart, arriving=True), _sums(chart, arriving=False)
    for node in chart.nodes:
        sides = (("enters", entering, 0), ("leaves", leaving, len(chart.columns) - 1))
        for side, sums, end in sides:
            found = sums.get(node.name, 0.0)
            if node.column != end and not math.isclose(found, node.size, rel_tol=_EXACT, abs_tol=_EXACT):
                raise ValueError(f"{found:g} {side} {node.name!r}, which has {node.size:g}")


def layout(chart: Sankey) -> tuple[list[Placed], list[Ribbon]]:
    """Where everything is.

    Raises:
        ValueError: the sizes do not add up.
    """
    check(chart)
    placed = {one.node.name: one for one in _placed(chart)}
    scale = _scale(chart)
    rank = {name: number for number, name in enumerate(placed)}
    used_left: dict[str, float] = defaultdict(float)
    used_right: dict[str, float] = defaultdict(float)
    ends: dict[Flow, float] = {}
    for flow in sorted(chart.flows, key=lambda one: (rank[one.target], rank[one.source])):
        ends[flow] = placed[flow.target].y + used_left[flow.target]
        used_left[flow.target] += flow.arrives * scale
    ribbons = []
    for flow in sorted(chart.flows, key=lambda one: (rank[one.source], rank[one.target])):
        source, target = placed[flow.source], placed[flow.target]
        top = source.y + used_right[flow.source]
        used_right[flow.source] += flow.leaves * scale
        sizes = (top, flow.leaves * scale, ends[flow], flow.arrives * scale)
        ribbons.append(Ribbon(flow, source.x + _BAR, target.x, *sizes))
    return list(placed.values()), ribbons


def drawn(chart: Sankey, link: Callable[[tuple[tuple[str, str], ...]], str] | None = None) -> Html:
    """The chart as SVG; ``link`` makes an address of what a node asks.

    Raises:
        ValueError: the sizes do not add up.
    """
    placed, ribbons = layout(chart)
    parts = [
        *(_column(chart, number) for number in range(len(chart.columns))),
        *(_ribbon(one) for one in ribbons),
        *(_node(one, link) if one.node.label else _passage(one) for one in placed),
    ]
    return Html(
        f'<svg class="sankey" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" width="{WIDTH:.0f}" height="{HEIGHT:.0f}" '
        f'role="group" aria-label="{escaped(chart.title)}" font-size="13">{"".join(parts)}</svg>'
    )


def _sums(chart: Sankey, *, arriving: bool) -> dict[str, float]:
    found: dict[str, list[float]] = defaultdict(list)
    for flow in chart.flows:
        found[flow.target if arriving else flow.source].append(flow.arrives if arriving else flow.leaves)
    return {name: math.fsum(sizes) for name, sizes in found.items()}


def _scale(chart: Sankey) -> float:
    """Pixels a unit: the same for all columns, so that the one with the most nodes still fits."""
    sizes: dict[int, list[float]] = defaultdict(list)
    for node in chart.nodes:
        sizes[node.column].append(node.size)
    most = max((len(column) for column in sizes.values()), default=1)
    largest = max((math.fsum(column) for column in sizes.values()), default=0.0)
    return (HEIGHT - _HEAD - _GAP * most) / largest if largest else 0.0


def _placed(chart: Sankey) -> Iterator[Placed]:
    step = (WIDTH - _ROOM - _BAR) / max(len(chart.columns) - 1, 1)
    scale = _scale(chart)
    below: dict[int, float] = defaultdict(lambda: _HEAD + _GAP / 2)
    for node in chart.nodes:
        height = node.size * scale
        yield Placed(node, node.column * step, below[node.column], height)
        below[node.column] += height + _GAP


def _column(chart: Sankey, number: int) -> str:
    x = number * (WIDTH - _ROOM - _BAR) / max(len(chart.columns) - 1, 1)
    return f'<text class="column" x="{plain(x)}" y="{_LINE:.0f}">{escaped(chart.columns[number])}</text>'


def _ribbon(one: Ribbon) -> str:
    middle = (one.left + one.right) / 2
    x = [plain(value) for value in (one.left, middle, one.right)]
    y = [plain(value) for value in (one.top, one.end, one.end + one.arrives, one.top + one.leaves)]
    return (
        f'<path class="flow" d="M{x[0]} {y[0]}C{x[1]} {y[0]} {x[1]} {y[1]} {x[2]} {y[1]}V{y[2]}'
        f'C{x[1]} {y[2]} {x[1]} {y[3]} {x[0]} {y[3]}Z" {painted(one.flow.tone, _WEAK)}>'
        f"<title>{escaped(one.flow.figure)} {escaped(one.flow.said)}</title></path>"
    )


def _passage(one: Placed) -> str:
    return (
        f'<rect class="flow" x="{plain(one.x)}" y="{plain(one.y)}" width="{_BAR:.0f}" height="{plain(one.height)}" '
        f"{painted(one.node.tone, _WEAK)}/>"
    )


def _node(one: Placed, link: Callable[[tuple[tuple[str, str], ...]], str] | None) -> str:
    node = one.node
    x, middle = one.x + _BAR + 6, one.y + one.height / 2 + (0 if node.note else 4.5)
    note = f'<tspan class="note" x="{plain(x)}" dy="{_LINE:.0f}">{escaped(node.note)}</tspan>' if node.note else ""
    shape = (
        f'<rect x="{plain(one.x)}" y="{plain(one.y)}" width="{_BAR:.0f}" height="{plain(max(one.height, 1.0))}" '
        f'{painted(node.tone)}/><text x="{plain(x)}" y="{plain(middle)}"><tspan class="count" font-weight="600">'
        f"{escaped(node.figure)}</tspan> {escaped(node.label)}{note}</text>"
    )
    if link is None or node.asked is None:
        return shape
    return f'<a href="{escaped(link(node.asked))}">{shape}</a>'
