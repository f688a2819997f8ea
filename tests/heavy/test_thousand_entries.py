"""Search in a page of a thousand long entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.report.page import details, heading, page
from web_pages import browser

if TYPE_CHECKING:
    from pathlib import Path

_SEARCH = """words => {
  const input = document.querySelector("input"), began = performance.now();
  input.value = words;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.offsetHeight;
  return performance.now() - began;
}"""


def test_a_thousand_long_entries_are_searched_in_a_tenth_of_a_second(tmp_path: Path) -> None:
    words = " ".join(f"word{number}" for number in range(1_500))
    entries = [details(f"q{number}", f"{words} only{number}", "A question") for number in range(1_000)]
    (tmp_path / "page.html").write_text(page("t", [heading("All"), *entries]), encoding="utf-8")
    with browser() as shown:
        shown.goto((tmp_path / "page.html").as_uri())
        shown.evaluate(_SEARCH, "warm")
        for text in ("only77", "word3 word1400", "nowhere", "only5 word9", ""):
            assert min(shown.evaluate(_SEARCH, text) for _ in range(5)) < 100, text
