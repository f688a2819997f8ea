"""A pack in a real browser, opened from disk: a reviewer votes by keyboard, and the votes come back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from packs import HOSTILE, packed
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.reviews import FILE, QueueWanted, Reviews
from reasonmed.runs.reviews.incoming import merge_file
from reasonmed.runs.reviews.pack import Pack, PackWanted, packs_of
from reasonmed.web.packed import pack_page
from web_pages import barriers, browser, clean


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


def _opened(page: Page, pack: Pack, path: Path) -> None:
    path.write_text(pack_page(pack), encoding="utf-8")
    page.goto(path.as_uri())


def _begin(page: Page) -> None:
    page.get_by_label("Name").fill("Dr. Ånna Ø")
    page.get_by_label("Role").fill("cardiology")
    page.keyboard.press("Enter")


def _saved(page: Page, folder: Path) -> Path:
    with page.expect_download() as waited:
        page.get_by_role("button", name="Save my votes").first.click()
    assert waited.value.suggested_filename == "votes-Dr-A-nna.json"
    waited.value.save_as(folder / "votes.json")
    return folder / "votes.json"


def _vote_on_four(page: Page) -> None:
    """Accept, reject with a marked step, edit with another key, defer; with a reload and an undo in between."""
    place, press = page.locator("#place"), page.keyboard.press
    expect(place).to_have_text("1 of 4")
    press("1")
    expect(place).to_have_text("2 of 4")
    press("2")
    expect(page.get_by_label("Type of error")).to_be_focused()
    press("Escape")
    press("s")
    press("Space")
    page.get_by_label("Type of fault in step 1").select_option("wrong_fact")
    press("Escape")
    press("1")
    expect(page.locator("#said")).to_contain_text("Steps are marked as faulty")
    page.get_by_label("Reason", exact=True).fill("the liver does not do that")
    assert not barriers(page)
    press("Control+Enter")
    expect(place).to_have_text("3 of 4")
    page.reload()
    expect(place).to_have_text("3 of 4")
    press("d")
    press("u")
    expect(place).to_have_text("3 of 4")
    page.get_by_label("Right instead").select_option("C")
    press("Escape")
    press("e")
    expect(page.locator("#edit-text")).to_be_focused()
    page.locator("#edit-text").fill("Better.\nAnswer: C")
    press("Control+Enter")
    press("d")


def test_votes_by_keyboard_outlive_a_reload_and_come_back(page: Page, run26: RunDirectory, tmp_path: Path) -> None:
    run = RunDirectory(shutil.copytree(run26.path, tmp_path / "run"))
    (pack,) = packs_of(run, PackWanted(QueueWanted(size=4)))
    with clean(page):
        _opened(page, pack, tmp_path / "pack.html")
        _begin(page)
        _vote_on_four(page)
        expect(page.get_by_role("heading", name="All texts have a vote")).to_be_focused()
        expect(page.locator("#tally")).to_have_text("1 accepted, 1 rejected, 1 edited, 1 deferred")
        assert merge_file(run, _saved(page, tmp_path)) == (4, 0, {"Dr. Ånna Ø": 4}, [], 0)
        page.get_by_text("If no file arrives").click()
        assert page.locator("#as-text").input_value() == (tmp_path / "votes.json").read_text(encoding="utf-8")
        page.once("dialog", lambda asked: asked.accept())
        page.get_by_role("button", name="Forget my votes here").click()
        page.reload()
        expect(page.get_by_label("Name")).to_have_value("")
    with closing(Reviews(run.path / FILE, read_only=True)) as reviews:
        votes = {vote.target: vote for vote in reviews.votes()}
    first, second, third, fourth = (votes[one.target] for one in pack.texts)
    assert [one.decision for one in (first, second, third, fourth)] == ["accept", "reject", "edit", "defer"]
    assert {(one.role, one.drawn) for one in votes.values()} == {("cardiology", "audit")}
    (fault,) = second.faults
    assert (fault.start, fault.end, fault.type) == (0, pack.texts[1].steps[0].end, "wrong_fact")
    assert second.reason == "the liver does not do that"
    assert (third.key_is_wrong, third.key, third.text, third.response) == (True, "C", "Better.\nAnswer: C", None)


def test_two_tabs_of_one_pack_keep_the_votes_of_both(page: Page, tmp_path: Path) -> None:
    _opened(page, packed("one", "two", "three"), tmp_path / "pack.html")
    _begin(page)
    page.keyboard.press("1")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#place")).to_have_text("2 of 3")
    other.keyboard.press("d")
    expect(page.locator("#place")).to_have_text("3 of 3")
    page.keyboard.press("1")
    expect(other.locator("#jump option")).to_have_text(["1: accepted", "2: deferred", "3: accepted"])
    other.close()


def test_a_hostile_text_is_shown_and_does_nothing(page: Page, tmp_path: Path) -> None:
    with clean(page):
        _opened(page, packed(*HOSTILE), tmp_path / "pack.html")
        _begin(page)
        for number, text in enumerate(HOSTILE, 1):
            expect(page.locator("#place")).to_have_text(f"{number} of {len(HOSTILE)}")
            assert page.locator("#stem").text_content() == text
            assert page.locator("#steps .text").text_content() == text
            page.keyboard.press("ArrowRight")
        assert page.locator("script").count() == 2
