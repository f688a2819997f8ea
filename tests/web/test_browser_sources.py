"""An evaluation and a file of records in a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from reasonmed.runs.directory import RunDirectory
from web_pages import barriers, browser, clean, viewed


def test_a_person_goes_from_an_accuracy_to_the_wrong_answers_and_opens_one(
    evaluation: Path, run26: RunDirectory, tmp_path: Path
) -> None:
    records = tmp_path / "mine.jsonl"
    records.write_bytes(run26.records_path.read_bytes())
    with viewed(evaluation, records) as client, browser() as page, clean(page):
        page.goto(client.link)
        page.get_by_role("link", name="3 wrong").click()
        expect(page.locator("#lines > li")).to_have_count(3)
        page.get_by_role("checkbox", name="all wrong").check()
        expect(page.locator("#lines > li")).to_have_count(1)
        page.get_by_role("link", name="wards/q0").click()
        expect(page.locator("article")).to_have_count(2)
        assert not barriers(page)

        page.get_by_label("Folder").get_by_role("combobox").select_option("mine.jsonl")
        page.get_by_role("button", name="Open").click()
        page.get_by_role("link", name="Questions").click()
        page.get_by_role("checkbox", name="easy").check()
        expect(page.locator("#lines .pill").first).to_have_text("easy")
        page.locator("#lines a").first.click()
        expect(page.get_by_role("heading", name="Chain of thought").first).to_be_visible()
        assert not barriers(page)


def test_the_first_pages_of_an_evaluation_and_of_an_export_shut_nobody_out(evaluation: Path, shipped: Path) -> None:
    with viewed(evaluation, shipped) as client, browser(dark=True) as page, clean(page):
        page.goto(client.link)
        assert not barriers(page)
        page.goto(f"{client.base}/?run={client.library.shown[1].name}")
        assert not barriers(page)
