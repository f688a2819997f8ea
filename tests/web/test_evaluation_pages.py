"""Pages over an evaluation."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.evaluation.answers import Row
from reasonmed.types import Step
from reasonmed.web.sources import EvaluationSource
from reasonmed.web.views.answers import Answered, agreement_of, answers_view
from reasonmed.web.views.steps import text_in
from web_folders import COUNT
from web_pages import viewed


def _listed(text: str) -> list[str]:
    return re.findall(r'<a href="/question/([^"?]+)', text)


def test_the_first_page_has_each_accuracy_and_leads_to_the_questions_behind_it(evaluation: Path) -> None:
    with viewed(evaluation) as client:
        page = client.get("/").text
        assert "75.0" in page
        assert "(46.8-91.1)" in page
        links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/questions\?[^"]+answer=[^"]+)"', page)]
        wrong = {tuple(_listed(client.get(link).text)) for link in links}
    assert ("wards/q0", "wards/q4", "wards/q8") in wrong, "model base is wrong on every fourth"
    assert ("wards/q5",) in wrong, "model tuned says nothing on one"


def test_questions_on_which_models_differ_are_found_by_a_filter(evaluation: Path) -> None:
    with viewed(evaluation) as client:
        found = _listed(client.get("/questions?agreement=differ").text)
        assert found == [f"wards/q{n}" for n in range(COUNT) if (n % 4 == 0) != (n % 3 == 0 or n == 5)]
        assert len(_listed(client.get("/questions?subject=surgery&q=pulse").text)) == COUNT // 2


def test_a_question_has_all_answers_with_outcome_tokens_and_judged_steps_as_plain_text(evaluation: Path) -> None:
    with viewed(evaluation) as client:
        page = client.get("/question/wards/q5").text
    assert "no option read" in page
    assert "A. Heparin" in page
    assert "tokens out" in page
    assert "Quinine does not." in page
    assert re.search(r'class="step error".*?<span class="text">Quinine lowers it, say most.</span>', page, re.DOTALL)
    assert "<script>alert" not in page
    assert "{{ 7 * 7 }}" in page


def test_other_results_in_the_folder_are_read_anew(evaluation: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(evaluation, tmp_path / "own")
    with viewed(folder) as client:
        assert len(_listed(client.get("/questions").text)) == COUNT
        told = json.loads((folder / "results.json").read_text())
        for one in told["models"]:
            file = folder / one["answers_file"]
            file.write_text("".join(file.read_text().splitlines(keepends=True)[:3]))
        told["benchmarks"][0]["n"] = 3
        (folder / "results.json").write_text(json.dumps(told))
        client.index.catch_up()
        assert len(_listed(client.get("/questions").text)) == 3
        assert client.get("/question/wards/q7").status == 404


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 9}, "9"),
        ({"settings": {"samples": "many"}}, "settings"),
        ({"models": [{"name": "base", "answers_file": "../../secret"}]}, "results.json"),
    ],
)
def test_results_that_cannot_be_read_are_refused_with_their_file(
    evaluation: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    folder = shutil.copytree(evaluation, tmp_path / "own")
    told = json.loads((folder / "results.json").read_text())
    (folder / "results.json").write_text(json.dumps({**told, **change}))
    with pytest.raises(UsageError, match=said):
        EvaluationSource(folder)


def test_a_model_without_a_score_on_a_benchmark_is_refused(evaluation: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(evaluation, tmp_path / "own")
    told = json.loads((folder / "results.json").read_text())
    told["models"][0]["benchmarks"] = {}
    (folder / "results.json").write_text(json.dumps(told))
    with pytest.raises(UsageError, match="base has no score on wards"):
        EvaluationSource(folder)


def test_a_line_that_is_no_answer_is_said_on_the_page_and_the_server_lives(evaluation: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(evaluation, tmp_path / "own")
    file = folder / json.loads((folder / "results.json").read_text())["models"][0]["answers_file"]
    file.write_text(file.read_text() + "{torn")
    with viewed(folder) as client:
        page = client.get("/questions")
        assert page.status == 200
        assert "is no answer of an evaluation" in page.text
        assert client.get("/question/wards/q1").status == 500
        assert client.get("/").status == 200


def _row(status: str, answer: str | None, **others: Any) -> Row:
    row = Row("b", "q", 0, status, "A", answer, "m", (), question="Which?", options=("one", "two"), text="Words.")
    return replace(row, **others)


def _model(asked: Answered) -> dict[str, Any]:
    """What the page has of the one model."""
    values: Any = answers_view(asked).values
    (model,) = values["models"]
    return dict(model)


def test_several_draws_of_a_model_are_shown_one_by_one() -> None:
    rows = [_row("correct", "A"), _row("wrong", "B", draw=1, rotated=1), _row("truncated", "A", draw=2)]
    asked = Answered("b/q", {"m": rows}, {})
    model = _model(asked)
    assert agreement_of(asked) == "differ"
    assert model["summary"] == "1 of 3 right"
    assert [(one.number, one.said) for one in model["draws"]] == [(1, "right"), (2, "wrong"), (3, "cut")]
    assert "options moved up by 1" in model["draws"][1].facts


def test_scores_of_options_are_a_table_with_the_highest_marked() -> None:
    model = _model(Answered("b/q", {"m": [_row("wrong", "B", scores=(-3.0, -1.5))]}, {}))
    assert model["draws"][0].scores == [("A", -3.0, False), ("B", -1.5, True)]


def test_steps_that_overlap_or_leave_the_text_change_no_letter_of_it() -> None:
    steps = [Step(0, 3, "ok"), Step(2, 5, "error"), Step(5, 99, "error"), Step(7, 6, "ok"), Step(6, 8, "error")]
    found = text_in("abcdefghij", steps, "row-1")
    assert "".join(one.text for one in found.pieces) == "abcdefghij"
    assert not found.labeled
