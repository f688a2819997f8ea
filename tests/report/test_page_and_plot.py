"""Pages escape what they show; plots are the same bytes each time."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from reasonmed.report import page as pages
from reasonmed.report import plot

HOSTILE = "<script>alert(1)</script> & $x^2$ \x1b[31m"


def test_no_text_becomes_markup() -> None:
    parts = (
        pages.heading(HOSTILE),
        pages.paragraph(HOSTILE),
        pages.table([HOSTILE], [[HOSTILE]]),
        pages.details(HOSTILE, HOSTILE),
    )
    whole = pages.page(HOSTILE, parts)
    assert "<script" not in whole
    assert whole.count("&lt;script&gt;") == 8


def _three() -> list[str]:
    groups: dict[str, dict[str, plot.Bar | float]] = {
        "easy": {"a": plot.Bar(0.5, 0.4, 0.6), "b": 0.3},
        HOSTILE: {"a": 0.2},
    }
    return [
        plot.bars(HOSTILE, groups, "share"),
        plot.lines("loss", {HOSTILE: [(1, 2), (2, 1)]}, "step", "loss"),
        plot.histogram("words", {"a": [1, 2, 2], "b": [3]}, "words"),
    ]


def test_plots_are_wellformed_and_the_same_each_time() -> None:
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    drawn = _three()
    assert drawn == _three()
    for first in drawn:
        ET.fromstring(first)  # noqa: S314 - our own picture
        assert "<script" not in first
