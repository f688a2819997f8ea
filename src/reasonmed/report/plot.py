"""Plots as SVG, by matplotlib (extra ``plots``): the same bytes from the same figures.

A plot has no background, no ``style`` and no color of its own but those of its series, so that a page's style sheet
says how it looks, light and dark; ``alone`` is for a file of its own.
"""

from __future__ import annotations

import html
import io
import os
import re
import sys
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.errors import UsageError
from reasonmed.report.page import Html

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

_FOLDER = "MPLCONFIGDIR"
_COLORS = ("#2f6fab", "#d1772e", "#4b9b5f", "#a64d79", "#7a6bb0", "#8a8f98")
_BESIDE: dict[str, Any] = {"frameon": False, "loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
"""A legend beside the axes, where it covers nothing."""
_STYLED = re.compile(r'(<[a-z][^<>]*?) style="([^"]*)"')
_SHEET = re.compile(r"\s*<defs>\s*<style[^<]*</style>\s*</defs>")
_ROOT = '<svg class="plot" role="img" stroke-linejoin="round" stroke-linecap="butt"'
_INK, _NOTHING = ("#000000", "currentColor"), ("#ffffff", "none")


class Bar(NamedTuple):
    """A value with an interval: low and high are the same as the value where there is none."""

    value: float
    low: float
    high: float


def bars(title: str, groups: Mapping[str, Mapping[str, Bar | float]], unit: str = "") -> Html:
    """Horizontal bars: one group a row (a benchmark, a tier), one bar a series (a model, a split)."""
    series = list(dict.fromkeys(name for group in groups.values() for name in group))
    with _figure(title, 0.6 + 0.3 * sum(max(len(group), 1) for group in groups.values())) as (axes, done):
        high = 0.8 / max(len(series), 1)
        for place, name in enumerate(series):
            rows = [(row, group[name]) for row, group in enumerate(groups.values()) if name in group]
            found = [(row, one if isinstance(one, Bar) else Bar(one, one, one)) for row, one in rows]
            errors = [[bar.value - bar.low for _, bar in found], [bar.high - bar.value for _, bar in found]]
            axes.barh(
                [row + (place - (len(series) - 1) / 2) * high for row, _ in found],
                [bar.value for _, bar in found],
                height=high * 0.9,
                xerr=errors if any(map(any, errors)) else None,
                error_kw={"elinewidth": 1, "capsize": 2},
                color=_COLORS[place % len(_COLORS)],
                label=_plain(name),
            )
        axes.set_yticks(range(len(groups)), [_plain(name) for name in groups])
        axes.set_ylim(len(groups) - 0.45, -0.55)
        values = [bar.value if isinstance(bar, Bar) else bar for group in groups.values() for bar in group.values()]
        if all(float(value).is_integer() for value in values):
            axes.locator_params(axis="x", integer=True)
        axes.set_xlabel(unit)
        if len(series) > 1:
            axes.legend(**_BESIDE)
    return done[0]


def lines(title: str, series: Mapping[str, Sequence[tuple[float, float]]], x: str, y: str) -> Html:
    """Lines through points (x, y); a mark for a single one."""
    with _figure(title, 3.2) as (axes, done):
        for place, (name, points) in enumerate(series.items()):
            axes.plot(
                *zip(*points, strict=True),
                color=_COLORS[place % len(_COLORS)],
                label=_plain(name),
                linewidth=1.4,
                marker="o" if len(points) == 1 else None,
            )
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        if len(series) > 1:
            axes.legend(**_BESIDE)
    return done[0]


def intervals(title: str, series: Mapping[str, Sequence[tuple[float, Bar]]], x: str, y: str) -> Html:
    """Lines through points with intervals: the value at each x, and what it may be."""
    with _figure(title, 3.2) as (axes, done):
        for place, (name, points) in enumerate(series.items()):
            bars = [bar for _, bar in points]
            axes.errorbar(
                [at for at, _ in points],
                [bar.value for bar in bars],
                yerr=[[bar.value - bar.low for bar in bars], [bar.high - bar.value for bar in bars]],
                color=_COLORS[place % len(_COLORS)],
                label=_plain(name),
                linewidth=1.4,
                marker="o",
                markersize=3,
                elinewidth=1,
                capsize=2,
            )
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        if len(series) > 1:
            axes.legend(**_BESIDE)
    return done[0]


def _matplotlib() -> ModuleType:
    """Matplotlib, which reads and writes no folder of the user's, unless the user names one in MPLCONFIGDIR.

    It looks for settings and writes its list of fonts when it is imported, and not afterwards.
    """
    try:
        with _configured():
            import matplotlib as mpl
            import matplotlib.backends.backend_svg
            import matplotlib.figure
    except ImportError as missing:
        raise UsageError("plots need matplotlib: pip install 'reasonmed[plots]'") from missing
    return mpl


@contextmanager
def _configured() -> Iterator[None]:
    if _FOLDER in os.environ or "matplotlib.figure" in sys.modules:
        yield
        return
    with TemporaryDirectory(prefix="reasonmed-") as empty:
        os.environ[_FOLDER] = empty
        try:
            yield
        finally:
            del os.environ[_FOLDER]


@contextmanager
def _figure(title: str, height: float) -> Iterator[tuple[Any, list[Html]]]:
    """Axes to draw on; afterwards the list holds the picture."""
    mpl = _matplotlib()
    done: list[Html] = []
    with mpl.rc_context(
        {"svg.hashsalt": "reasonmed", "svg.fonttype": "none", "font.size": 9, "text.parse_math": False}
    ):
        figure = mpl.figure.Figure(figsize=(7.2, max(height, 1.6)), layout="constrained")
        axes = figure.subplots()
        axes.set_title(_plain(title), loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        yield axes, done
        sink = io.StringIO()
        figure.savefig(sink, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        done.append(_themed(sink.getvalue(), _plain(title)))


def _themed(text: str, title: str) -> Html:
    """A picture whose looks are attributes, which a style sheet overrides, and whose series have classes."""
    text = _STYLED.sub(_attributes, _SHEET.sub("", text[text.index("<svg") :]))
    return Html(text.replace("<svg", f'{_ROOT} aria-label="{html.escape(title)}"', 1))


def _attributes(found: re.Match[str]) -> str:
    pairs = [tuple(one.strip().split(": ", 1)) for one in found[2].split(";") if one.strip()]
    classes = [f"{name}-{_COLORS.index(value) + 1}" for name, value in pairs if value in _COLORS]
    shown = {"class": " ".join(classes)} if classes else {}
    shown |= {name: dict((_INK, _NOTHING)).get(value, value) for name, value in pairs}
    return found[1] + "".join(f' {name}="{value}"' for name, value in shown.items())


def alone(picture: Html) -> str:
    """A picture as a file of its own, legible on any background."""
    begin, end, rest = picture.partition(">")
    ground = '\n <rect width="100%" height="100%" fill="#ffffff"/>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{begin}{end}{ground}{rest}'


def _plain(text: str, most: int = 48) -> str:
    printable = "".join(mark for mark in text if mark.isprintable())
    return printable if len(printable) <= most else f"{printable[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
