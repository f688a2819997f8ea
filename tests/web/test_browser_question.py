"""The page of a question, and two runs side by side, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec.structs import replace
from playwright.sync_api import expect

from reasonmed.types import Story
from stepped import MINOR, stepped_run
from support import chain, question
from told import told_run
from web_pages import barriers, browser, clean, viewed

if TYPE_CHECKING:
    import pytest


def test_a_person_reads_a_faulty_step_and_goes_on_by_keyboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with viewed(stepped_run(tmp_path / "run", monkeypatch).path) as client, browser() as page, clean(page):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(client.link)
        page.goto(f"{client.base}/question/q0?q=case")
        assert not barriers(page)
        assert page.evaluate("CSS.highlights.get('sought').size") >= 9
        chip = page.get_by_role("link", name="made-up-2 T 1 A correct kept")
        chip.click()
        assert page.url.endswith("#chain-6")
        page.locator("#chain-6").get_by_role("link", name="Step 2").click()
        expect(page.locator("#chain-6-step-2")).to_be_in_viewport()
        page.locator("#chain-6").get_by_role("button", name="Copy text").click()
        expect(page.locator("#chain-6").get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(f"Reading 5 of the case.\n\n{MINOR}\n\nThe rash is new")
        assert copied.endswith("\n\nAnswer: A")
        page.get_by_role("button", name="Copy link").click()
        expect(page.get_by_role("button", name="Copied").first).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == f"{client.base}/question/q0?run=run"
        page.get_by_text("Every call with prompt and reply").click()
        page.locator("#every-call").get_by_text("1. generate").click()
        expect(page.locator("#call-1-reply")).to_contain_text("Reading 0 of the case.")
        page.keyboard.press("j")
        expect(page.get_by_role("heading", level=1)).to_have_text("q1")
        assert "q=case" in page.url
        page.wait_for_load_state()
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("heading", level=1)).to_have_text("q0")


def test_a_person_compares_two_runs(tmp_path: Path) -> None:
    name = "case 1/../ü #2"
    stories = [Story(question(name), (chain(f"The dose is {dose} mg. Answer: B"),)) for dose in (5, 7)]
    kept = [replace(one, kept=None, flags=(flag,)) for one, flag in zip(stories, ("a", "b"), strict=True)]
    runs = [told_run(tmp_path / name, [one]) for name, one in zip(("old", "new"), kept, strict=True)]
    with viewed(*(one.path for one in runs)) as client, browser(width=800, dark=True) as page, clean(page):
        page.goto(client.link)
        page.get_by_role("link", name="Compare").click()
        page.get_by_text("Unchanged").wait_for()
        assert not barriers(page)
        page.goto(f"{client.base}/questions")
        page.get_by_role("link", name=name).click()
        assert name in unquote(page.url).replace("~..", "..")
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        page.goto(page.url.replace("/question/", "/compare/").partition("?")[0])
        expect(page.locator("del")).to_have_text("5 ")
        expect(page.locator("ins")).to_have_text("7 ")
        assert not barriers(page)
