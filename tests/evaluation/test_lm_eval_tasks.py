"""The tasks for lm-evaluation-harness ask what the evaluation asks, and score by its keys."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import NEEDED, lm_eval_choices, started
from tiny import tiny_model

from reasonmed.backends import scripted
from reasonmed.backends.scripted import Settings as ScriptedSettings
from reasonmed.evaluation import Candidate, Reading, Settings, evaluate, of_folder
from reasonmed.evaluation.answers import read_answers
from reasonmed.exchange import Request

HOSTILE = "{{ 7*7 }} {% raw %} {# gone #} \u2028 \x1b[31m 'a' \"b\" \\n <b>"
OPTIONS = ["Heparin {{ 7*7 }}", "['A', 'B']", "Aspirin", "Alteplase"]
TEMPLATE = "{% for turn in messages %}{{ turn.role }}: {{ turn.content }}\n{% endfor %}assistant:"


def _medqa(folder: Path, count: int = 12) -> Path:
    rows = [
        {
            "question": f"{HOSTILE} Case {number}: which drug{' again' * (number % 3)}?",
            "options": dict(zip("ABCD", OPTIONS, strict=True)),
            "answer_idx": "ABCD"[number % 4],
            "meta_info": "step1",
            "answer": OPTIONS[number % 4],
        }
        for number in range(count)
    ]
    path = folder / "medqa.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _asked(file: Path, out: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> list[Request]:
    """The requests of an evaluation of a scripted model."""
    requests: list[Request] = []

    def reply(request: Request) -> str:
        requests.append(request)
        return "So it is.\n\nAnswer: A"

    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(reply))
    one = Candidate(name="one", entry=ScriptedSettings(backend="scripted", model="one"))
    evaluate([file], [one], out, Settings(**settings))
    return requests


def _loaded(folder: Path, task: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[dict[str, Any]]]:
    """A task as lm-eval loads it, and its documents."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tasks = pytest.importorskip("lm_eval.tasks", reason=NEEDED)
    monkeypatch.chdir(folder)
    found = tasks.TaskManager(include_path=os.curdir, include_defaults=False).load([task])
    (loaded,) = found["tasks"].values()
    return loaded, list(loaded.test_docs())


def _rows(folder: Path, task: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{task}.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("prompt", ["reason", "bare", "{{ stem }}|{{ options[0] }}|{{ question }}"])
def test_lm_eval_shows_the_prompts_that_were_sent_to_the_byte(
    prompt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = _asked(_medqa(tmp_path), tmp_path / "out", monkeypatch, prompt=prompt, rotate=2)
    task, docs = _loaded(tmp_path / "out" / "lm-eval", "reasonmed_medqa-4options_generate", monkeypatch)
    shown = [task.doc_to_text(doc) for doc in docs]
    assert len(docs) == len(requests) == 24
    assert sorted(shown) == sorted(request.messages[-1].content for request in requests)
    assert all("{{ 7*7 }} {% raw %} {# gone #} \u2028 \x1b[31m" in text for text in shown)
    keys = [task.doc_to_target(doc) for doc in docs]
    assert [key for doc, key in zip(docs, keys, strict=True) if doc["rotated"] == 0] == [*"ABCD"] * 3
    assert all(
        f"{key}. {OPTIONS[place // 2 % 4]}\n" in text + "\n" or prompt not in ("reason", "bare")
        for place, (key, text) in enumerate(zip(keys, shown, strict=True))
    )


def test_a_reply_is_scored_by_the_letter_of_its_last_answer_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _asked(_medqa(tmp_path), tmp_path / "out", monkeypatch)
    task, docs = _loaded(tmp_path / "out" / "lm-eval", "reasonmed_medqa-4options_generate", monkeypatch)
    (ensemble,) = task._filters  # noqa: SLF001 - lm-eval offers no other way to its filters
    (steps,) = [[step() for step in ensemble.filters]]
    found: Any = [["Answer: B. no\n\nAnswer: A. Heparin"], ["I weigh it.\nAnswer: B"]]
    for step in steps:
        found = step.apply(found, docs[:2])
    scores = [task.process_results(doc, [text])["exact_match"] for doc, text in zip(docs, found, strict=False)]
    assert scores == [1.0, 1.0]
    assert task.process_results(docs[2], ["A"])["exact_match"] == 0.0


def test_lm_eval_chooses_as_the_loglikelihood_protocol_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lm_eval", reason=NEEDED)
    model = tiny_model(tmp_path / "model")
    name = "reasonmed_medqa-4options_loglikelihood"
    told = evaluate([_medqa(tmp_path)], [of_folder(model)], tmp_path / "out", Settings(protocol="loglikelihood"))
    answers = list(read_answers(tmp_path / "out" / told.models[0].answers_file))
    theirs = lm_eval_choices(tmp_path / "out" / "lm-eval", model, name)
    choices = ["ABCD".index(row.answer or "") for row in answers]
    assert choices == [one["choice"] for one in theirs]
    assert len(set(choices)) > 1, "a model that always says the same proves nothing"
    assert [json.loads(row.text) for row in answers] == [pytest.approx(one["scores"], abs=2e-4) for one in theirs]
    assert told.models[0].correct == sum(one["right"] for one in theirs)

    task, docs = _loaded(tmp_path / "out" / "lm-eval", name, monkeypatch)
    assert [task.doc_to_target(doc) for doc in docs] == ["ABCD".index(row.key) for row in answers]
    assert [task.doc_to_text(doc) for doc in docs] == [one["text"] for one in theirs]
    assert all("{{ 7*7 }}" in one["text"] for one in theirs)


def test_the_commands_of_the_readme_run_and_write_the_same_replies(tmp_path: Path) -> None:
    pytest.importorskip("lm_eval", reason=NEEDED)
    model = tiny_model(tmp_path / "model")
    (model / "chat_template.jinja").write_text(TEMPLATE)
    told = evaluate([_medqa(tmp_path, 6)], [of_folder(model)], tmp_path / "out", Settings(max_tokens=24))
    folder = tmp_path / "out" / "lm-eval"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    commands = [line.strip() for line in readme.splitlines() if line.startswith("    lm_eval ")]
    assert len(commands) == 2
    for command in commands:
        words = shlex.split(command.replace("MODEL", str(model)))[1:]
        started(folder, "-m", "lm_eval", *words, "--device", "cpu", "--log_samples", "--output_path", "scores")
    (results, _) = sorted(folder.glob("scores/**/results_*.json"))
    assert "reasonmed_medqa-4options_generate" in json.loads(results.read_text())["results"]
    (samples,) = folder.glob("scores/**/samples_*_generate_*.jsonl")
    theirs = sorted((json.loads(line) for line in samples.read_bytes().splitlines()), key=lambda one: one["doc_id"])
    answers = list(read_answers(tmp_path / "out" / told.models[0].answers_file))
    assert [one["resps"][0][0] for one in theirs] == [row.text for row in answers]
    assert len({row.text for row in answers}) > 1, "a model that always says the same proves nothing"


def test_no_path_of_the_machine_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _asked(_medqa(tmp_path), tmp_path / "out", monkeypatch)
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "out" / "lm-eval").iterdir()]
    assert len(texts) == 5
    assert not any(str(tmp_path) in text or str(Path.home()) in text for text in texts)


def test_the_same_questions_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for name in ("a", "b"):
        _asked(_medqa(tmp_path), tmp_path / name, monkeypatch, rotate=4)
        found.append({path.name: path.read_bytes() for path in (tmp_path / name / "lm-eval").iterdir()})
    assert found[0] == found[1]


def test_sampling_goes_into_the_task_and_repeats_into_the_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 300, "samples": 3, "thinking": False}
    _asked(_medqa(tmp_path), tmp_path / "out", monkeypatch, **how)
    folder = tmp_path / "out" / "lm-eval"
    task = yaml.safe_load((folder / "reasonmed_medqa-4options_generate.yaml").read_text(encoding="utf-8"))
    wanted = {"until": [], "do_sample": True, "max_gen_toks": 300, "temperature": 0.7, "top_p": 0.9}
    assert task["generation_kwargs"] == wanted
    assert len(_rows(folder, "reasonmed_medqa-4options_generate")) == 12
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "lm-eval asks each row once; the evaluation asked 3 times." in readme
    assert "'pretrained=MODEL,enable_thinking=False'" in readme


def test_what_has_no_log_likelihood_prompt_is_said_and_an_older_file_of_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"id": f"q{number}", "question": f"{number}?", "options": OPTIONS, "answer_index": 1, "source": "MMLU"}
        for number in range(3)
    ]
    file = tmp_path / "own.jsonl"
    file.write_text("".join(json.dumps({**row, "meta": {"subject": "anatomy"}}) + "\n" for row in rows))
    given: Any = f"mmlu-medical={file}"
    _asked(given, tmp_path / "out", monkeypatch)
    folder = tmp_path / "out" / "lm-eval"
    assert len(_rows(folder, "reasonmed_mmlu-medical_loglikelihood")) == 3

    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    _asked(given, tmp_path / "out", monkeypatch)
    assert not list(folder.glob("*_loglikelihood.*"))
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "`reasonmed_mmlu-medical_loglikelihood` is missing: question q0 has no subject" in readme
    assert readme.count("    lm_eval ") == 1


def test_an_evaluation_of_several_benchmarks_has_one_command_for_each_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        scripted, "connect", lambda _settings, _connections: scripted.Scripted(lambda _request: "Answer: A")
    )
    other = tmp_path / "my own.jsonl"
    other.write_text(json.dumps({"id": "q", "question": "x?", "options": ["a", "b"], "answer_index": 1}) + "\n")
    one = Candidate(name="one", entry=ScriptedSettings(backend="scripted", model="one"))
    evaluate([_medqa(tmp_path), other], [one], tmp_path / "out", reading=Reading())
    readme = (tmp_path / "out" / "lm-eval" / "README.md").read_text(encoding="utf-8")
    commands = [line.rpartition(" ")[2] for line in readme.splitlines() if line.startswith("    lm_eval ")]
    assert commands == [
        "reasonmed_medqa-4options_generate,reasonmed_my-own_generate",
        "reasonmed_medqa-4options_loglikelihood",
    ]
