"""The first page of a run in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from gated import Gate
from runs import questions
from web_pages import barriers, browser, clean, viewed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_PATIENCE = 20_000.0


def test_the_page_grows_while_a_run_goes_on_and_keeps_what_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, 130)
    with (
        gate.running(tmp_path / "run", questions(12)) as folder,
        viewed(folder) as client,
        browser(dark=True) as page,
        clean(page),
    ):
        page.goto(client.link)
        assert not barriers(page)
        page.locator("#flow-numbers > summary").click()
        gate.allowed = 1 << 30
        expect(page.locator(".head .pill")).to_have_text("finished", timeout=_PATIENCE)
        expect(page.locator("#flow-numbers")).to_have_attribute("open", "")
        expect(page.locator("#flow-numbers > summary")).to_be_focused()
        page.get_by_role("link", name="12 in all").click()
        expect(page.locator("#lines > li")).to_have_count(12)
