"""Pages escape what they show; plots are the same bytes each time."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from xml.etree import ElementTree as ET

import pytest

from reasonmed.report import page as pages
from reasonmed.report import plot

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script> & $x^2$ \x1b[31m"


def test_no_text_becomes_markup() -> None:
    parts = (
        pages.heading(HOSTILE),
        pages.paragraph(HOSTILE),
        pages.table([HOSTILE], [[HOSTILE]]),
        pages.details(HOSTILE, HOSTILE),
    )
    whole = pages.page(HOSTILE, parts)
    assert whole.count("<script") == 1
    assert whole.count("&lt;script&gt;") == 8


def test_a_page_allows_its_own_style_and_script_and_nothing_else() -> None:
    whole = pages.page("t", [pages.heading("a"), pages.paragraph("b")])
    (allowed,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', whole)
    assert allowed.startswith("default-src 'none'; ")
    assert "unsafe" not in allowed
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", whole, re.DOTALL)
        assert f"{kind} 'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in allowed
    assert not re.search(r"<[^>]* (style|on\w+)=", whole)


def test_a_page_of_many_sections_lists_them_and_a_short_one_does_not() -> None:
    def page_of(count: int) -> str:
        return pages.page("t", [pages.heading(f"Section {number} {HOSTILE}") for number in range(1, count + 1)])

    assert "<nav" not in page_of(4)
    assert [page_of(5).count(f'href="#part-{number}"') for number in range(1, 7)] == [1, 1, 1, 1, 1, 0]
    assert page_of(5).count("<script") == 1


def test_a_long_text_beside_a_summary_is_cut_and_stays_on_its_line() -> None:
    shown = pages.details("q1", "all of it", "A man\nof 56\n" + "x" * 500)
    assert "<span class=about>A man of 56 xxx" in shown
    assert len(shown) < 300


def _three() -> list[pages.Html]:
    groups: dict[str, dict[str, plot.Bar | float]] = {
        "easy": {"a": plot.Bar(0.5, 0.4, 0.6), "b": 0.3},
        HOSTILE: {"a": 0.2},
    }
    return [
        plot.bars(HOSTILE, groups, "share"),
        plot.lines("loss", {HOSTILE: [(1, 2), (2, 1)]}, "step", "loss"),
    ]


def test_plots_are_wellformed_and_the_same_each_time() -> None:
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    drawn = _three()
    assert drawn == _three()
    for first in drawn:
        root = ET.fromstring(first)  # noqa: S314 - our own picture
        assert "<script" not in first
        assert "<style" not in first
        assert not {"#000000", "#ffffff"} & {value for one in root.iter() for value in one.attrib.values()}
        assert not [one for one in root.iter() if "style" in one.attrib]
        assert any("1" in one.get("class", "") for one in root.iter())
        ET.fromstring(plot.alone(first).encode())  # noqa: S314 - our own picture


def test_no_name_of_a_series_holds_a_control_character_or_covers_the_axes() -> None:
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    long = f"{HOSTILE} {'model ' * 30}"
    for drawn in (
        plot.bars("t", {"easy": {long: 0.5, "b": 0.3}}),
        plot.lines("t", {long: [(1, 2), (2, 1)], "b": [(1, 1)]}, "x", "y"),
    ):
        root = ET.fromstring(drawn)  # noqa: S314 - our own picture
        assert "\x1b" not in drawn
        assert "model " * 9 not in "".join(root.itertext())
        axes, legend = (next(one for one in root.iter() if one.get("id") == name) for name in ("patch_2", "legend_1"))
        right = max(float(word) for word in _numbers(axes)[::2])
        assert min(_lefts(legend)) > right


def _numbers(group: ET.Element) -> list[str]:
    return [word for path in group.iter(f"{SVG}path") for word in path.attrib["d"].split() if word not in "MLzQC"]


def _lefts(legend: ET.Element) -> list[float]:
    """The left ends of its handles."""
    return [
        float(_numbers(one)[0]) for one in legend.iter(f"{SVG}g") if (one.get("id") or "").startswith(("line", "patch"))
    ]
