"""Pages over a finished run, by a real server."""

from __future__ import annotations

from reasonmed.runs.directory import RunDirectory
from web_pages import viewed


def test_a_question_is_found_by_a_word_and_opened(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        found = client.get("/questions?q=anatomy-01")
        assert "1 question," in found.text
        assert "/question/anatomy-01" in found.text
        assert "made-up-1" in client.get("/question/anatomy-01").text


def test_filters_of_one_kind_add_up_and_of_two_kinds_narrow(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        state = client.index.state

        def total(asked: str) -> str:
            return client.get(f"/questions?{asked}").text.split('<p role="status">')[1].split(" question")[0]

        easy, medium = (state.facets["tier"][name].bit_count() for name in ("easy", "medium"))
        assert total("tier=easy&tier=medium") == str(easy + medium)
        assert total("tier=easy&state=failed") == "0"


def test_an_unknown_question_is_said(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        answer = client.get("/question/nobody")
        assert answer.status == 404
        assert "has no question &#39;nobody&#39;" in answer.text
