"""The list of questions: what an address asks for, what a filter's count promises, what is highlighted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from playwright.sync_api import expect

from reasonmed.runs.directory import RunDirectory
from reasonmed.web.index.words import parts_of, terms_of
from web_pages import Client, browser, viewed

_TOTAL = re.compile(r'role="status">\s*([\d,]+) question')
_VALUE = re.compile(
    r'name="(\w+)" value="([^"]*)"( checked)?>\s*<span class="value">[^<]*</span><span class="count">(\d+)<'
)


@pytest.fixture(scope="module")
def client(run26: RunDirectory) -> Iterator[Client]:
    with viewed(run26.path) as opened:
        yield opened


def total(text: str) -> int:
    found = _TOTAL.search(text)
    assert found, text
    return int(found[1])


@pytest.mark.parametrize(
    "asked", ["", "q=the", "q=-artery", "tier=easy", "tier=easy&model=made-up-1&q=a", "state=failed"]
)
def test_each_count_is_what_a_click_on_it_gives(asked: str, client: Client) -> None:
    page = client.get(f"/questions?{asked}").text
    values = _VALUE.findall(page)
    assert values
    chosen = {(facet, value) for facet, value, checked, _ in values if checked}
    for facet, value, _, count in values:
        alone = [pair for pair in chosen if pair[0] != facet]
        words = [("q", part[2:]) for part in asked.split("&") if part.startswith("q=")]
        pairs = [*words, *alone, (facet, unescape(value))]
        assert total(client.get(f"/questions?{urlencode(pairs)}").text) == int(count)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("page=999999", 26),
        ("page=99999999999999999999", 26),
        ("page=-1", 26),
        ("page=%C2%B2", 26),
        ("sort=row;DROP%20TABLE", 26),
        ("in=nowhere", 26),
        ("tier=nobody", 0),
        ("tier=", 26),
        ("tier=%00%ff", 0),
        ("nothing=1&nothing=2", 26),
        ("q=" + "x+" * 2000, 0),
        ("&".join(f"source=s{n}" for n in range(900)), 0),
    ],
)
def test_what_an_address_asks_wrongly_is_no_error(asked: str, found: int, client: Client) -> None:
    answer = client.get(f"/questions?{asked}")
    assert answer.status == 200
    assert total(answer.text) == found


def test_a_value_that_is_chosen_twice_is_one(client: Client) -> None:
    once, twice = (client.get(f"/questions?{asked}").text for asked in ("tier=easy", "tier=easy&tier=easy"))
    assert _VALUE.findall(once) == _VALUE.findall(twice)


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("Warfarin, warfarins", "warfarin", "[Warfarin], warfarins"),
        ("Warfarin, warfarins", "warf*", "[Warf]arin, [warf]arins"),
        ("Fièvre de l'enfant", "fievre ENFANT", "[Fièvre] de l'[enfant]"),
        ("Fie\u0300vre aigu\u0308", "fièvre aigu", "[Fie\u0300vre] [aigu\u0308]"),
        ("septic shock, shock", '"septic shock"', "[septic shock], shock"),
        ("肺炎球菌感染", "球菌", "肺炎[球菌]感染"),
        ("<b>bold</b>", "b -bold", "<[b]>bold</[b]>"),
        ("nothing here", "-here", "nothing here"),
    ],
)
def test_found_words_are_marked(text: str, query: str, shown: str) -> None:
    parts = parts_of(text, terms_of(query).within)
    assert "".join(f"[{part}]" if hit else part for part, hit in parts) == shown


@given(text=st.text(max_size=40), query=st.text(max_size=20))
@example(text="Straße ﬁx İ ŉ", query="s* f* i* n*")
def test_marking_changes_no_text(text: str, query: str) -> None:
    assert "".join(part for part, _ in parts_of(text, terms_of(query).within)) == text


def test_typing_and_filters_stay_in_the_address_through_reload_and_back(client: Client) -> None:
    with browser() as page:  # not `clean`: htmx logs each request that a newer one replaces
        page.goto(client.link)
        page.goto(f"{client.base}/questions")
        before = page.locator("#words").bounding_box()
        page.get_by_role("searchbox").fill("woma*")
        page.wait_for_url("**q=woma**")
        assert page.locator("#words").bounding_box() == before
        page.locator("mark").first.wait_for()
        page.locator('input[name="tier"]').first.check()
        page.wait_for_url("**tier=**")
        asked, found = page.url, page.get_by_role("status").last.inner_text()
        page.reload()
        assert (page.url, page.get_by_role("status").last.inner_text()) == (asked, found)
        assert page.get_by_role("searchbox").input_value() == "woma*"
        page.go_back()
        page.wait_for_url(lambda url: "tier=" not in url)
        expect(page.locator('input[name="tier"]:checked')).to_have_count(0)
        expect(page.get_by_role("searchbox")).to_have_value("woma*")
