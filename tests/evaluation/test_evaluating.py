"""Whole evaluations on scripted models whose accuracy is known."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner

from reasonmed.backends import scripted
from reasonmed.backends._prices import Price
from reasonmed.backends.scripted import Settings as ScriptedSettings
from reasonmed.cli import app
from reasonmed.errors import ReasonMedError, RequestRejected, RunDirectoryError, Unavailable, UsageError
from reasonmed.evaluation import Candidate, Limits, Reading, Settings, candidate, evaluate
from reasonmed.evaluation.answers import read_answers
from reasonmed.evaluation.headlines import how
from reasonmed.evaluation.models import of_endpoint
from reasonmed.evaluation.outcome import Results
from reasonmed.evaluation.scores import Score, Sent
from reasonmed.exchange import Completion, Request
from reasonmed.questions.normal import stem_hash
from reasonmed.runs.intake import Selection
from reasonmed.types import Question
from support import reply, served

OPTIONS = ("Heparin", "Warfarin", "Aspirin", "Alteplase")
COUNT = 20


def rows(count: int = COUNT, **others: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": f"q{number}",
            "question": f"Case {number}: which drug?",
            "options": [f"{option} {number}" for option in OPTIONS],
            "answer_index": number % 4,
            "meta": {"subject": ("heart", "lung")[number % 2], "tier": ("easy", "difficult")[number % 5 == 0]},
            **others,
        }
        for number in range(count)
    ]


def write(path: Path, written: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in written))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "own.jsonl", rows())


class Model:
    """Answers by rule, and remembers what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
        self.asked: list[Request] = []
        self.answer = answer
        monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(self.reply))

    def reply(self, request: Request) -> Completion | str:
        self.asked.append(request)
        found: Completion | str = self.answer(request)
        if isinstance(found, Exception):
            raise found
        return found


def number_of(request: Request) -> int:
    return int(request.question_id.removeprefix("own/q"))


def shown(request: Request, text: str) -> str:
    """The letter under which an option is shown."""
    lines = [line for line in request.messages[-1].content.splitlines() if line[1:3] == ". "]
    return next(line[0] for line in lines if line[3:].startswith(text))


def right_up_to(most: int) -> Any:
    """A model that knows the key of so many questions, and else says the next option."""

    def answer(request: Request) -> str:
        number = number_of(request)
        key = OPTIONS[(number if number < most else number + 1) % 4]
        return f"I weigh it.\n\nAnswer: {shown(request, key)}. {key} {number}"

    return answer


def model(name: str = "one", **others: Any) -> Candidate:
    fields = {key: others.pop(key) for key in ("stems", "base") if key in others}
    return Candidate(name=name, entry=ScriptedSettings(backend="scripted", model=name, **others), **fields)


def cell(told: Results, place: int = 0) -> Score:
    return told.models[place].benchmarks["own"]


def test_a_model_of_known_accuracy_gets_that_accuracy(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Model(monkeypatch, right_up_to(15))
    found = cell(evaluate([file], [model()], tmp_path / "out"))
    assert (found.n, found.correct, found.wrong) == (20, 15, 5)
    assert found.accuracy.value == 0.75
    assert found.accuracy.low == pytest.approx(0.5313, abs=1e-4)
    assert {name: one.n for name, one in found.subjects.items()} == {"heart": 10, "lung": 10}
    assert {name: one.n for name, one in found.tiers.items()} == {"easy": 16, "difficult": 4}
    assert found.macro is not None
    assert found.macro.value == pytest.approx(0.75)


def test_each_kind_of_answer_is_counted_apart_and_none_but_the_right_one_counts(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request) -> Any:
        number = number_of(request)
        key = shown(request, OPTIONS[number % 4])
        return {
            0: f"Answer: {key}",
            1: f"Answer: {shown(request, OPTIONS[(number + 1) % 4])}",
            2: "I cannot determine the answer.",
            3: "",
            4: Completion(f"Answer: {key}\nAnd then", finish_reason="length"),
            5: "<think> it may be",
            6: RequestRejected("too long", "context"),
            7: Completion("", finish_reason="content_filter"),
            8: f"<think>I first thought of another.</think>\nAnswer: {key}",
            9: Completion(f"Answer: {key}", reasoning="Let me see."),
        }[number % 10]

    Model(monkeypatch, answer)
    told = evaluate([file], [model()], tmp_path / "out")
    found = cell(told)
    kinds = ("correct", "wrong", "unparsed", "truncated", "unended", "failed")
    assert [getattr(found, kind) for kind in kinds] == [6, 2, 4, 2, 2, 4]
    assert found.truncated_right == 2
    assert found.accuracy.value == 0.3
    answers = list(read_answers(tmp_path / "out" / told.models[0].answers_file))
    assert [row.status for row in answers[:10]] == [
        *(
            "correct",
            "wrong",
            "unparsed",
            "unparsed",
            "truncated",
            "unended",
            "failed",
            "failed",
            "correct",
            "correct",
        ),
    ]
    assert "Let me see." in answers[9].text
    assert {row.reason for row in answers} == {None, "context", "filtered"}
    report = (tmp_path / "out" / "report.md").read_text()
    assert "20.0 % of the answers are unparsed" in report


def test_nothing_is_asked_a_second_time_however_bad_the_reply(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Model(monkeypatch, lambda _: "no idea")
    evaluate([file], [model()], tmp_path / "out")
    assert len(world.asked) == COUNT
    assert {request.attempt for request in world.asked} == {0}


def test_the_key_is_in_no_request(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Model(monkeypatch, lambda _: "Answer: A")
    evaluate([write(file, rows(meta={"explanation": "SECRET"}))], [model()], tmp_path / "out")
    assert not any("SECRET" in request.messages[0].content for request in world.asked)
    turned = write(tmp_path / "turned.jsonl", [{**row, "answer_index": 3} for row in rows()])
    before = {request.messages for request in world.asked}
    world.asked.clear()
    evaluate([turned], [model()], tmp_path / "other")
    assert {request.messages for request in world.asked} == before


def test_the_same_evaluation_again_asks_nothing_and_writes_the_same(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Model(monkeypatch, right_up_to(9))
    evaluate([file], [model()], tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".json", ".jsonl", ".md", ".html")]
    before = {path: path.read_bytes() for path in files if path.name != "run.json"}
    world.asked.clear()
    evaluate([file], [model()], tmp_path / "out")
    assert not world.asked
    assert {path: path.read_bytes() for path in before} == before


def test_an_evaluation_that_was_cut_short_pays_for_no_answer_twice(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Model(monkeypatch, right_up_to(12))
    paid: list[bytes] = []

    def until(most: int) -> Any:
        def answer(request: Request) -> str:
            if len(paid) >= most:
                raise Unavailable("gone")
            paid.append(request.key)
            return str(right_up_to(12)(request))

        return answer

    for most in (3, 8):
        world.answer = until(most)
        with pytest.raises(Unavailable):
            evaluate([file], [model()], tmp_path / "out", limits=Limits(in_flight=2))
        assert not (tmp_path / "out" / "results.json").exists()
    world.answer = until(100)
    told = evaluate([file], [model()], tmp_path / "out", limits=Limits(in_flight=2))
    assert cell(told).correct == 12
    assert len(paid) == len(set(paid)) == COUNT


def test_more_questions_in_the_same_folder_ask_only_what_is_new(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Model(monkeypatch, right_up_to(20))
    evaluate([file], [model()], tmp_path / "out", reading=Reading(Selection(limit=5)))
    assert cell(evaluate([file], [model()], tmp_path / "out")).n == 20
    assert len(world.asked) == COUNT


def test_options_rotate_and_letters_map_back(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Model(monkeypatch, right_up_to(20))
    told = evaluate([file], [model()], tmp_path / "out", Settings(rotate=4))
    found = cell(told)
    assert (found.answers, found.correct) == (80, 80)
    assert found.flip_rate == 0
    assert len({request.messages for request in world.asked}) == 80
    answers = list(read_answers(tmp_path / "out" / told.models[0].answers_file))
    assert {(row.id, row.answer) for row in answers} == {(f"q{number}", "ABCD"[number % 4]) for number in range(20)}
    assert {row.rotated for row in answers} == {0, 1, 2, 3}


def test_a_model_that_likes_a_letter_is_seen_through_by_rotation(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    biased = write(file, [{**row, "answer_index": 0} for row in rows()])
    Model(monkeypatch, lambda _: "Answer: A")
    assert cell(evaluate([biased], [model()], tmp_path / "plain")).accuracy.value == 1.0
    found = cell(evaluate([biased], [model()], tmp_path / "turned", Settings(rotate=4)))
    assert found.accuracy.value == 0.25
    assert found.flip_rate == 1.0


def test_questions_whose_options_refer_to_others_keep_their_order_and_are_counted(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tied = [{**row, "options": [*row["options"][:3], "None of the above"]} for row in rows(5)]
    write(file, [*tied, *rows()[5:]])
    world = Model(monkeypatch, lambda _: "Answer: B")
    told = evaluate([file], [model()], tmp_path / "out", Settings(rotate=2))
    assert told.benchmarks[0].not_rotated == 5
    assert len(world.asked) == 5 + 15 * 2
    assert "5 questions kept the order" in (tmp_path / "out" / "report.md").read_text()


def test_several_samples_give_a_mean_a_majority_and_a_clustered_error(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request) -> str:
        number = number_of(request)
        key = OPTIONS[(number if request.sample < (3 if number < 10 else 1) else number + 1) % 4]
        return f"Answer: {shown(request, key)}"

    Model(monkeypatch, answer)
    found = cell(evaluate([file], [model()], tmp_path / "out", Settings(samples=5, temperature=0.7)))
    assert (found.answers, found.correct) == (100, 40)
    assert found.accuracy.value == pytest.approx(0.4)
    assert found.majority is not None
    assert found.majority.value == 0.5
    assert found.standard_error == pytest.approx(0.2 * (20 / 19) ** 0.5 / 20**0.5)


def test_a_gain_is_told_against_the_base_with_its_test(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Model(monkeypatch, lambda request: right_up_to(18 if request.model == "tuned" else 4)(request))
    told = evaluate([file], [model("base"), model("tuned")], tmp_path / "out", base="base")
    (headline,) = told.headlines
    found = headline.benchmarks["own"]
    assert (found.only_first, found.only_second) == (0, 14)
    assert found.difference.value == pytest.approx(0.7)
    assert found.p == pytest.approx(2 / 2**14)
    assert found.words == "better by 70.0 points"
    assert told.no_headline is None


def test_without_a_row_of_the_base_there_is_no_headline(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Model(monkeypatch, right_up_to(18))
    told = evaluate([file], [model("tuned")], tmp_path / "out")
    assert told.headlines == []
    assert "No headline: no row of the base model" in (tmp_path / "out" / "report.md").read_text()


def test_the_base_that_a_trained_model_names_is_found_by_itself(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Model(monkeypatch, right_up_to(10))
    told = evaluate([file], [model("tuned", base="models/small/"), model("small")], tmp_path / "out")
    assert told.base == "small"
    assert told.headlines[0].model == "tuned"


def test_a_small_difference_is_said_to_be_none_that_can_be_told(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Model(monkeypatch, lambda request: right_up_to(12 if request.model == "tuned" else 10)(request))
    told = evaluate([file], [model("base"), model("tuned")], tmp_path / "out", base="base")
    assert "not distinguishable at this n (20)" in told.headlines[0].benchmarks["own"].words


def test_what_a_model_was_trained_on_does_not_count_for_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {stem_hash(Question("", row["question"], ("a", "b"))) for row in rows()[:8]}
    Model(monkeypatch, lambda request: right_up_to(8 if request.model == "tuned" else 0)(request))
    told = evaluate([file], [model("base"), model("tuned", stems=frozenset(seen))], tmp_path / "out", base="base")
    found = cell(told, 1)
    assert found.overlap == 8
    assert found.accuracy.value == 0.4
    assert found.clean is not None
    assert found.clean.accuracy is not None
    assert (found.clean.n, found.clean.accuracy.value) == (12, 0.0)
    (headline,) = told.headlines
    assert headline.subset == "clean"
    assert headline.benchmarks["own"].n == 12
    assert headline.benchmarks["own"].difference.value == 0.0
    assert cell(told, 0).overlap is None


def test_stems_are_found_also_where_the_context_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "own.jsonl", rows(4, context="AIM: To see."))
    seen = frozenset({stem_hash(Question("", "Case 0: which drug?", ("a", "b"), context="AIM: To see."))})
    Model(monkeypatch, right_up_to(4))
    told = evaluate([file], [model(stems=seen)], tmp_path / "out", Settings(context=False))
    assert cell(told).overlap == 1


def test_models_may_be_added_to_an_evaluation(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Model(monkeypatch, right_up_to(10))
    evaluate([file], [model("base")], tmp_path / "out")
    told = evaluate([file], [model("tuned")], tmp_path / "out", base="base")
    assert [one.name for one in told.models] == ["base", "tuned"]
    assert len(world.asked) == 2 * COUNT
    more = evaluate([write(tmp_path / "more.jsonl", rows(3))], [model("tuned")], tmp_path / "out")
    assert [one.name for one in more.models] == ["tuned"]
    assert more.unfinished == {"base": 3}


def test_other_settings_need_another_folder_and_reuse_what_is_the_same(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Model(monkeypatch, right_up_to(10))
    evaluate([file], [model()], tmp_path / "out")
    with pytest.raises(RunDirectoryError, match=r"rotate: was 1, is now 2(.|\n)*--fork"):
        evaluate([file], [model()], tmp_path / "out", Settings(rotate=2))
    evaluate([file], [model()], tmp_path / "new", Settings(rotate=2), forks=(tmp_path / "out",))
    assert len(world.asked) == 2 * COUNT


def test_a_raised_limit_asks_only_what_was_cut(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: Request) -> Completion:
        cut = number_of(request) < 3 and request.sampling.max_tokens < 100
        return Completion("Answer: A", finish_reason="length" if cut else "stop", completion_tokens=5)

    world = Model(monkeypatch, answer)
    short = evaluate([file], [model()], tmp_path / "short", Settings(max_tokens=50))
    assert cell(short).truncated == 3
    longer = evaluate([file], [model()], tmp_path / "long", Settings(max_tokens=500), forks=(tmp_path / "short",))
    assert cell(longer).truncated == 0
    assert len(world.asked) == COUNT + 3


def test_a_cap_on_money_holds_over_all_models(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Model(monkeypatch, lambda _: Completion("Answer: A", prompt_tokens=1000, completion_tokens=1000))
    price = Price(input=1000.0, output=1000.0)
    models = [model("one", price=price), model("two", price=price)]
    with pytest.raises(ReasonMedError, match="raise --max-cost"):
        evaluate([file], models, tmp_path / "out", Settings(max_tokens=1000), limits=Limits(max_cost=50.0, in_flight=1))
    asked = [request.model for request in world.asked]
    assert asked.count("one") == COUNT
    assert 0 < asked.count("two") <= 5
    unknown = Candidate(name="x", entry=_Unpriced(backend="scripted", model="unheard-of"))
    with pytest.raises(ReasonMedError, match="no known price"):
        evaluate([file], [unknown], tmp_path / "other", limits=Limits(max_cost=1.0))


class _Unpriced(ScriptedSettings):
    @property
    def priced(self) -> None:
        return None


def test_thinking_is_asked_for_in_the_template(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Model(monkeypatch, right_up_to(1))
    evaluate([file], [model(extra_body={"top_k": 5})], tmp_path / "out", Settings(thinking=False))
    assert world.asked[0].extra_body == {"top_k": 5, "chat_template_kwargs": {"enable_thinking": False}}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"samples": 3}, "copies of one"),
        ({"samples": 0}, "1 or more"),
        ({"protocol": "loglikelihood", "rotate": 2}, "asks each question once"),
        ({"protocol": "loglikelihood", "thinking": True}, "nothing to think"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Settings(**settings)


def test_models_and_files_that_cannot_be_are_refused_before_any_request(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Model(monkeypatch, right_up_to(1))
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="named twice"):
        evaluate([file], [model(), model()], out)
    with pytest.raises(UsageError, match="no model is named"):
        evaluate([file], [], out)
    with pytest.raises(UsageError, match="--base other: is none of"):
        evaluate([file], [model()], out, base="other")
    with pytest.raises(UsageError, match="only model folders"):
        evaluate([file], [model()], out, Settings(protocol="loglikelihood"))
    with pytest.raises(ReasonMedError, match="asks for riddle"):
        evaluate([file], [model()], out, Settings(prompt="{{ riddle }} {{ question }}"))
    with pytest.raises(UsageError, match="--fork nowhere: there is no evaluation"):
        evaluate([file], [model()], out, forks=(Path("nowhere"),))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(RunDirectoryError, match="is no evaluation; choose another"):
        evaluate([file], [model()], tmp_path / "full")
    assert not world.asked


def test_a_model_that_is_not_there_is_named_with_what_may_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"-m qwen: there is no such model. It may be embedded, a model folder"):
        candidate("qwen")
    with pytest.raises(ReasonMedError, match=r"no model folder: it has no config\.json"):
        candidate(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ReasonMedError, match="has no weights"):
        candidate(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"x")
    (tmp_path / "run.json").write_text("{torn")
    with pytest.raises(UsageError, match=r"run\.json is no record of a training"):
        candidate(str(tmp_path))
    (tmp_path / "run.json").write_text('{"stems": "all"}')
    with pytest.raises(UsageError, match=r"run\.json is no record of a training: `stems`"):
        candidate(str(tmp_path))
    (tmp_path / "run.json").write_text('{"stems": ["ab"], "base_model": "small"}')
    found = candidate(str(tmp_path))
    (tmp_path / "run.json").write_text('{"stems": null, "base_model": {"name": "small"}}')
    assert (candidate(str(tmp_path)).stems, candidate(str(tmp_path)).base) == (None, "small")
    assert (found.stems, found.base, found.entry.limits.in_flight) == (frozenset({"ab"}), "small", 32)


def test_another_model_under_a_known_name_is_refused(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Model(monkeypatch, right_up_to(1))
    evaluate([file], [model("one")], tmp_path / "out")
    other = Candidate(name="one", entry=ScriptedSettings(backend="scripted", model="one", revision="fp8"))
    with pytest.raises(RunDirectoryError, match="another model under the name one"):
        evaluate([file], [other], tmp_path / "out")


async def test_results_say_what_was_sent_where_an_endpoint_does_not_take_the_temperature(tmp_path: Path) -> None:
    async def handle(received: web.Request) -> web.StreamResponse:
        if "temperature" in await received.json():
            error = {"message": "Unsupported parameter: 'temperature'", "param": "temperature", "code": "unsupported"}
            return web.json_response({"error": error}, status=400)
        return reply("I weigh it.\n\nAnswer: A")

    file = write(tmp_path / "own.jsonl", rows(6))
    async with served(handle) as url:
        told = await asyncio.to_thread(
            evaluate, [file], [of_endpoint(url, "strict")], tmp_path / "out", Settings(temperature=0.7)
        )
    sent: dict[str, object] = {"max_tokens": Settings().max_tokens, "json_schema": False}
    assert told.models[0].sent == [Sent(sent, 6)]
    assert {str(row.sent) for row in read_answers(next((tmp_path / "out" / "answers").iterdir()))} == {str(sent)}
    assert "6 answers of strict were drawn with other parameters" in how(told)


def test_a_recipe_for_an_evaluation_needs_models_alone(file: Path, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("models:\n  one: {backend: scripted, model: made-up-1}\n", encoding="utf-8")
    words = ["evaluate", str(file), "-r", str(tmp_path / "r.yaml"), "-m", "one", "--limit", "2"]
    ended = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "out")])
    assert ended.exit_code == 0, (ended.output, ended.exception)
    (tmp_path / "r.yaml").write_text("stages: {}\n", encoding="utf-8")
    refused = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "other")])
    assert "models: must name at least one model" in str(refused.exception)
