"""Files opened from disk in a real browser: no server, no network, no message of the browser's."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from reasonmed.checks import Plan
from reasonmed.checks.inputs import find_input
from reasonmed.checks.write import check_to_files
from reasonmed.questions import Settings
from reasonmed.web.onefile import Choice, OneFile
from web_pages import barriers, browser, clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from reasonmed.runs.directory import RunDirectory


_PARTS = (".plot text", ".plot .fill-1")


@contextmanager
def from_disk(file: Path) -> Iterator[Page]:
    """A file in a browser that asks for nothing but the file."""
    with browser() as shown, clean(shown):
        asked: list[str] = []
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto(file.as_uri())
        yield shown
        assert {url.split(":")[0] for url in asked} <= {"file", "data"}, asked


def turn_dark_and_narrow(shown: Page) -> None:
    shown.emulate_media(color_scheme="dark")
    shown.set_viewport_size({"width": 390, "height": 800})
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_file_of_a_run_is_searched_filtered_and_opened_at_a_question(run26: RunDirectory, tmp_path: Path) -> None:
    OneFile(run26.path).write(tmp_path / "page.html", Choice())
    with from_disk(tmp_path / "page.html") as shown:
        questions, said = shown.locator("#lines > .line:visible"), shown.get_by_role("status")
        expect(said).to_have_text("26 questions")
        shown.keyboard.press("/")
        shown.keyboard.type('"low and total" FERRITIN -sepsis')
        expect(questions).to_have_count(1)
        expect(said).to_have_text("1 of 26 questions")
        questions.locator("summary").first.click()
        expect(questions.locator(".story")).to_be_visible()
        shown.get_by_role("searchbox").fill("")
        shown.get_by_label("Tier", exact=True).select_option("easy")
        assert 0 < questions.count() < 26
        shown.evaluate("location.hash = '#questions?tier=medium'")
        expect(shown.get_by_label("Tier", exact=True)).to_have_value("medium")
        shown.evaluate("location.hash = '#question-evidence-01'")
        expect(shown.locator("#question-evidence-01 .story")).to_be_in_viewport()
        expect(questions).to_have_count(26)
        turn_dark_and_narrow(shown)
        _read_without_javascript(shown)


def test_a_file_of_a_run_shuts_nobody_out(run26: RunDirectory, tmp_path: Path) -> None:
    OneFile(run26.path).write(tmp_path / "page.html", Choice(most=2))
    with from_disk(tmp_path / "page.html") as shown:
        for line in shown.locator("#lines summary").all()[:1]:
            line.click()
        assert not barriers(shown)
        turn_dark_and_narrow(shown)
        assert not barriers(shown)


def _read_without_javascript(shown: Page) -> None:
    started = shown.context.browser
    assert started
    bare = started.new_context(java_script_enabled=False).new_page()
    bare.goto(shown.url.partition("#")[0])
    expect(bare.get_by_role("searchbox")).to_have_count(0)
    bare.locator("#lines summary").first.click()
    expect(bare.locator(".story").first).to_be_visible()


def test_pages_of_findings_are_searched_and_legible_in_both_schemes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the page has plots")
    rows = [
        {"id": f"q{number}", "question": f"Which <b>drug</b> {number % 2}?", "options": ["a", "b"], "answer": "a"}
        for number in range(6)
    ]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    check_to_files(find_input(tmp_path / "set.jsonl", Settings()), Plan(near=False), None, tmp_path / "page.html")
    with from_disk(tmp_path / "page.html") as shown:
        assert not barriers(shown)
        light = _colors(shown)
        turn_dark_and_narrow(shown)
        assert not barriers(shown)
        assert not light & _colors(shown)
        shown.get_by_role("searchbox").fill("duplicates drug q3")
        expect(shown.locator("main details:visible")).to_have_count(1)
        expect(shown.get_by_role("heading", level=2, name="license.missing")).to_be_hidden()
        expect(shown.get_by_role("heading", level=2, name="duplicates.question")).to_be_visible()


def _colors(shown: Page) -> set[str]:
    """Of a plot: its text, a series, its axes; none is the page's own."""
    fills = [shown.evaluate(f"getComputedStyle(document.querySelector('{what}')).fill") for what in _PARTS]
    ground = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground not in fills
    return {*fills, ground}
