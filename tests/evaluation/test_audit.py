"""Audits of the steps of models' answers: who is shown what, what is counted, what comes of it in every report."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import json as documents
from typer.testing import CliRunner

import reasonmed
from reasonmed.backends import scripted
from reasonmed.backends.scripted import Settings as ScriptedSettings
from reasonmed.cli import app
from reasonmed.cli.ablate import _show
from reasonmed.errors import UsageError
from reasonmed.evaluation import Candidate, Reading, Settings, auditor, audits, evaluate, jobs, plan
from reasonmed.evaluation.ablation import Ablation, score
from reasonmed.evaluation.audit.facts import Audit, read_rows
from reasonmed.evaluation.compare_folders import across
from reasonmed.evaluation.outcome import Results
from reasonmed.evaluation.report import markdown
from reasonmed.evaluation.results import finish
from reasonmed.exchange import Completion, Request
from reasonmed.runs.intake import Selection
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from support import texts_of_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 16
_OK = {"label": "ok", "type": "none", "severity": "none", "note": ""}
_SOUND = "The pulse is fast and the skin is cold, which fits a bleed."
_WRONG = "Quinine lowers the pulse in every bleed."
_LOOSE = "Her mother may have had it too."
_FAULTS = {
    _WRONG: {"label": "error", "type": "wrong_fact", "severity": "severe", "note": "It does <b>not</b> | lower it."},
    _LOOSE: {"label": "unsupported", "type": "unsupported_claim", "severity": "minor", "note": "Nothing shows it."},
}


def _judged(request: Request) -> str:
    """A judge that knows which sentences are faulty."""
    steps = re.findall(r"<step (\d+) ([0-9a-f]{8})>\n(.*?)\n?</step \1 \2>", texts_of_request(request), re.DOTALL)
    told = [
        {"step": int(number), **next((fault for words, fault in _FAULTS.items() if words in text), _OK)}
        for number, _, text in steps
    ]
    error = any(one["label"] == "error" for one in told)
    return json.dumps({"steps": told, "verdict": "Error" if error else "Correct", "reason": "the pulse decides"})


def _number(request: Request) -> int:
    return int(re.findall(r"Case (\d+):", texts_of_request(request))[0])


def _answer(*steps: str, letter: str = "A") -> str:
    return "\n\n".join([*steps, f"Answer: {letter}"])


def _model(name: str, **others: Any) -> Candidate:
    return Candidate(name=name, entry=ScriptedSettings(backend="scripted", model=name), **others)


_STRONG = _model("strong")


class World:
    """The model ``base`` makes no error, ``trained`` one in every other answer; the judge knows them."""

    def __init__(self, judge: Callable[[Request], Any] = _judged) -> None:
        self.asked: list[Request] = []
        self.judge = judge

    def reply(self, request: Request) -> Completion | str:
        self.asked.append(request)
        if request.stage == "verify_steps":
            found: Completion | str = self.judge(request)
            return found
        number = _number(request)
        if request.model == "base":
            return _answer(_SOUND, f"Case {number} is one.", letter="AB"[number % 4 == 0])
        return _answer(_SOUND, *[_WRONG] * (number % 2), _LOOSE, f"Case {number} is one.")

    @property
    def judgments(self) -> list[Request]:
        return [request for request in self.asked if request.stage == "verify_steps"]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(made.reply))
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    rows = [
        {"id": f"q{n}", "question": f"Case {n}: which drug?", "options": ["Heparin", "Warfarin", "Aspirin"],
         "answer_index": 0}
        for n in range(COUNT)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _run(
    file: Path,
    out: Path,
    *names: str,
    count: int | None = None,
    card: Path | None = None,
    judge: Candidate | None = _STRONG,
    forks: tuple[Path, ...] = (),
) -> Results:
    """An evaluation with its audit, without the reports, whose plots take long."""
    audit = auditor(count, judge, card=card)
    models = [_model(name) for name in names or ("base", "trained")]
    planned = plan([file], models, out, base="base" if not names else None, audit=audit, forks=forks)
    for _, job in jobs(planned):
        asyncio.run(execute(job, Watch()))
    for _, judging in audits(planned):
        asyncio.run(execute(judging, Watch()))
    return finish(planned)


def _audit(told: Results) -> Audit:
    assert isinstance(told.audit, Audit)
    return told.audit


def test_steps_are_counted_and_models_are_paired_by_question(file: Path, tmp_path: Path, world: World) -> None:
    told = _audit(_run(file, tmp_path / "out"))
    base, trained = told.models
    assert (base.answers, base.judged, base.right, base.undecided) == (16, 16, 12, 0)
    assert base.wrong is not None
    assert base.severe is not None
    assert (base.wrong.value, base.severe.value) == (0, 0)
    assert base.steps is not None
    assert base.steps.value == 3
    # of 8 * 4 + 8 * 5 steps 8 are wrong and 16 unsupported; 8 of 16 right answers have a severe fault
    assert trained.wrong is not None
    assert trained.unsupported is not None
    assert trained.flagged is not None
    assert trained.severe is not None
    assert trained.wrong.value == pytest.approx(8 / 72)
    assert trained.unsupported.value == pytest.approx(16 / 72)
    assert trained.flagged.value == pytest.approx(24 / 72)
    assert (trained.severe.value, trained.right) == (0.5, 16)
    assert trained.wrong.low < 8 / 72 < trained.wrong.high
    (pair,) = told.pairs
    assert (pair.first, pair.second, pair.n) == ("base", "trained", 16)
    gaps = {one.figure: one for one in pair.gaps}
    assert gaps["wrong"].difference == pytest.approx(8 / 72)
    assert gaps["wrong"].words == "11.1 points more"
    assert gaps["steps"].words == "1.5 more"
    assert len(world.judgments) == 32


def test_the_judge_is_told_no_model_and_sees_answers_in_an_order_of_their_own(
    file: Path, tmp_path: Path, world: World
) -> None:
    _run(file, tmp_path / "out")
    asked = world.judgments
    texts = [f"{one.question_id} {texts_of_request(one)}" for one in asked]
    assert not any(name in text for text in texts for name in ("base", "trained"))
    assert [one.question_id for one in asked] == sorted(one.question_id for one in asked)
    writers = ["trained" if _LOOSE in texts_of_request(one) else "base" for one in asked]
    assert writers not in (sorted(writers), sorted(writers, reverse=True))
    assert asked[0].response_schema is not None


def test_models_are_audited_on_the_same_drawn_questions_and_a_larger_audit_asks_only_what_is_new(
    file: Path, tmp_path: Path, world: World
) -> None:
    told = _run(file, tmp_path / "out", count=5)
    rows = [list(read_rows(tmp_path / "out" / one.file)) for one in _audit(told).models]
    assert [row.id for row in rows[0]] == [row.id for row in rows[1]]
    assert len(rows[0]) == 5
    assert [row.id for row in rows[0]] != [f"q{n}" for n in range(5)]
    assert len(world.judgments) == 10
    assert _audit(told).pairs[0].gaps[0].words == "not distinguishable: p is 0.05 or more"
    world.asked.clear()
    again = _run(file, tmp_path / "out", count=5)
    assert not world.asked
    assert documents.encode(again) == documents.encode(told)
    _run(file, tmp_path / "out", count=8)
    assert len(world.asked) == 6
    world.asked.clear()
    _run(file, tmp_path / "new", count=8, forks=(tmp_path / "out",))
    assert not world.asked


def test_a_model_that_comes_later_is_shown_as_not_judged_until_it_is(file: Path, tmp_path: Path, world: World) -> None:
    _run(file, tmp_path / "out", "base")
    told = _run(file, tmp_path / "out", "trained", judge=None)
    assert [(one.judged, one.open) for one in _audit(told).models] == [(16, 0), (0, 16)]
    assert "16 answers are not judged yet" in markdown(told)
    world.asked.clear()
    told = _run(file, tmp_path / "out", "trained")
    assert [(one.judged, one.open) for one in _audit(told).models] == [(16, 0), (16, 0)]
    assert len(world.asked) == len(world.judgments) == 16


def test_answers_without_labels_are_counted_and_in_no_figure(file: Path, tmp_path: Path, world: World) -> None:
    world.judge = lambda request: "I cannot" if _number(request) < 3 else _judged(request)
    results = _run(file, tmp_path / "out")
    told = _audit(results)
    assert [(one.judged, one.undecided) for one in told.models] == [(13, 3), (13, 3)]
    assert (told.pairs[0].n, told.pairs[0].undecided) == (13, 3)
    undecided = {one.question_id for one in world.judgments if one.attempt > 0}
    assert len(undecided) == 6
    report = markdown(results)
    assert "| base | 13 of 16 | 3 |" in report
    assert "3 more are left out, because an answer has no labels" in report
    row = next(row for row in read_rows(tmp_path / "out" / told.models[0].file) if not row.steps)
    assert "no usable verdict" in row.problem


def test_answers_without_text_are_not_sent(
    file: Path, tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(request: Request) -> Completion | str:
        if request.stage == "evaluate" and _number(request) == 3:
            return Completion("", finish_reason="content_filter")
        return World.reply(world, request)

    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(reply))
    told = _audit(_run(file, tmp_path / "out", "base"))
    assert (told.models[0].judged, told.models[0].empty, told.models[0].undecided) == (15, 1, 0)


def test_a_severe_fault_in_a_right_answer_is_shown_with_its_words_escaped(
    file: Path, tmp_path: Path, world: World
) -> None:
    recipe = _recipe(tmp_path / "recipe.yaml")
    told = _audit(reasonmed.evaluate(str(file), "trained", tmp_path / "out", recipe=recipe, judge="strong"))
    assert told.questions == 16
    wrong = told.models[0].wrong_reasons
    assert len(wrong) == 8
    assert (wrong[0].answer, wrong[0].place, wrong[0].step, wrong[0].type) == ("A", 2, _WRONG, "wrong_fact")
    text = (tmp_path / "out" / "report.md").read_text()
    assert "## Right for wrong reasons" in text
    assert r"It does &lt;b&gt;not&lt;/b&gt; \| lower it." in text
    page = (tmp_path / "out" / "report.html").read_text()
    assert "&lt;b&gt;not&lt;/b&gt;" in page
    assert "<b>not" not in page


def test_an_evaluation_without_an_audit_says_nothing_of_one(file: Path, tmp_path: Path, world: World) -> None:
    told = _run(file, tmp_path / "out", "base", judge=None)
    assert not world.judgments
    assert "audit" not in (tmp_path / "out" / "results.json").read_text()
    assert "udit" not in (tmp_path / "out" / "evaluation.json").read_text()
    assert "Audit" not in markdown(told)


def _card(path: Path, strong: Candidate, **others: Any) -> Path:
    def share(count: int, of: int) -> dict[str, float]:
        return {"count": count, "of": of, "share": count / of, "low": count / of - 0.05, "high": count / of + 0.05}

    audit = auditor(None, strong)
    assert audit is not None
    steps = {"sensitivity": share(80, 100), "specificity": share(360, 400)}
    path.write_text(json.dumps({"format": 1, "judge": audit.identity, "steps": steps, **others}))
    return path


def test_rates_are_corrected_by_the_judges_card(file: Path, tmp_path: Path, world: World) -> None:
    card = _card(tmp_path / "judge_card.json", _STRONG)
    results = _run(file, tmp_path / "out", card=card)
    told = _audit(results)
    found = told.models[1].corrected
    assert found is not None
    assert found.value == pytest.approx((24 / 72 - 0.1) / 0.7)
    assert found.low < found.value < found.high
    assert told.models[0].corrected is not None
    assert told.models[0].corrected.value == 0
    assert "80 of 100 planted faulty steps and passes 360 of 400 sound ones" in markdown(results)


def test_a_card_that_says_nothing_of_this_judge_is_refused(tmp_path: Path) -> None:
    strong = _STRONG
    with pytest.raises(UsageError, match=r"it is of another judge: model\.name"):
        auditor(5, _model("other"), card=_card(tmp_path / "a.json", strong))
    with pytest.raises(UsageError, match="it says nothing of steps"):
        auditor(5, strong, card=_card(tmp_path / "b.json", strong, steps=None))
    with pytest.raises(UsageError, match="cannot be read"):
        auditor(5, strong, card=tmp_path / "none.json")


def test_what_cannot_be_corrected_is_said(file: Path, tmp_path: Path, world: World) -> None:
    half = {"count": 5, "of": 10, "low": 0.2, "high": 0.8}
    card = _card(tmp_path / "card.json", _STRONG, steps={"sensitivity": half, "specificity": half})
    told = _run(file, tmp_path / "out", card=card)
    assert _audit(told).models[0].corrected is None
    assert "cannot be corrected: the judge flags sound steps as often as faulty ones" in markdown(told)


def test_a_card_without_planted_faulty_steps_is_said_to_correct_nothing(
    file: Path, tmp_path: Path, world: World
) -> None:
    steps = {
        "sensitivity": {"count": 0, "of": 0, "low": 0.0, "high": 1.0},
        "specificity": {"count": 113, "of": 120, "low": 0.88, "high": 0.97},
    }
    told = _run(file, tmp_path / "out", card=_card(tmp_path / "card.json", _STRONG, steps=steps))
    assert _audit(told).models[0].corrected is None
    assert "cannot be corrected: the card has no planted faulty steps" in markdown(told)


def test_options_that_lack_one_another_are_refused(file: Path, tmp_path: Path, world: World) -> None:
    with pytest.raises(UsageError, match="need --judge NAME"):
        auditor(5, None)
    with pytest.raises(UsageError, match="--judge nobody: there is no such model"):
        auditor(5, "nobody")
    with pytest.raises(UsageError, match="--audit-steps needs answers in words"):
        evaluate(
            [file],
            [_model("base")],
            tmp_path / "out",
            Settings(protocol="loglikelihood"),
            audit=auditor(5, _STRONG),
        )
    assert not world.asked


def test_compare_pairs_the_audits_of_two_folders(file: Path, tmp_path: Path, world: World) -> None:
    _run(file, tmp_path / "a", "base")
    _run(file, tmp_path / "b", "trained", count=10)
    found = across(tmp_path / "a", tmp_path / "b")
    assert [(one.first, one.second, one.n) for one in found.audits or ()] == [("base", "trained", 10)]
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b")], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    assert "Steps of trained against base" in done.output
    _run(file, tmp_path / "c", "trained", judge=None)
    assert "audits" not in json.loads(documents.encode(across(tmp_path / "a", tmp_path / "c")))


def _recipe(path: Path) -> Path:
    models = "".join(f"  {name}: {{backend: scripted, model: {name}}}\n" for name in ("base", "trained", "strong"))
    path.write_text(f"stages: {{}}\nmodels:\n{models}")
    return path


def test_the_command_names_the_judge_as_it_names_models(file: Path, tmp_path: Path, world: World) -> None:
    words = ["evaluate", str(file), "-r", str(_recipe(tmp_path / "recipe.yaml")), "-m", "trained"]
    audit = ["--audit-steps", "12", "--judge", "strong", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*words, *audit], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "steps judged by strong" in done.output
    assert "Audit of steps" in done.output
    assert "Right for wrong reasons" not in done.output
    assert len(world.judgments) == 12
    card = next((tmp_path / "out" / "model_cards").iterdir()).read_text()
    assert card.startswith("## Audit of steps")
    assert "| trained | 12 of 12 | 0 |" in card


def test_an_ablation_audits_every_arm_against_the_base(
    file: Path, tmp_path: Path, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    models = [_model("base"), _model("trained")]
    asked = (Settings(), Reading(Selection(limit=12)))
    told = score([file], models, tmp_path / "out", asked, auditor(200, _STRONG), said.append)
    assert said == ["steps judged by strong"]
    assert [(one.first, one.second, one.n) for one in _audit(told).pairs] == [("base", "trained", 12)]
    nothing: Any = {"version": 1, "equal": "examples", "examples": 8, "seeds": [0], "note": "none", "models": {}}
    nothing |= {"rows_without_stem": 0, "questions": 12, "trained_on": 0, "accuracy": {}, "differences": []}
    _show(Ablation(**nothing, audit=told.audit))
    shown = capsys.readouterr().out
    assert "Audit of steps" in shown
    assert "Steps of trained against base" in shown
    assert b"audit" not in documents.encode(Ablation(**nothing))
