"""The pages in a real browser."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from reasonmed.runs.directory import RunDirectory
from web_pages import barriers, browser, clean, viewed


def test_a_person_searches_filters_and_opens_a_question(run26: RunDirectory) -> None:
    with viewed(run26.path) as client, browser() as page, clean(page):
        page.goto(client.link)
        page.get_by_role("link", name="Questions").click()
        page.get_by_role("searchbox").fill("anatomy-01")
        page.get_by_role("link", name="anatomy-01").first.wait_for()
        expect(page.locator("#lines > li")).to_have_count(1)
        assert "q=anatomy-01" in page.url
        page.get_by_role("link", name="anatomy-01").click()
        assert page.get_by_role("heading", level=1).inner_text() == "anatomy-01"


def test_words_that_are_typed_before_the_script_is_there_are_searched_for(run26: RunDirectory) -> None:
    with viewed(run26.path) as client, browser() as page, clean(page):
        page.goto(client.link)
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/htmx.min.js*", hold)
        page.goto(f"{client.base}/questions", wait_until="commit")
        page.get_by_role("searchbox").fill("anatomy-01")
        while not held:
            page.wait_for_timeout(10)
        held[0].continue_()
        expect(page.locator("#lines > li")).to_have_count(1)


def test_nothing_keeps_a_keyboard_or_a_screen_reader_out_of_the_list(run26: RunDirectory) -> None:
    with viewed(run26.path) as client, browser(dark=True) as page:
        page.goto(client.link)
        page.goto(f"{client.base}/questions")
        assert not barriers(page)
