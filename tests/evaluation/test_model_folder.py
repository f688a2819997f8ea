"""Model folders in this process: replies in batches, rejections alone, thinking, and what training left behind."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_model

from reasonmed.backends.transformers import Settings, connect
from reasonmed.errors import ReasonMedError, RequestRejected, UsageError
from reasonmed.evaluation import Settings as Asking
from reasonmed.evaluation import Shots, evaluate, of_folder
from reasonmed.evaluation.outcome import Results
from reasonmed.exchange import Completion, Message, Request, SamplingParameters


def request(text: str, **others: Any) -> Request:
    return Request(model="m", messages=(Message("user", text),), sampling=SamplingParameters(max_tokens=8), **others)


async def _ask(folder: Path, *requests: Request, **settings: Any) -> list[Completion | BaseException]:
    backend = connect(Settings(backend="transformers", model=str(folder), **settings), 4)
    try:
        return await asyncio.gather(*map(backend.complete, requests), return_exceptions=True)
    finally:
        await backend.aclose()


async def test_a_batch_answers_as_one_by_one(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "m")
    asked = [request("Which drug? " * (1 + number)) for number in range(5)]
    together = await _ask(folder, *asked)
    alone = await _ask(folder, *asked, batch=1)
    assert together == alone
    assert all(isinstance(one, Completion) and one.completion_tokens for one in together)
    assert len({one.text for one in together if isinstance(one, Completion)}) > 1


async def test_scores_in_a_batch_are_those_of_one_by_one(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "m")
    body = {"loglikelihood": [" yes", " no", " A B C"]}
    asked = [request("Which drug? " * (1 + number), extra_body=body) for number in range(4)]
    found = [await _ask(folder, *asked, batch=batch) for batch in (16, 1)]
    scores = [[json.loads(one.text) for one in run if isinstance(one, Completion)] for run in found]
    assert scores[0] == [pytest.approx(row, abs=1e-4) for row in scores[1]]
    assert all(len(row) == 3 and max(row) < 0 for row in scores[0])


async def test_a_prompt_beyond_the_context_is_rejected_alone(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "m", context=64)
    short, long = await _ask(folder, request("Which?"), request("Which drug? " * 200))
    assert isinstance(short, Completion)
    assert isinstance(long, RequestRejected)
    assert long.kind == "context"


async def test_the_context_ends_a_reply_as_cut(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "m", context=64)
    tight, free = await _ask(folder, request("Which drug? " * 9 + "x " * 3), request("Which?"))
    assert isinstance(tight, Completion)
    assert isinstance(free, Completion)
    assert 64 - 8 < (tight.prompt_tokens or 0) < 64
    assert (tight.prompt_tokens or 0) + (tight.completion_tokens or 0) == 64
    assert tight.cut
    assert free.completion_tokens == 8


async def test_warm_samples_of_one_question_differ(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "m")
    warm = SamplingParameters(temperature=1.0, max_tokens=12)
    asked = [Request(model="m", messages=(Message("user", "Why?"),), sampling=warm, sample=n) for n in range(4)]
    found = await _ask(folder, *asked)
    assert len({one.text for one in found if isinstance(one, Completion)}) > 1
    assert found == await _ask(folder, *asked)


async def test_the_chat_template_is_told_whether_to_think(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "m")
    template = "{{ messages[0].content }}{% if enable_thinking %} think hard{% endif %}"
    (folder / "chat_template.jinja").write_text(template)
    bodies: list[dict[str, Any] | None] = [{"chat_template_kwargs": {"enable_thinking": on}} for on in (True, False)]
    on, off = await _ask(folder, *(request("Why?", extra_body=body) for body in bodies))
    assert isinstance(on, Completion)
    assert isinstance(off, Completion)
    assert (on.prompt_tokens or 0) > (off.prompt_tokens or 0)


async def test_weights_that_cannot_be_loaded_are_an_error_and_not_a_hang(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "m")
    (folder / "config.json").write_text('{"model_type": "no_such_type"}')
    (found,) = await _ask(folder, request("Why?"))
    assert isinstance(found, ReasonMedError)
    assert "cannot load" in str(found)


def test_the_weights_are_the_model_wherever_they_lie(tmp_path: Path) -> None:
    one, other = tiny_model(tmp_path / "a" / "m"), tiny_model(tmp_path / "b" / "m")
    third = tiny_model(tmp_path / "c" / "m", seed=1)
    labels = [Settings(backend="transformers", model=str(folder)).label for folder in (one, other, third)]
    assert labels[0] == labels[1] != labels[2]
    (one / "run.json").write_text("{}")
    assert Settings(backend="transformers", model=str(one)).label == labels[0]


def test_a_folder_is_evaluated_with_what_its_training_left_behind(tmp_path: Path) -> None:
    base, tuned = tiny_model(tmp_path / "small"), tiny_model(tmp_path / "tuned", seed=1)
    (tuned / "run.json").write_text(json.dumps({"base_model": {"name": str(base)}, "stems": ["0" * 32]}))
    rows = [{"id": f"q{n}", "question": f"Which {n}?", "options": ["a", "b"], "answer_index": 0} for n in range(6)]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    models = [of_folder(base), of_folder(tuned)]
    told = evaluate([tmp_path / "own.jsonl"], models, tmp_path / "out", Asking(max_tokens=6))
    assert told.base == "small"
    assert told.models[1].trained_stems == 1
    assert told.headlines[0].subset == "clean"
    assert [one.answers for one in told.models] == [6, 6]


def _tokens_around(folder: Path, *, end: bool) -> Path:
    """Let the folder's tokenizer put its first token before every text, and its last one behind, as some do."""
    file = folder / "tokenizer.json"
    told = json.loads(file.read_text())
    names = ("<s>", "</s>")
    parts: list[dict[str, Any]] = [{"SpecialToken": {"id": name, "type_id": 0}} for name in names]
    around = [parts[0], {"Sequence": {"id": "A", "type_id": 0}}, *parts[1:]][: 3 if end else 2]
    tokens = {name: {"id": name, "ids": [number], "tokens": [name]} for number, name in enumerate(names)}
    told["post_processor"] = {"type": "TemplateProcessing", "single": around, "pair": around, "special_tokens": tokens}
    file.write_text(json.dumps(told))
    return folder


async def test_an_end_that_the_tokenizer_adds_ends_no_prompt_and_no_text_to_score(tmp_path: Path) -> None:
    without = _tokens_around(tiny_model(tmp_path / "without"), end=False)
    ending = _tokens_around(tiny_model(tmp_path / "ending"), end=True)
    asked = [request("Which drug?", extra_body={"loglikelihood": [" A", " B", " C"]}), request("Which drug?")]
    found = await _ask(without, *asked)
    assert all(isinstance(one, Completion) for one in found)
    assert found == await _ask(ending, *asked)


async def test_at_temperature_0_only_the_penalty_that_both_engines_have_steers(tmp_path: Path) -> None:
    folder, other = tiny_model(tmp_path / "m"), tiny_model(tmp_path / "n")
    third = tiny_model(tmp_path / "o")
    ends = {"eos_token_id": 1}
    steered = {"num_beams": 3, "no_repeat_ngram_size": 2, "min_new_tokens": 5, "suppress_tokens": [*range(40, 90)]}
    (other / "generation_config.json").write_text(json.dumps({**ends, **steered}))
    (third / "generation_config.json").write_text(json.dumps({**ends, "repetition_penalty": 1.9}))
    plain, greedy, penalized = [(await _ask(one, request("Which drug?")))[0] for one in (folder, other, third)]
    assert plain == greedy
    assert isinstance(plain, Completion)
    assert isinstance(penalized, Completion)
    assert penalized.text != plain.text
    forms = [of_folder(one).form for one in (folder, other, third)]
    assert [one.applied for one in forms] == [{}, {}, {"repetition_penalty": 1.9}]
    assert forms[1].ignored == steered


async def test_a_text_to_score_that_the_context_cuts_is_counted(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "m", context=64)
    body = {"loglikelihood": [" A", " B"]}
    long, short = await _ask(folder, request("word " * 90, extra_body=body), request("Why?", extra_body=body))
    assert isinstance(long, Completion)
    assert isinstance(short, Completion)
    assert (long.sent or {})["cut_tokens"] > 100
    assert short.sent is None


def test_texts_to_score_that_were_cut_are_said_in_the_report(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "m", context=64)
    rows = [
        {"id": "q", "question": "word " * 90, "options": ["a", "b", "c", "d"], "answer_index": 0},
        {"id": "r", "question": "Why?", "options": ["a", "b", "c", "d"], "answer_index": 1},
    ]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = Asking(protocol="loglikelihood")
    told = evaluate([f"medqa-4options={tmp_path / 'own.jsonl'}"], [of_folder(folder)], tmp_path / "out", settings)
    cell = told.models[0].benchmarks["medqa-4options"]
    assert cell.calibration is not None
    assert (cell.beheaded, cell.n, cell.calibration.n) == (1, 2, 2)
    report = (tmp_path / "out" / "report.md").read_text()
    assert "m on medqa-4options: 1 texts to score lost their beginning" in report
    assert "## Calibration" in report


@pytest.mark.parametrize("protocol", ["loglikelihood", "generate"])
def test_examples_beyond_the_context_of_a_folder_end_the_evaluation(tmp_path: Path, protocol: Any) -> None:
    folder = tiny_model(tmp_path / "m", context=512)
    rows = [
        {"id": f"q{number}", "question": f"Why {number}?", "options": list("abcd"), "answer_index": number % 4}
        for number in range(60)
    ]
    for name, part in (("own", rows[:2]), ("pool", rows[2:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))

    def asked(count: int) -> Results:
        given = Shots(count=count, source=str(tmp_path / "pool.jsonl"))
        settings = Asking(protocol=protocol, shots=given, max_tokens=4, prompt="{{ question }}")
        return evaluate(
            [f"medqa-4options={tmp_path / 'own.jsonl'}"], [of_folder(folder)], tmp_path / f"out{count}", settings
        )

    used = asked(2).asked().shots
    assert used is not None
    assert used.count == 2
    with pytest.raises(UsageError, match=r"question .* does not fit its context together with its examples.*fewer"):
        asked(40)
