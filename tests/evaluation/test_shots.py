"""Few-shot examples and thinking effort: what is sent, what makes another evaluation, and what the report says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from reasonmed.backends import scripted
from reasonmed.backends.anthropic import Settings as AnthropicSettings
from reasonmed.backends.scripted import Settings as ScriptedSettings
from reasonmed.cli import app
from reasonmed.errors import ReasonMedError, RequestRejected, RunDirectoryError, UsageError
from reasonmed.evaluation import Candidate, Settings, Shots, evaluate, of_endpoint
from reasonmed.evaluation.headlines import how
from reasonmed.evaluation.loglikelihood import prompt_of
from reasonmed.evaluation.models import as_asked
from reasonmed.exchange import Request
from reasonmed.types import Question
from support import reply, served

COUNT = 6


def rows(name: str, count: int, split: str | None = None, **others: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{name}{number}",
            "question": f"{name} case {number}: which drug?",
            "options": [f"{drug} {number}" for drug in ("Heparin", "Warfarin", "Aspirin", "Alteplase")],
            "answer_index": number % 4,
            **({"split": split} if split else {}),
            **others,
        }
        for number in range(count)
    ]


def write(path: Path, written: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in written), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "own.jsonl", rows("own", COUNT))


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    return write(tmp_path / "pool.jsonl", [*rows("train", 20, "train"), *rows("test", 20, "test")])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """What the model was sent; it always answers A."""
    found: list[Request] = []

    def answer(request: Request) -> str:
        found.append(request)
        return "Answer: A"

    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(answer))
    return found


def model(**others: Any) -> Candidate:
    return Candidate(name="one", entry=ScriptedSettings(backend="scripted", model="one", **others))


def shots(source: object, count: int = 3, seed: int = 0) -> Settings:
    return Settings(shots=Shots(count=count, source=str(source), seed=seed))


def test_examples_are_earlier_turns_of_the_conversation(
    file: Path, pool: Path, tmp_path: Path, asked: list[Request]
) -> None:
    told = evaluate([file], [model(system="Be brief.")], tmp_path / "out", shots(f"{pool}/train"))
    assert len(asked) == COUNT
    for request in asked:
        roles = [message.role for message in request.messages]
        assert roles == ["system", *(["user", "assistant"] * 3), "user"]
        for question, answer in zip(request.messages[1:-1:2], request.messages[2:-1:2], strict=True):
            assert "train case" in question.content
            assert "Reason step by step" in question.content, "an example is asked like the question"
            letter, text = answer.content.removeprefix("Answer: ").split(". ")
            assert f"{letter}. {text}" in question.content
        assert "own case" in request.messages[-1].content
    assert len({request.messages[1:-1] for request in asked}) > 1, "each question draws its own"
    found = told.asked().shots
    assert found is not None
    assert (found.count, found.file, found.split, found.questions) == (3, "pool.jsonl", "train", 20)
    said = (
        "With 3 examples before each question, drawn from pool.jsonl, split train (20 questions, none of them evaluated"
    )
    assert said in how(told)
    assert said in (tmp_path / "out" / "report.md").read_text(encoding="utf-8").replace("\\", "")


def test_the_same_seed_draws_the_same_examples_and_another_seed_others(
    file: Path, pool: Path, tmp_path: Path, asked: list[Request]
) -> None:
    for out, seed in (("a", 0), ("b", 0), ("c", 1)):
        evaluate([file], [model()], tmp_path / out, shots(f"{pool}/train", seed=seed))
    first, same, other = (
        {request.question_id: request.messages for request in asked[start : start + COUNT]}
        for start in (0, COUNT, 2 * COUNT)
    )
    assert first == same
    assert first != other


def test_no_example_is_a_question_that_is_evaluated(tmp_path: Path, asked: list[Request]) -> None:
    file = write(tmp_path / "own.jsonl", rows("own", COUNT))
    copies = [{**row, "id": f"copy-{row['id']}", "options": row["options"][::-1]} for row in rows("own", COUNT)]
    dressed = [{**row, "question": row["question"].upper()} for row in rows("own", COUNT)]
    passage = [{**row, "context": "A passage."} for row in rows("own", COUNT)]
    for place, evaluated in enumerate((copies, dressed, passage)):
        source = write(tmp_path / f"pool{place}.jsonl", [*evaluated, *rows("train", 3)])
        told = evaluate([file], [model()], tmp_path / f"out{place}", shots(source))
        used = told.asked().shots
        assert used is not None
        assert used.questions == 3
    shown = [message.content for request in asked for message in request.messages[:-1] if message.role == "user"]
    assert shown
    assert all("train case" in text for text in shown)


def test_examples_are_part_of_what_an_evaluation_is(
    file: Path, pool: Path, tmp_path: Path, asked: list[Request]
) -> None:
    evaluate([file], [model()], tmp_path / "none", Settings())
    assert "shots" not in json.loads((tmp_path / "none" / "evaluation.json").read_text())["settings"]
    evaluate([file], [model()], tmp_path / "out", shots(f"{pool}/train"))
    sent = len(asked)
    evaluate([file], [model()], tmp_path / "out", shots(f"{pool}/train"))
    assert len(asked) == sent, "the same again asks nothing"
    for others in (Settings(), shots(f"{pool}/train", 2), shots(f"{pool}/test"), shots(f"{pool}/train", seed=1)):
        with pytest.raises(RunDirectoryError, match="other settings"):
            evaluate([file], [model()], tmp_path / "out", others)
    write(pool, rows("train", 20, "train", answer_index=0))
    with pytest.raises(RunDirectoryError, match=r"shots\.hash"):
        evaluate([file], [model()], tmp_path / "out", shots(f"{pool}/train"))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere.jsonl", "there is no such file; give FILE, or FILE/SPLIT"),
        ("pool.jsonl", r"it holds several splits \(test, train\): name one as"),
        ("pool.jsonl/dev", "no row is of split 'dev'; the file's splits: test, train"),
        ("own.jsonl", "has only 0 questions with a key that are not evaluated"),
        ("own.jsonl/train", "no row is of split 'train'; the file's splits: none"),
        ("hub:medqa-4options", "give a file"),
    ],
)
def test_a_source_that_cannot_be_is_refused_before_any_request(
    file: Path, pool: Path, tmp_path: Path, asked: list[Request], source: str, words: str
) -> None:
    assert file.parent == pool.parent
    given = source if ":" in source else tmp_path / source
    with pytest.raises(UsageError, match=words):
        evaluate([file], [model()], tmp_path / "out", shots(given))
    assert not asked
    assert not (tmp_path / "out").exists()


def test_examples_that_do_not_fit_the_context_end_the_evaluation_with_the_fix(
    file: Path, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(_: Request) -> str:
        raise RequestRejected("the prompt has 900 tokens, the model's context 512", "context")

    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(answer))
    with pytest.raises(UsageError, match=r"does not fit its context together with its examples.*900.*fewer --shots"):
        evaluate([file], [model()], tmp_path / "out", shots(f"{pool}/train"))
    told = evaluate([file], [model()], tmp_path / "none")
    assert told.models[0].failed == COUNT, "without examples it is the question's own length"


def test_the_command_takes_examples_and_says_what_is_missing(
    file: Path, pool: Path, tmp_path: Path, asked: list[Request]
) -> None:
    (tmp_path / "r.yaml").write_text("models:\n  one: {backend: scripted, model: made-up-1}\n", encoding="utf-8")
    words = ["evaluate", str(file), "-r", str(tmp_path / "r.yaml"), "-m", "one", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*words, "--shots", "2"])
    assert "--shots K and --shots-from FILE go together" in str(done.exception)
    done = CliRunner().invoke(app, [*words, "--shots", "2", "--shots-from", f"{pool}/train"])
    assert done.exit_code == 0, done.output
    assert "2 examples before each question" in done.output
    assert {len(request.messages) for request in asked} == {5}
    tasks = (tmp_path / "out" / "lm-eval" / "README.md").read_text(encoding="utf-8")
    assert "without `--num_fewshot`" in tasks


# as text, by log-likelihood


def question(number: int, subject: str = "anatomy", options: int = 4, **others: Any) -> Question:
    return Question(
        id=f"q{number}",
        stem=f"Which of {number}?",
        options=tuple(f"o{place}" for place in range(options)),
        answer=number % options,
        meta={"subject": subject},
        **others,
    )


def test_the_text_has_the_form_of_lm_eval_s_few_shot_tasks() -> None:
    """Head once, each example with its answer behind one space, a blank line between (lm-eval's delimiters)."""
    given = Shots(count=2, source="x", pool=(question(1), question(2)))
    text = prompt_of(question(9), "mmlu", given).text
    head, *blocks = text.split("\n\n")
    assert head == "The following are multiple choice questions (with answers) about anatomy."
    listed = "A. o0\nB. o1\nC. o2\nD. o3\nAnswer:"
    assert sorted(blocks[:2]) == [f"Which of 1?\n{listed} B", f"Which of 2?\n{listed} C"]
    assert blocks[2] == f"Which of 9?\n{listed}"
    assert prompt_of(question(9), "mmlu").text == f"{head}\n\n{blocks[2]}"


def test_examples_by_log_likelihood_are_of_the_question_s_kind_and_of_mmlu_of_its_subject() -> None:
    strange = [question(place, "virology") for place in range(20)] + [question(50, options=5)]
    given = Shots(count=2, source="x", pool=(*strange, question(1), question(2)))
    text = prompt_of(question(9), "mmlu", given).text
    assert {"Which of 1?", "Which of 2?"} < set(text.splitlines())
    with pytest.raises(UsageError, match="can have only 2 examples from x that have as many options"):
        prompt_of(question(9), "mmlu", Shots(count=3, source="x", pool=given.pool))
    abstract = question(4, options=3, context="BACKGROUND: Text.")
    given = Shots(count=1, source="x", pool=(*strange, abstract))
    text = prompt_of(question(7, options=3, context="AIM: More."), "pubmedqa", given).text
    assert text == (
        "Abstract: Text.\nQuestion: Which of 4?\nAnswer: o1\n\nAbstract: More.\nQuestion: Which of 7?\nAnswer:"
    )


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 3))
def test_every_draw_is_without_repetition_and_within_the_pool(size: int, count: int, seed: int) -> None:
    pool = tuple(question(number) for number in range(size))
    given_ = Shots(count=count, source="x", seed=seed, pool=pool)
    if count > size:
        with pytest.raises(UsageError, match="can have only"):
            given_.drawn(question(99))
        return
    found = given_.drawn(question(99))
    assert len({one.id for one in found}) == count
    assert found == given_.drawn(question(99))


def test_draws_take_every_question_of_the_pool_about_equally_often() -> None:
    given_ = Shots(count=2, source="x", pool=tuple(question(number) for number in range(10)))
    found = [one.id for number in range(1000, 2000) for one in given_.drawn(question(number))]
    times = [found.count(f"q{number}") for number in range(10)]
    assert min(times) > 140
    assert max(times) < 260


# thinking effort


async def test_effort_is_sent_as_the_endpoint_s_api_has_it_and_kept(file: Path, tmp_path: Path) -> None:
    bodies: list[dict[str, Any]] = []

    async def handle(received: web.Request) -> web.StreamResponse:
        bodies.append(await received.json())
        return reply("Answer: A")

    async with served(handle) as url:
        there = [of_endpoint(url, "thinker")]
        told = await asyncio.to_thread(evaluate, [file], there, tmp_path / "out", Settings(effort="high"))
        with pytest.raises(RunDirectoryError, match="effort: was 'high', is now 'low'"):
            await asyncio.to_thread(evaluate, [file], there, tmp_path / "out", Settings(effort="low"))
    assert len(bodies) == COUNT
    assert {body["reasoning_effort"] for body in bodies} == {"high"}
    assert told.settings["effort"] == "high"
    assert ", thinking effort high, prompt 'reason'." in how(told)


def test_effort_of_the_messages_api_is_beside_what_the_recipe_says_of_the_output() -> None:
    entry = AnthropicSettings(backend="anthropic", model="m", extra_body={"output_config": {"format": {"type": "x"}}})
    found = as_asked("m", entry, Settings(effort="medium"))
    assert found.extra_body == {"output_config": {"format": {"type": "x"}, "effort": "medium"}}
    assert as_asked("m", entry, Settings()) is entry


def test_effort_is_refused_where_nothing_takes_it(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--effort low: one is run by backend scripted, which has no such setting"):
        evaluate([file], [model()], tmp_path / "out", Settings(effort="low"))
    with pytest.raises(UsageError, match="nothing to think"):
        Settings(protocol="loglikelihood", effort="low")
    done = CliRunner().invoke(app, ["evaluate", str(file), "--effort", "extreme", "-o", str(tmp_path / "out")])
    assert "--effort extreme: it must be low, medium, high" in str(done.exception)


async def test_an_endpoint_that_takes_no_effort_ends_the_evaluation_with_the_fix(file: Path, tmp_path: Path) -> None:
    async def handle(_: web.Request) -> web.StreamResponse:
        error = {"message": "Unrecognized request argument supplied: reasoning_effort", "type": "invalid_request_error"}
        return web.json_response({"error": error}, status=400)

    async with served(handle) as url:
        with pytest.raises(ReasonMedError, match="leave out --effort"):
            await asyncio.to_thread(
                evaluate, [file], [of_endpoint(url, "plain")], tmp_path / "out", Settings(effort="low")
            )
