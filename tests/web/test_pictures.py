"""The pictures in the docs: each is made here, of a run that anybody can make."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from reasonmed.runs.directory import RunDirectory
from web_pages import Client, browser, clean, viewed

if TYPE_CHECKING:
    from playwright.sync_api import Page

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    "viewer-overview": "/",
    "viewer-questions": "/questions?q=woman",
    "viewer-question": "/question/cardiology-01",
}

HEIGHT, HEIGHTS = 820, {"viewer-question": 1300}


def _shoot(page: Page, folder: Path, name: str) -> None:
    page.screenshot(path=folder / f"{name}.png")


def _review(page: Page, client: Client) -> None:
    page.goto(f"{client.base}/review")
    page.get_by_label("Name").fill("Dr. A. Reader")
    page.get_by_label("Role").fill("cardiologist")
    page.get_by_role("button", name="Begin").click()
    page.locator("form").filter(has_text="A random sample").get_by_role("button", name="Begin").click()
    page.get_by_role("button", name="Accept").wait_for()


def test_the_docs_show_pictures_that_are_made_here(run26: RunDirectory, tmp_path: Path) -> None:
    shown = set(re.findall(r"\(pictures/(viewer-[\w-]+)\.png\)", (DOCS / "viewer.md").read_text(encoding="utf-8")))
    assert shown == {*PAGES, "viewer-review"}
    with viewed(run26.path) as client, browser(height=HEIGHT) as page, clean(page):
        page.goto(client.link)
        for name, path in PAGES.items():
            page.set_viewport_size({"width": 1280, "height": HEIGHTS.get(name, HEIGHT)})
            page.goto(client.base + path)
            _shoot(page, tmp_path, name)
        _review(page, client)
        _shoot(page, tmp_path, "viewer-review")
    made = sorted(tmp_path.glob("*.png"))
    assert {one.stem for one in made} == shown
    if "REASONMED_PICTURES" in os.environ:
        for one in made:
            shutil.copy(one, DOCS / "pictures")
    assert all((DOCS / "pictures" / one.name).is_file() for one in made)
