"""``judge-card`` and what goes with it, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import judges
from product import Done, reasonmed_at
from reasonmed.recipe.shipped import resource

HERE = str(Path(judges.__file__).parent)
OPTIONS = ["Heparin", "Warfarin", "Aspirin", "Alteplase"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with labelled chains and a recipe for each judge."""
    rows = [
        {
            "id": f"q{number}",
            "question": f"Case {number}: a 47-year-old patient with a long course. Which drug?",
            "options": OPTIONS,
            "answer": "B",
            "cots": [{"model": "m", "text": judges.sound(number), "correct": True}],
        }
        for number in range(6)
    ]
    (tmp_path / "cots.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("perfect", "accept_all"):
        (tmp_path / f"{name}.yaml").write_text(
            f"models: {{j: {{backend: scripted, model: {name}, function: 'judges:{name}'}}}}\n"
            "stages: {verify: {model: j}}\n"
        )
    return tmp_path


def command(folder: Path, *words: str | Path) -> Done:
    return reasonmed_at(folder, *words, env={"PYTHONPATH": f"{HERE}:{Path(judges.__file__).parents[1] / 'src'}"})


def test_the_card_is_printed_and_written_and_the_same_command_goes_on(folder: Path) -> None:
    first = command(folder, "judge-card", "cots.jsonl", "-r", "accept_all.yaml", "-o", "card")
    assert first.code == 0, first.err
    assert "specificity" in first.out
    assert "0.00 (0.00 to" in first.out
    assert {path.name for path in (folder / "card").glob("judge_card.*")} == {
        "judge_card.json",
        "judge_card.md",
        "judge_card.html",
    }
    again = command(folder, "judge-card", "cots.jsonl", "-r", "accept_all.yaml", "-o", "card")
    assert again.out == first.out


def test_without_an_output_the_card_finds_its_own_place_again(folder: Path) -> None:
    for _ in range(2):
        done = command(folder, "judge-card", "cots.jsonl", "-r", "perfect.yaml", "--seed", "3")
        assert done.code == 0, done.err
    assert len(list((folder / "judge-cards").iterdir())) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("missing.jsonl", "-r", "perfect.yaml"), "missing.jsonl"),
        (("cots.jsonl", "-r", "perfect.yaml", "--limit", "2", "--sample", "2"), "exclude each other"),
        (("cots.jsonl", "-r", "perfect.yaml", "--write-chains"), "no generate stage"),
        (("cots.jsonl", "-r", "perfect.yaml", "-o", "."), "is no run of reasonmed"),
        ((".", "-r", "perfect.yaml"), "is no run"),
        (("plain.jsonl", "-r", "perfect.yaml"), "no case"),
    ],
)
def test_a_mistake_is_said_in_one_line(words: tuple[str, ...], message: str, folder: Path) -> None:
    (folder / "plain.jsonl").write_text(json.dumps({"question": "Which?", "options": OPTIONS, "answer": "B"}) + "\n")
    done = command(folder, "judge-card", *words)
    assert done.code == 2
    assert message in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_a_runs_own_chains_are_tried_and_its_verdicts_are_lent(tmp_path: Path) -> None:
    questions = resource("examples", "questions.json")
    made = reasonmed_at(
        tmp_path, "run", questions, "-r", "scripted", "-o", "run", "--limit", "4", "--max-failures", "4"
    )
    assert made.code == 0, made.err
    done = reasonmed_at(tmp_path, "judge-card", "run", "-r", "scripted", "-o", "card", "--retest", "0")
    assert done.code == 0, done.err
    card = json.loads((tmp_path / "card" / "judge_card.json").read_text())
    sound = card["strata"]["broken_reasoning"]["sound"]
    assert sound > 0
    assert card["labels"]["presumed"] == sound
    assert set(card["own_model"]["by_writer"]) == {"made-up-1", "made-up-2", "made-up-3"}
    assert card["own_model"]["own"]["of"] > 0
    status = json.loads(reasonmed_at(tmp_path, "status", "card", "--json").out)
    assert status["stages"]["verify"]["reused"] == sound


def told(folder: Path, recipe: dict[str, Any], *words: str) -> Done:
    (folder / "run.yaml").write_text(json.dumps(recipe))
    return command(folder, *words)


def test_a_run_below_its_threshold_does_not_begin_and_one_above_does(folder: Path) -> None:
    for name in ("perfect", "accept_all"):
        done = command(folder, "judge-card", "cots.jsonl", "-r", f"{name}.yaml", "-o", f"cards/{name}")
        assert done.code == 0, done.err
    for name in ("accept_all", "perfect"):
        recipe = {
            "models": {
                "j": {"backend": "scripted", "model": name, "function": f"judges:{name}"},
                "w": {"backend": "scripted", "model": "writer"},
            },
            "stages": {
                "generate": {"models": ["w"], "samples": 3},
                "verify": {"model": "j", "require_judge_card": {"file": f"cards/{name}/judge_card.json"}},
            },
        }
        questions = str(resource("examples", "questions.json"))
        words = ("run", questions, "-r", "run.yaml", "-o", name, "--limit", "2", "--max-failures", "2")
        done = told(folder, recipe, *words)
        if name == "perfect":
            assert done.code == 0, done.err
        else:
            assert done.code == 2
            assert "specificity: 0.000" in " ".join(done.err.split())
            assert not (folder / name).exists()
            assert "specificity" in told(folder, recipe, "verify", questions, "-o", "v.jsonl", "-r", "run.yaml").err


def test_a_judge_that_also_writes_is_doubted_once_by_run_and_by_doctor(tmp_path: Path) -> None:
    words = ("run", resource("examples", "questions.json"), "-r", "scripted", "-o", "run", "--max-failures", "100%")
    first = reasonmed_at(tmp_path, *words, "--limit", "2")
    again = reasonmed_at(tmp_path, *words, "--limit", "3")
    assert " ".join(first.err.split()).count("the judge made-up-1 also writes chains of thought") == 1
    assert "also writes" not in again.err
    assert "also writes chains of thought" in " ".join(reasonmed_at(tmp_path, "doctor", "-r", "scripted").out.split())


def test_status_tells_canaries_and_why_shows_them(tmp_path: Path) -> None:
    text = resource("recipes", "scripted.yaml").read_text()
    text = text.replace("verify: {model: one}", "verify: {model: one, canaries: 0.5}")
    (tmp_path / "r.yaml").write_text(text)
    done = reasonmed_at(
        tmp_path, "run", resource("examples", "questions.json"), "-r", "r.yaml", "-o", "run", "--limit", "6",
        "--max-failures", "100%",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "let pass by the judge" in reasonmed_at(tmp_path, "status", "run").out
    found = json.loads(reasonmed_at(tmp_path, "status", "run", "--json").out)["canaries"]
    assert found["planted"] == found["accepted"] + found["rejected"] + found["undecided"] > 0
    assert found["low"] <= found["accepted_share"] <= found["high"]
    names = [row["id"] for row in json.loads(resource("examples", "questions.json").read_text())[:6]]
    assert any("canary of" in reasonmed_at(tmp_path, "why", "run", name).out for name in names)
    rebuilt = reasonmed_at(tmp_path, "rebuild", "run")
    assert "byte for byte what they were" in rebuilt.out
    assert "differ" not in rebuilt.out
