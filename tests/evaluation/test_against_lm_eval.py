"""The log-likelihood protocol makes the choices of lm-evaluation-harness, question by question."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from harness import NEEDED, lm_eval_choices
from tiny import tiny_model

from reasonmed.evaluation import Reading, Settings, evaluate, of_folder
from reasonmed.evaluation.answers import read_answers
from reasonmed.evaluation.benchmarks import benchmarks_of
from reasonmed.evaluation.loglikelihood import prompt_of
from reasonmed.questions import Settings as FileSettings

_PAIRS = [("Which drug lowers potassium?", "fever"), ("Cough & <b>rash</b>, 38.5 °C;  which test?", "pain")]
_OPTIONS = [["Insulin", "Digoxin", "Spironolactone", "Lisinopril"], ["A", "none of the above", "x-ray", "MRI"]]


def _rows(kind: str, count: int = 24) -> list[dict[str, Any]]:
    """Rows as the benchmark is published; without spaces at the ends of texts, which our readers strip."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        stem, word = _PAIRS[number % 2]
        stem = f"{stem} Case {number} with {word * (1 + number % 3)}"
        options = [f"{option} {number * place}" for place, option in enumerate(_OPTIONS[number % 2])]
        if kind == "medqa":
            lettered = dict(zip("ABCD", options, strict=True))
            key = "ABCD"[number % 4]
            rows.append({"question": stem, "options": lettered, "answer_idx": key, "answer": lettered[key]})
        elif kind == "medmcqa":
            named = dict(zip(("opa", "opb", "opc", "opd"), options, strict=True))
            rows.append({"id": f"m{number}", "question": stem, **named, "cop": number % 4, "choice_type": "single"})
        elif kind == "mmlu":
            rows.append({"question": stem, "choices": options, "answer": number % 4})
        else:
            contexts = [f"We saw {number} patients: {word}.", "Most got better: 3 of 4."]
            decision = ("yes", "no", "maybe")[number % 3]
            rows.append(
                {"id": str(number + 1000), "QUESTION": stem, "CONTEXTS": contexts, "LABELS": ["AIM", "MAIN RESULTS"],
                 "LONG_ANSWER": "So it is.", "final_decision": decision}
            )  # fmt: skip
    return rows


def _write(file: Path, kind: str, rows: list[dict[str, Any]]) -> None:
    if kind == "mmlu":
        with file.open("w", newline="") as sink:
            csv.writer(sink).writerows([row["question"], *row["choices"], "ABCD"[row["answer"]]] for row in rows)
    else:
        file.write_text("\n".join(json.dumps(row) for row in rows))


def _docs(kind: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows as lm-eval's data sets on the hub have them."""
    if kind != "medqa":
        return rows
    endings = [{f"ending{place}": text for place, text in enumerate(row["options"].values())} for row in rows]
    return [
        {"sent1": row["question"], "label": "ABCD".index(row["answer_idx"]), **ending}
        for row, ending in zip(rows, endings, strict=True)
    ]


def _theirs(folder: Path, model: Path, kind: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What lm-eval asks and chooses, by its own task."""
    docs = folder / "docs.jsonl"
    docs.write_text("\n".join(json.dumps(doc) for doc in _docs(kind, rows)))
    return lm_eval_choices(folder, model, kind, docs)


@pytest.mark.parametrize("kind", ["medqa", "medmcqa", "pubmedqa", "mmlu"])
def test_prompts_and_choices_are_those_of_lm_eval(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("lm_eval", reason=NEEDED)
    model = tiny_model(tmp_path / "model")
    rows = _rows(kind)
    file = tmp_path / ("anatomy_test.csv" if kind == "mmlu" else f"{kind}.jsonl")
    _write(file, kind, rows)
    theirs = _theirs(tmp_path, model, kind, rows)
    reading = Reading(files=FileSettings(cop_base=0 if kind == "medmcqa" else None))
    settings = Settings(protocol="loglikelihood")

    (benchmark,) = benchmarks_of([file], reading)
    prompts = [prompt_of(one, kind) for one in benchmark.questions]
    assert [one.text for one in prompts] == [one["text"] for one in theirs]
    assert [list(one.continuations) for one in prompts] == [one["continuations"] for one in theirs]

    told = evaluate([file], [of_folder(model)], tmp_path / "out", settings, reading=reading)
    answers = list(read_answers(tmp_path / "out" / told.models[0].answers_file))
    choices = ["ABCD".index(row.answer or "") for row in answers]
    assert choices == [one["choice"] for one in theirs]
    assert len(set(choices)) > 1, "a model that always says the same proves nothing"
    assert [json.loads(row.text) for row in answers] == [pytest.approx(one["scores"], abs=2e-4) for one in theirs]
    assert told.models[0].correct == sum(one["right"] for one in theirs)
