"""What people see: tables, Markdown and HTML, also where texts are hostile."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from reasonmed.backends import scripted
from reasonmed.backends.scripted import Settings as ScriptedSettings
from reasonmed.evaluation import Candidate, Settings, evaluate
from reasonmed.evaluation import html as browse
from reasonmed.evaluation.headlines import headline_words
from reasonmed.evaluation.model_page import rows_of, write_model_pages
from reasonmed.evaluation.outcome import BenchmarkFacts, Results, results_in
from reasonmed.evaluation.plots import by_group
from reasonmed.evaluation.report import markdown, tables
from reasonmed.evaluation.scores import ModelResults, Part, Rate, Score

HOSTILE = "<script>alert('x')</script> | # [a](javascript:b) \x1b[31m {{ 7 * 7 }} \u202e</pre></details> `$x^2$`"


def _file(folder: Path, count: int = 30, text: str = "Which drug?") -> Path:
    row = {"options": ["Heparin", "Warfarin", f"{text} C", "Alteplase"], "answer_index": 1}
    rows = [
        {"id": f"q{number}", "question": f"{number} {text}", "meta": {"subject": f"{text} s", "tier": "easy"}, **row}
        for number in range(count)
    ]
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def _evaluated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, names: tuple[str, ...] = ("base", "tuned"), **others: Any
) -> Results:
    def reply(request: Any) -> str:
        number = int(request.question_id.rpartition("q")[2])
        length = " so" * (number * 7)
        return f"{text}{length}\n\nAnswer: {'B' if number % 2 or request.model != names[0] else 'A'}"

    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(reply))
    models = [Candidate(name=name, entry=ScriptedSettings(backend="scripted", model=name)) for name in names]
    return evaluate([_file(folder, text=text, **others)], models, folder / "out", base=names[0])


_TWO = {"a": 0.1, "b": 0.9}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        assert not any(name.startswith("on") or "javascript" in (value or "") for name, value in attrs)


def test_hostile_texts_stay_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _evaluated(tmp_path, monkeypatch, HOSTILE, ("base", "<img src=x onerror=alert(1)>|b"))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    tags = _Tags()
    tags.feed(page)
    assert not {"img", "iframe"} & set(tags.seen)
    assert tags.seen.count("script") == 1
    assert "&lt;script&gt;alert" in page
    assert "{{ 7 * 7 }}" in page
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<img" not in text
    rows = [line for line in text.splitlines() if line.startswith("| own |")]
    assert rows
    assert all(line.isprintable() for line in text.splitlines())


def test_every_table_row_has_as_many_cells_as_its_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = _evaluated(tmp_path, monkeypatch, "a | b")
    for table in tables(told):
        assert all(len(row) == len(table.columns) for row in table.rows), table.title
    for line in markdown(told).splitlines():
        assert not line.startswith("|") or line.endswith(" |")


def test_the_page_has_plots_tables_and_every_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib: pip install 'reasonmed[plots]'")
    _evaluated(tmp_path, monkeypatch, "plain")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    kinds = ("benchmark", "subject", "tier", "length", "a limit of output tokens")
    for title in (f"Accuracy by {kind}" for kind in kinds):
        assert title in page
    assert page.count("<svg") == len(kinds)
    assert page.count("<details>") == 60
    assert len(re.findall(r"key B <span class=about>\d+ plain</span>", page)) == 60
    assert "p &lt; 0.001" in page


def _rate(value: float) -> Rate:
    return Rate(value, 0.7, 0.8)


def _benchmark(name: str, **others: Any) -> BenchmarkFacts:
    return BenchmarkFacts(
        name=name, file=f"{name}.jsonl", n=1273, hash="ab", differences=[], **{"whole": True, **others}
    )


def _made(benchmarks: list[BenchmarkFacts], tiers: dict[str, dict[str, Rate]]) -> Results:
    """Results of one model, which is right on about three of four questions."""
    cells = {
        name: Score(
            n=1273, answers=1273, unparsed=1, truncated=2, accuracy=_rate(0.7512), majority=None, flip_rate=None,
            macro=None, subjects={}, tiers={tier: Part(3, rate) for tier, rate in found.items()}, clean=None,
        )
        for name, found in tiers.items()
    }  # fmt: skip
    model = ModelResults(
        name="m", label="m", date="2026-11-22", demo=False, base=None, answers_file="answers/m-1.jsonl", tokens=0,
        spent_usd=None, benchmarks=cells,
    )  # fmt: skip
    return Results(
        reasonmed="1", protocol="generate", settings=Settings().told(), margin=None, benchmarks=benchmarks,
        models=[model], unfinished={}, base=None, comparisons=[], headlines=[], no_headline=None,
    )  # fmt: skip


def test_equal_names_of_groups_in_two_benchmarks_stay_apart() -> None:
    told = _made([_benchmark(name) for name in _TWO], {name: {"easy": _rate(value)} for name, value in _TWO.items()})
    found = by_group(told, "tier")
    assert {group: one["m"].value for group, one in found.items()} == {"easy (a)": 0.1, "easy (b)": 0.9}


def test_answers_beyond_the_cap_are_said_to_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browse, "MOST", 10)
    _evaluated(tmp_path, monkeypatch, "plain")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("<details>") == 20
    assert "The first 10 of 30 answers; all of them are in answers/" in page
    (file,) = (tmp_path / "out" / "answers").glob("base-*.jsonl")
    assert len(file.read_text().splitlines()) == 30


def test_an_endless_answer_is_shown_from_both_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _evaluated(tmp_path, monkeypatch, "x" * 50_000, count=1)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "characters skipped" in page
    assert len(page) < 400_000


def test_results_have_the_shape_that_the_docs_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _evaluated(tmp_path, monkeypatch, "plain")
    told = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results_in(tmp_path / "out") == found
    shown = Path(__file__).parents[2] / "docs" / "evaluate.md"
    text = shown.read_text(encoding="utf-8")
    missing = [name for name in told if f"`{name}`" not in text]
    missing += [name for name in told["models"][0] if f"`{name}`" not in text]
    missing += [name for name in told["benchmarks"][0] if f"`{name}`" not in text]
    missing += [name for name in told["models"][0]["benchmarks"]["own"] if f"`{name}`" not in text]
    missing += [name for name in told["comparisons"][0]["benchmarks"]["own"] if f"`{name}`" not in text]
    assert not missing


def test_the_headline_names_model_base_benchmark_interval_and_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = headline_words(_evaluated(tmp_path, monkeypatch, "plain"))
    assert line.startswith(
        "tuned against its base base on own (all questions; what the model was trained on is not known"
    )
    assert "+50.0 points (" in line
    assert "p < 0.001: better by 50.0 points." in line


def test_rows_for_model_pages_are_written_for_whole_benchmarks_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _evaluated(tmp_path, monkeypatch, "plain")
    assert not (tmp_path / "out" / ".eval_results").exists()


def _measured() -> Results:
    """Results of a model on a whole benchmark and on a part of one."""
    whole = _benchmark("medqa-4options", hub="GBaker/MedQA", task="medqa_4options")
    part = _benchmark("medmcqa-validation", hub="GBaker/MedQA", task="medqa_4options", whole=False)
    return _made([whole, part], {one.name: {} for one in (whole, part)})


def test_rows_for_model_pages_say_what_was_measured_and_how() -> None:
    told = _measured()
    (row,) = rows_of(told.models[0], told)
    assert row["dataset"] == {"id": "GBaker/MedQA", "task_id": "medqa_4options"}
    assert row["value"] == 75.12
    assert row["date"] == "2026-11-22"
    assert "generate" in str(row["notes"])
    assert "70.0-80.0" in str(row["notes"])


def test_the_hub_s_own_parser_reads_the_rows_whole(tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="the parser is the hub's: pip install 'reasonmed[hub]'")
    told = _measured()
    write_model_pages(tmp_path, told)
    read = yaml.safe_load((tmp_path / ".eval_results" / "m-1.yaml").read_text(encoding="utf-8"))
    (entry,) = hub.parse_eval_result_entries(read)
    assert (entry.dataset_id, entry.task_id, entry.value) == ("GBaker/MedQA", "medqa_4options", 75.12)
    assert entry.date == "2026-11-22"
    assert hub.eval_result_entries_to_yaml([entry]) == read == rows_of(told.models[0], told)
