"""A clinician's ten minutes: a table, a run, a look, a review, a pack for a colleague, and what the votes are worth."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from playwright.sync_api import Page, expect

from clinic import ROWS, WRONG, Model, table
from product import Done, reasonmed_at
from support import served
from web_pages import Client, browser, viewed

SAMPLE = 10


async def _run(folder: Path) -> Done:
    async with served(Model().answer) as url:
        words = ("run", "kartei.csv", "--skip-bad", "--endpoint", url, "--model", "m", "--phi", "off", "-o", "run")
        return await asyncio.to_thread(reasonmed_at, folder, *words)


def _look(page: Page, client: Client) -> None:
    """The one question that failed, found from the first page."""
    page.goto(client.link)
    page.get_by_role("link", name="1", exact=True).first.click()
    page.locator("#lines").get_by_role("link", name=WRONG).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(WRONG)
    expect(page.get_by_text("No record:")).to_be_visible()


def _review(page: Page, client: Client) -> None:
    """Accepts all texts but the first, whose reasoning is called wrong."""
    page.goto(f"{client.base}/review")
    page.get_by_label("Name").fill("Dr. A")
    page.get_by_role("button", name="Begin").click()
    page.goto(f"{client.base}/review?reviewer=Dr.+A&queue=audit&n={SAMPLE}")
    for number in range(1, SAMPLE + 1):
        expect(page.locator("#place")).to_have_text(f"{number} of {SAMPLE}")
        expect(page.locator("#place")).to_be_focused()
        if number == 1:
            page.get_by_label("Type of error").select_option("wrong_fact")
        page.get_by_role("button", name="Reject" if number == 1 else "Accept").click()
        expect(page.locator("#next")).to_be_focused()
        page.keyboard.press("n")


def _vote_in_pack(page: Page, pack: Path, votes: Path) -> None:
    """A colleague accepts everything."""
    page.goto(pack.as_uri())
    page.get_by_label("Name").fill("Dr. B")
    page.keyboard.press("Enter")
    for number in range(1, SAMPLE + 1):
        expect(page.locator("#place")).to_have_text(f"{number} of {SAMPLE}")
        page.keyboard.press("1")
    with page.expect_download() as waited:
        page.get_by_role("button", name="Save my votes").first.click()
    waited.value.save_as(votes)


def test_a_table_becomes_reviewed_records_and_an_error_rate(tmp_path: Path) -> None:
    (tmp_path / "kartei.csv").write_bytes(table())
    done = asyncio.run(_run(tmp_path))
    assert done.code == 0, done.err
    with browser() as page:
        with viewed(tmp_path / "run") as client:
            _look(page, client)
            _review(page, client)
        packed = reasonmed_at(tmp_path, "review", "pack", "run", "--sample", str(SAMPLE), "-o", "pack.html")
        assert packed.code == 0, packed.err
        _vote_in_pack(page, tmp_path / "pack.html", tmp_path / "votes.json")
    merged = reasonmed_at(tmp_path, "review", "merge", "run", "votes.json")
    assert f"{SAMPLE} votes new" in merged.out, merged.out + merged.err
    agreed = json.loads(reasonmed_at(tmp_path, "review", "agreement", "run", "--json").out)
    assert len(agreed["disagreements"]) == 1
    told = json.loads(reasonmed_at(tmp_path, "status", "run", "--json").out)
    rates = told["reviews"]
    assert (sum(rates["roles"].values()), rates["votes"], rates["tied"]) == (2, 2 * SAMPLE, 1), rates
    assert rates["records"]["wrong"]["of"] == SAMPLE - 1, rates
    exported = reasonmed_at(tmp_path, "export", "run", "-o", "set", "--reviewed", "accepted", "--format", "messages")
    assert exported.code == 0, exported.err
    files = (tmp_path / "set" / "messages" / "reasonmed").glob("*.jsonl")
    rows = [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == SAMPLE - 1 < 2 * ROWS
