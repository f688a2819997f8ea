"""A clinician reviews by keyboard, in a real browser."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect

from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.reviews import FILE, Reviews
from web_pages import barriers, browser, clean, viewed

QUEUE = "/review?queue=audit&n=6"


def _at(page: Page, place: str) -> None:
    expect(page.locator("#place")).to_have_text(place)
    expect(page.locator("#place")).to_be_focused()


def _cast(page: Page, place: str, *keys: str) -> None:
    """Vote on the text that is there, without having seen whose it is, and go on."""
    _at(page, place)
    assert "made-up" not in page.content()
    for key in keys:
        page.keyboard.press(key)
    expect(page.locator("#next")).to_be_focused()
    assert "made-up" in page.content()
    page.keyboard.press("n")


def test_five_texts_are_reviewed_by_keyboard_with_undo_and_a_draft_that_stays(
    run26: RunDirectory, tmp_path: Path
) -> None:
    shutil.copytree(run26.path, tmp_path / "run")
    with viewed(tmp_path / "run") as client, browser() as page, clean(page):
        page.goto(client.link)
        page.goto(client.base + QUEUE)
        page.get_by_label("Name").fill("Dr. A")
        page.keyboard.press("Enter")

        _cast(page, "1 of 6", "1")
        _cast(page, "2 of 6", "s", "ArrowDown", "Space", "2")
        _at(page, "3 of 6")
        assert not barriers(page)

        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        page.keyboard.press("1")
        page.keyboard.press("Escape")
        page.keyboard.press("2")
        expect(page.get_by_label("Type of error")).to_be_focused()
        page.get_by_label("Reason", exact=True).fill("half a thought")
        expect(page.locator("#saved")).to_have_text("Draft kept")
        page.reload()
        expect(page.get_by_label("Reason", exact=True)).to_have_value("half a thought")
        _cast(page, "3 of 6", "2")

        _at(page, "4 of 6")
        page.keyboard.press("u")
        expect(page.get_by_label("Reason", exact=True)).to_have_value("half a thought")
        _cast(page, "3 of 6", "2")
        _at(page, "4 of 6")
        page.keyboard.press("e")
        page.keyboard.insert_text("In short: ")
        page.keyboard.press("Control+Enter")
        expect(page.locator("ins").first).to_contain_text("In short: ")
        assert not barriers(page)
        page.keyboard.press("n")
        _at(page, "5 of 6")
        page.keyboard.press("d")
        expect(page.locator(".pill.open")).to_have_text("1 deferred")
    with closing(Reviews(tmp_path / "run" / FILE, read_only=True)) as kept:
        votes = kept.votes()
    assert [vote.decision for vote in votes] == ["accept", "reject", "reject", "edit", "defer"]
    assert [len(vote.faults) for vote in votes] == [0, 1, 0, 0, 0]
    assert {vote.drawn for vote in votes} == {"audit"}
