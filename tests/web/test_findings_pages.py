"""Findings of `reasonmed check` in the viewer: a filter by rule and by kind, and each on its question's page."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

from reasonmed.checks.findings import Finding
from reasonmed.runs.directory import RunDirectory
from reasonmed.web.findings import Findings
from reasonmed.web.server import Viewer
from web_folders import HOSTILE
from web_pages import Client, viewed


def _report(path: Path, *found: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"version": 1, "findings": list(found)}))
    return path


def _on(name: str, rule: str, question: str, subject: str = "question") -> dict[str, Any]:
    return {"id": name, "rule": rule, "subject": subject, "question_id": question, "evidence": f"It is. {HOSTILE}"}


def test_questions_are_filtered_by_rule_and_by_kind_and_their_pages_say_why(
    run26: RunDirectory, tmp_path: Path
) -> None:
    report = _report(
        tmp_path / "check.json",
        _on("anatomy-01", "leak.key", "anatomy-01"),
        _on("cardiology-01#1", "leak.answer", "cardiology-01", "record"),
        _on("nobody", "leak.key", "nobody"),
        _on("cardiology-01", "license.unknown", "cardiology-01"),
    )
    with closing(Viewer([run26.path], 0, report)) as viewer:
        viewer.library.catch_up()
        thread = Thread(target=viewer.run)
        thread.start()
        try:
            client = Client(viewer)
            client.get(client.link.removeprefix(client.base))
            lists = {
                rule: client.get(f"/questions?finding={rule}").text.count("<li>\n<div")
                for rule in ("leak.key", "leak.*", "license.*", "nothing")
            }
            page = client.get("/question/cardiology-01").text
        finally:
            viewer.stop()
            thread.join()
    assert lists == {"leak.key": 1, "leak.*": 2, "license.*": 1, "nothing": 0}
    assert "on record cardiology-01#1" in page
    assert "on the question" in page
    assert "<script>alert" not in page


def test_without_a_report_there_is_no_filter_of_findings(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        assert "<legend>Finding" not in client.get("/questions").text


def test_rows_are_looked_up_once_for_as_long_as_an_index_does_not_grow(run26: RunDirectory) -> None:
    found = Findings([Finding("anatomy-01", "leak.key", "question", "anatomy-01", "It is.")])
    with viewed(run26.path) as client:
        assert found.rows(client.index) is found.rows(client.index)
        assert found.rows(client.index)["leak.key"].bit_count() == 1
