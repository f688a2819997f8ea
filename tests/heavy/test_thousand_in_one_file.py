"""Search in a file of a thousand questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from reasonmed.report.page import SCRIPT_FILE, STYLE_FILE, Html, finder, policy
from reasonmed.web.index.file import Line
from reasonmed.web.onefile import InFile
from reasonmed.web.render import drawn, streamed
from web_pages import browser

if TYPE_CHECKING:
    from pathlib import Path

_SEARCH = """words => {
  const input = document.querySelector("#find-words"), began = performance.now();
  input.value = words;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.offsetHeight;
  return performance.now() - began;
}"""


def _file(page: Path) -> None:
    """As ``reasonmed report`` writes it: a thousand questions, each with nine chains of forty steps."""
    style, script = (file.read_text(encoding="utf-8") for file in (STYLE_FILE, SCRIPT_FILE))
    step = Markup("<li>the patient's troponin rises within hours of the pain</li>")
    story = Markup("<article><ol>{}</ol></article>").format(step * 40) * 9
    found = (
        InFile(Line(number, f"q{number}", "Which?", "easy", 1, 0, 5.0), f"question-q{number}", "{}", story)
        for number in range(1_000)
    )
    values = {
        **dict.fromkeys(("name", "extent", "overview"), ""),
        "policy": policy(style, script),
        "style": drawn(Html(style)),
        "script": drawn(Html(script)),
        "finder": drawn(finder("#lines details.question", "questions")),
        "questions": found,
    }
    page.write_text("".join(streamed("whole", values)), encoding="utf-8")


def test_a_thousand_questions_are_searched_in_a_tenth_of_a_second(tmp_path: Path) -> None:
    _file(tmp_path / "page.html")
    with browser() as shown:
        shown.goto((tmp_path / "page.html").as_uri())
        assert shown.evaluate(_SEARCH, "warm") < 5_000
        for text in ("q77", "troponin q5", "nowhere", ""):
            assert min(shown.evaluate(_SEARCH, text) for _ in range(5)) < 100, text
