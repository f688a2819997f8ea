"""Checkpoints of one training as a curve: which folders belong to it, at which step, and on which questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reasonmed.backends import scripted
from reasonmed.backends.scripted import Settings as ScriptedSettings
from reasonmed.evaluation import Candidate, candidate, candidates, evaluate
from reasonmed.evaluation.outcome import Results
from reasonmed.evaluation.report import tables
from reasonmed.questions.normal import stem_hash
from reasonmed.training.checkpoints import seal
from reasonmed.training.moments import Moment, moment_of
from reasonmed.types import Question

COUNT = 40


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """The folder of a finished training of 30 steps with checkpoints at 2, 10 and 20."""
    return _training(tmp_path / "m")


def _training(folder: Path, seed: int = 0, **record: Any) -> Path:
    for place in (folder, *(folder / "checkpoints" / f"checkpoint-{step}" for step in (2, 10, 20))):
        place.mkdir(parents=True)
        (place / "config.json").write_text("{}", encoding="utf-8")
        (place / "model.safetensors").write_bytes(str(place).encode())
        if place != folder:
            seal(place)
    (folder / "training.json").write_text(json.dumps({"settings.seed": seed, "overrides": []}), encoding="utf-8")
    (folder / "run.json").write_text(json.dumps({"layout": {"steps": 30}, **record}), encoding="utf-8")
    return folder


def test_a_checkpoint_and_the_finished_model_know_their_step(training: Path, tmp_path: Path) -> None:
    found = [moment_of(one) for one in (training / "checkpoints" / "checkpoint-10", training)]
    assert [(one.run, one.step) for one in found if one] == [("m", 10), ("m", 30)]
    assert len({one.mark for one in found if one}) == 1
    best = moment_of(_training(tmp_path / "best", best={"step": 20, "by": "loss", "value": 1.0}))
    assert best is not None
    assert best.step == 20
    strange = tmp_path / "checkpoint-7"
    strange.mkdir()
    assert moment_of(strange) is None, "no training has it"


def test_trainings_of_one_name_are_two_curves(training: Path, tmp_path: Path) -> None:
    other, again = _training(tmp_path / "other" / "m", seed=1), _training(tmp_path / "again" / "m")
    marks = [one.mark for one in map(moment_of, (training, other, again)) if one]
    assert (len(marks), len(set(marks))) == (3, 2)
    (again / "training.json").write_text(json.dumps({"settings.seed": 0, "overrides": [{"checkpoint": None}]}))
    assert moment_of(again) == moment_of(training), "an override is no other training"


def test_the_checkpoints_of_a_folder_come_in_the_order_of_their_steps(training: Path) -> None:
    found = candidates(str(training / "checkpoints"))
    assert [(one.name, one.moment and one.moment.step) for one in found] == [("m@2", 2), ("m@10", 10), ("m@20", 20)]
    final = candidate(str(training)).moment
    assert final is not None
    assert final.step == 30


def _row(number: int) -> dict[str, Any]:
    return {"id": f"q{number}", "question": f"Case {number}?", "options": list("wxyz"), "answer_index": 1}


def _evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moments: dict[str, Moment | None]) -> Results:
    """Models of which each knows as many questions as the digits of its name say, trained on the first ten."""

    def reply(request: Any) -> str:
        known = int("".join(filter(str.isdigit, request.model)))
        return f"Answer: {'B' if int(request.question_id.rpartition('q')[2]) < 10 + known else 'A'}"

    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(reply))
    file = tmp_path / "own.jsonl"
    file.write_text("".join(json.dumps(_row(number)) + "\n" for number in range(COUNT)), encoding="utf-8")
    seen = frozenset(stem_hash(Question(id="x", stem=f"Case {number}?", options=())) for number in range(10))
    models = [
        Candidate(
            name=name,
            entry=ScriptedSettings(backend="scripted", model=name),
            moment=moment,
            stems=seen if moment else None,
        )
        for name, moment in moments.items()
    ]
    return evaluate([file], models, tmp_path / "out", base="base3")


def test_a_curve_is_on_the_questions_that_the_training_did_not_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = {"late24": Moment("m", "a", 1000), "early9": Moment("m", "a", 20), "middle18": Moment("m", "a", 300)}
    told = _evaluated(tmp_path, monkeypatch, {"base3": None, **points, "lonely6": Moment("other", "b", 5)})
    (table,) = (one for one in tables(told) if one.title.startswith("Checkpoints of"))
    assert table.title == "Checkpoints of m", "one step is no curve"
    assert [row[1:4] for row in table.rows] == [
        ("20", "early9", "30"), ("300", "middle18", "30"), ("1,000", "late24", "30"),
    ]  # fmt: skip
    assert [row[4].split()[0] for row in table.rows] == ["30.0", "60.0", "80.0"]
    assert [row[6] for row in table.rows] == ["base3"] * 3
    compared = {one.second: one.benchmarks["own"] for one in told.comparisons}
    assert [row[5].split()[0] for row in table.rows] == ["+20.0", "+50.0", "+70.0"]
    assert all(compared[name].p_holm > compared[name].p for name in points), "corrected over all checkpoints"
    assert "Questions that the training saw are left out." in table.note
    assert {row[0] for row in table.rows} == {"own"}


def test_the_report_draws_the_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib: pip install 'reasonmed[plots]'")
    _evaluated(tmp_path, monkeypatch, {"base3": None, "a9": Moment("m", "a", 20), "b18": Moment("m", "a", 300)})
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Accuracy by training step: m" in page
    assert "Checkpoints of m" in page
