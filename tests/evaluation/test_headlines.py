"""What is said of a difference: one statistic for sign and p, nothing of answers that were not read, a margin."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from reasonmed.backends import scripted
from reasonmed.backends._prices import Price
from reasonmed.backends.scripted import Settings as ScriptedSettings
from reasonmed.cli.evaluate import _show
from reasonmed.evaluation import Candidate, Settings, evaluate
from reasonmed.evaluation.answers import Result
from reasonmed.evaluation.compare import compare, compare_all
from reasonmed.evaluation.comparisons import Unread
from reasonmed.evaluation.forms import PLAIN, UNKNOWN, Form, apart, form_of
from reasonmed.evaluation.headlines import headline_words, how, marks
from reasonmed.evaluation.outcome import Results
from reasonmed.evaluation.scores import Samples
from reasonmed.exchange import Completion, Request


def result(number: int, answers: str, *, mark: str | None = None) -> Result:
    """Answers to a question whose key is A: letters, ``-`` for unparsed, ``/`` for cut, ``!`` for failed."""
    kinds = {"-": "unparsed", "/": "truncated", "!": "failed", "A": "correct"}
    statuses = tuple(kinds.get(one, "wrong") for one in answers)
    letters = [one for one in answers if one.isalpha()]
    leader = max(dict.fromkeys(letters), key=letters.count, default=None)
    return Result(
        benchmark="b", id=f"q{number}", mark=mark or f"m{number}", stems=(f"s{number}",), subject=None, tier=None,
        statuses=statuses, right=answers.count("A") / len(answers), vote=leader == "A", truncated_right=0, tokens=(),
        flips=len(set(answers)) > 1, answers=tuple(one if one.isalpha() else None for one in answers), rotated=False,
        key="A",
    )  # fmt: skip


def results(*answers: str) -> list[Result]:
    return [result(number, one) for number, one in enumerate(answers)]


def test_the_p_value_is_of_the_difference_whose_sign_is_told_and_not_of_the_vote() -> None:
    first = results(*["AABBB"] * 40, *["AAABB"] * 20)
    second = results(*["AACBB"] * 60)
    worse = compare_all(first, second)["b"]
    assert worse.majority == [20 / 60, 1.0]
    assert worse.difference.value < 0
    assert worse.words.startswith("worse by 6.7 points; that is the mean over answers, while the majority vote went")
    assert worse.words.endswith("from 33.3 to 100.0 %")
    assert (worse.only_first, worse.only_second) == (20, 0)


def test_where_each_half_wins_by_the_mean_nothing_is_better_however_the_votes_fall() -> None:
    first, second = results(*["AAABB"] * 30, *["BBBBB"] * 30), results(*["AABBC"] * 30, *["ABCDE"] * 30)
    found = compare_all(first, second)["b"]
    assert found.majority == [0.5, 1.0]
    assert found.difference.value == 0.0
    assert found.p == 1.0
    assert found.words.startswith("not distinguishable at this n (60)")


def test_a_base_that_could_not_answer_gives_no_headline_and_the_sentence_says_of_what_it_is_made() -> None:
    cut = compare_all(results(*"/" * 58, "A", "B"), results(*"A" * 60))["b"]
    assert cut.words == (
        "no headline: 96.7 % of the answers of the first and 0.0 % of the second were not read (cut, unparsed or "
        "failed); +96.7 of the +98.3 points are such unread answers"
    )
    both = compare_all(results(*"/" * 20), results(*"/" * 20))["b"]
    assert both.words.startswith("no headline: 100.0 % of the answers of the first and 100.0 % of the second")
    mixed = compare_all(results(*["A/-!", "AAAA"] * 10), results(*["AAAA", "AABB"] * 10))["b"].unread
    assert mixed == Unread(0.375, 0.0, 0.375)


def test_a_tenth_of_unread_answers_is_no_reason_to_be_silent() -> None:
    found = compare_all(results(*"/" * 6, *"B" * 54), results(*"A" * 60))["b"]
    assert found.unread.first == 0.1
    assert found.words == "better by 100.0 points"


def test_copies_of_a_question_are_paired_one_by_one_and_are_one_question_of_the_test() -> None:
    first = [result(number, "B", mark="same") for number in range(12)]
    second = [result(number, "A", mark="same") for number in range(12)]
    found = compare(first, second)
    assert (found.n, found.distinct, found.unpaired, found.only_second) == (12, 1, 0, 12)
    assert (found.difference.value, found.p) == (1.0, 1.0)
    uneven = compare(first[:5], second)
    assert (uneven.n, uneven.unpaired) == (5, 7)


def test_a_difference_of_nought_points_is_promised_to_nobody() -> None:
    draw = random.Random(3)
    for _ in range(40):
        size = draw.choice([1, 2, 5, 30])
        first, second = (results(*("".join(draw.choices("AB/", k=3)) for _ in range(size))) for _ in range(2))
        found = compare_all(first, second)["b"]
        assert "0.0 points would be found" not in found.words
        assert found.detectable is None or found.detectable > 0.001
    alike = compare_all(results("ABB", "BAA"), results("BAB", "AAB"))["b"]
    assert alike.words.endswith("the two differ on too few questions for any test")


def test_a_margin_says_whether_a_larger_loss_is_ruled_out() -> None:
    many = compare_all(results(*"AB" * 500), results(*"AB" * 500), margin=0.03)["b"]
    assert many.words == "no answer differs; no worse than 3 points"
    few = compare_all(results(*"AB" * 10), results(*"AB" * 10), margin=0.03)["b"]
    assert few.words == "no answer differs; not shown to be no worse than 3 points"
    assert few.margin is not None
    assert few.margin.low < -0.03
    assert "no worse" not in compare_all(results(*"AB" * 500), results(*"AB" * 500))["b"].words
    unread = compare_all(results(*"/" * 500), results(*"/" * 500), margin=0.03)["b"]
    assert unread.words.startswith("no headline")
    assert "no worse" not in unread.words


COUNT = 40


def evaluated(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, **others: Any) -> Results:
    """Two models, base and tuned, on questions whose key is A."""
    rows = [{"id": f"q{n}", "question": f"Which {n}?", "options": ["a", "b"], "answer_index": 0} for n in range(COUNT)]
    rows += others.pop("more", [])
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(answer))
    forms = others.pop("forms", {})
    price = others.pop("price", None)
    models = [
        Candidate(
            name=name,
            entry=ScriptedSettings(backend="scripted", model=name, price=price),
            form=forms.get(name, UNKNOWN),
        )
        for name in ("base", "tuned")
    ]
    return evaluate([folder / "own.jsonl"], models, folder / "out", base="base", **others)


def number_of(request: Request) -> int:
    return int(request.question_id.rpartition("q")[2])


def test_a_base_that_is_cut_throughout_gets_no_headline_in_any_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request) -> Completion:
        return Completion("Answer: A", finish_reason="length" if request.model == "base" else "stop")

    told = evaluated(tmp_path, monkeypatch, answer)
    (line,) = headline_words(told)
    assert line.startswith("No headline for tuned against its base base on own (")
    assert "+100.0 of the +100.0 points are such unread answers." in line
    for report in ("report.md", "report.html"):
        assert "better by" not in (tmp_path / "out" / report).read_text()


def test_samples_give_curves_a_limit_its_accuracy_and_prices_their_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(request: Request) -> Completion:
        right = request.sample < (3 if number_of(request) % 2 else 1)
        long = 100 if request.sample else 40
        return Completion(f"Answer: {'A' if right else 'B'}", prompt_tokens=10, completion_tokens=long)

    settings = Settings(samples=4, temperature=0.7)
    price = Price(input=0.0, output=10.0)
    told = evaluated(tmp_path, monkeypatch, answer, settings=settings, price=price)
    model = told.models[0]
    cell = model.benchmarks["own"]
    assert [one.k for one in cell.curve] == [1, 2, 4]
    assert cell.curve[0] == Samples(1, 0.5, 0.5)
    assert cell.curve[2] == Samples(4, 0.5, 1.0)
    limits = {one.tokens: one.accuracy for one in cell.budget}
    assert limits == {32: 0.0, 64: 0.25, 128: 0.5}
    assert model.usd_per_question == pytest.approx(340 * 10e-6)
    assert model.usd_per_right == pytest.approx(340 * 20e-6)
    report = (tmp_path / "out" / "report.md").read_text()
    for title in ("Fewer samples", "Cost", "Accuracy by output tokens: own"):
        assert f"## {title}" in report
    _show(told, tmp_path / "out")
    shown = capsys.readouterr().out
    assert "Fewer samples" in shown
    assert "Accuracy by output tokens" not in shown


def test_copies_of_a_question_count_in_the_rate_and_not_in_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = [{"id": f"c{n}q0", "question": "Which 0?", "options": ["a", "b"], "answer_index": 0} for n in range(COUNT)]

    def answer(request: Request) -> str:
        return f"Answer: {'AB'[number_of(request) % 2]}"

    told = evaluated(tmp_path, monkeypatch, answer, more=copies)
    cell = told.models[0].benchmarks["own"]
    assert (cell.n, cell.distinct, cell.accuracy.value) == (80, 40, 0.75)
    assert cell.accuracy.high - cell.accuracy.low > 0.4
    assert told.power[0].n == 40
    assert "Copies of a question count one by one in the rate" in (tmp_path / "out" / "report.md").read_text()


def test_models_that_are_asked_in_other_forms_are_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Form(prompt=PLAIN, thinking=False, applied={}, ignored={"num_beams": 4})
    chat = Form(prompt="template ab", thinking=True, applied={"repetition_penalty": 1.1}, ignored={})
    told = evaluated(tmp_path, monkeypatch, lambda _: "Answer: A", forms={"base": plain, "tuned": chat},
                     settings=Settings(thinking=True))  # fmt: skip
    found = marks(told)
    assert "base: num_beams 4 of its generation_config.json is not applied." in found
    assert "tuned: repetition_penalty 1.1 of its generation_config.json is applied." in found
    assert (
        "tuned against base: base is asked in plain text, tuned is asked through a chat template (template ab); base "
        "has no repetition_penalty, tuned has repetition_penalty 1.1."
    ) in found
    assert "thinking on (not for base, whose prompt does not change by it)" in how(told)
    assert apart(("x", UNKNOWN), ("y", chat)) == []


def test_where_no_reply_reached_the_limit_no_higher_one_is_advised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request) -> Completion:
        return Completion("It may", finish_reason="length", completion_tokens=99 if request.model == "base" else 500)

    found = marks(evaluated(tmp_path, monkeypatch, answer, settings=Settings(max_tokens=500)))
    (base,) = [one for one in found if one.startswith("base on own: 100.0 % of the answers are truncated")]
    (tuned,) = [one for one in found if one.startswith("tuned on own: 100.0 % of the answers are truncated")]
    assert "raising it does not help: the context is the limit" in base
    assert tuned.endswith("raise --max-tokens.")


@pytest.mark.parametrize(
    ("template", "switch"),
    [
        ("{{ messages[0].content }}{% if enable_thinking %} think{% endif %}", True),
        ("{{ messages[0].content }}{# enable_thinking is not used #}", False),
        ("{% if false %}{{ enable_thinking }}{% endif %}{{ messages[0].content }}", False),
        ("{{ raise_exception('needs a system turn') }}{{ enable_thinking }}", True),
        ("{% broken", False),
    ],
)
def test_the_form_of_a_folder_is_read_from_its_files(template: str, switch: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a case
    assert form_of(tmp_path) == Form(prompt=None, thinking=False, applied={}, ignored={})
    (tmp_path / "tokenizer_config.json").write_text("{}")
    assert form_of(tmp_path).prompt == PLAIN
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    (tmp_path / "generation_config.json").write_text('{"repetition_penalty": 1.0, "num_beams": 1, "eos_token_id": 2}')
    found = form_of(tmp_path)
    assert str(found.prompt).startswith("template ")
    assert (found.thinking, found.applied, found.ignored) == (switch, {}, {})
