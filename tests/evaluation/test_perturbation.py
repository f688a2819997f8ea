"""Perturbations: which questions qualify, what is asked, and the paired drop of models whose ability is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_evaluating import OPTIONS, Model, cell, model, number_of, right_up_to, rows, shown, write

from reasonmed.errors import RunDirectoryError, Unavailable, UsageError
from reasonmed.evaluation import Limits, Settings, evaluate
from reasonmed.evaluation import html as browse
from reasonmed.evaluation.answers import read_answers, read_results
from reasonmed.evaluation.compare_folders import across
from reasonmed.evaluation.comparisons import Perturbed
from reasonmed.evaluation.headlines import how
from reasonmed.evaluation.outcome import Results, results_in
from reasonmed.evaluation.perturbation import NOTA, PERTURBATIONS, Perturbation, asks_for_best, perturbations, unfit
from reasonmed.evaluation.plots import by_perturbation
from reasonmed.evaluation.report import tables
from reasonmed.exchange import Request
from reasonmed.parsing.answer import parse_answer
from reasonmed.types import Question
from reasonmed.web.views.answers import Answered, agreement_of, answers_view


def asked(*options: str, stem: str = "Which drug does this patient need?", key: int = 0) -> Question:
    return Question("q", stem, options, key)


PLAIN = ("Heparin", "Warfarin", "Aspirin", "Alteplase")


@pytest.mark.parametrize(
    ("made", "nota", "rotate"),
    [
        (asked(*PLAIN), None, None),
        (asked("12 mg", "1.2 mg", "120 mg"), None, None),
        (asked("Chronic bronchitis", "Acute sinusitis", "Asthma"), None, None),
        (asked("Heparin", "Warfarin", "None of the above"), "refers", "refers"),
        (asked("Heparin", "Warfarin", "All of these", key=2), "refers", "refers"),
        (asked("Heparin", "Warfarin", "Both A and B"), "refers", "refers"),
        (asked("Heparin", "Warfarin", "The former"), "refers", "refers"),
        (asked(*PLAIN, stem="Assume that option B is out of stock. Which is next?"), "refers", "refers"),
        (asked("Benign", "Malignant"), "two_options", None),
        (asked("Yes", "No"), "two_options", None),
        (asked("yes", "no", "maybe"), "yes_no", None),
        (asked("True", "False", "Cannot be determined"), "yes_no", None),
        (asked("Yes, at once", "Yes, next week", "No, never"), "yes_no", None),
        (asked("Fever", "Cough", "Fever and cough"), "nested", None),
        (asked("Seminoma", "Teratoma", "Spermatocytic seminoma (old men)"), "nested", None),
        (asked("Heparin", "heparin.", "Warfarin"), "nested", None),
        (asked(*PLAIN, stem="All of these thin the blood, except:"), "exception", None),
        (asked(*PLAIN, stem="Which of them does NOT thin the blood? Think of dose."), "exception", None),
        (asked(*PLAIN, stem="She bleeds. Which drug isn't to be given?"), "exception", None),
        (asked(*PLAIN, stem="Which drug is least likely to help?"), "exception", None),
        (asked(*PLAIN, stem="She is not in pain. Which drug does she need?"), None, None),
        (asked(*PLAIN, stem="She needs at least 5 mg of which drug?"), None, None),
    ],
)
def test_a_question_qualifies_where_the_perturbation_leaves_its_key_right(
    made: Question, nota: str | None, rotate: str | None
) -> None:
    assert unfit(made, "nota") == nota
    assert unfit(made, "rotate") == rotate


def test_stems_that_ask_for_the_best_of_the_options_are_known() -> None:
    assert asks_for_best(asked(*PLAIN, stem="He faints. Which is the most appropriate next step?"))
    assert not asks_for_best(asked(*PLAIN, stem="He felt best at noon. Which nerve is cut?"))


@given(st.sets(st.sampled_from(PERTURBATIONS), min_size=1), st.integers(1, 3), st.integers(1, 4), st.integers(0, 3))
def test_a_perturbed_answer_has_one_number_whatever_else_is_asked(
    wanted: set[Perturbation], samples: int, rotate: int, key: int
) -> None:
    made, how_asked = asked(*PLAIN, key=key), {"samples": samples, "rotate": rotate, "temperature": 0.7}
    plain = Settings(**how_asked).draws(made)  # type: ignore[arg-type]
    every = Settings(**how_asked, perturb=PERTURBATIONS).draws(made)  # type: ignore[arg-type]
    found = Settings(**how_asked, perturb=tuple(wanted)).draws(made)  # type: ignore[arg-type]
    assert found[: len(plain)] == plain
    assert set(found) <= set(every)
    assert len({draw.number for draw in found}) == len(found)
    for draw in found:
        seen = draw.present(made)
        assert seen.question.answer is not None
        assert seen.original(seen.question.answer) == key
        texts = [NOTA if draw.perturbation == "nota" and one == PLAIN[key] else one for one in PLAIN]
        assert sorted(seen.question.options) == sorted(texts)


@pytest.mark.parametrize("text", [f"Answer: B. {NOTA}", f"Answer: {NOTA}", "So B.\n\nAnswer: B"])
def test_the_option_that_is_put_in_is_read_like_any_other(text: str) -> None:
    found = parse_answer(text, ("Heparin", NOTA, "Aspirin", "Alteplase"))
    assert found is not None
    assert found.option == 1


def remembering(known: int) -> Any:
    """A model that knows all keys by heart, and so many of them by reason; else it picks another option."""

    def answer(request: Request) -> str:
        number, text = number_of(request), request.messages[-1].content
        if NOTA in text:
            other = OPTIONS[(number + 1) % 4]
            return f"Answer: {shown(request, NOTA if number < known else other)}"
        return f"Answer: {shown(request, f'{OPTIONS[number % 4]} {number}')}"

    return answer


def only(told: Results, perturbation: str = "nota") -> Perturbed:
    (found,) = [one for one in told.perturbations or () if one.perturbation == perturbation]
    return found


def test_a_model_that_remembers_keys_drops_and_keeps_its_accuracy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rows(20)
    made[0]["options"][3] = "None of the above"
    made[1]["question"] = "Which of these does not help?"
    file, one = write(tmp_path / "own.jsonl", made), Model(monkeypatch, remembering(8))
    told = evaluate([file], [model()], tmp_path / "out", Settings(perturb=("nota", "rotate")))
    assert cell(told).accuracy.value == 1.0
    assert cell(told).answers == 20
    assert told.models[0].answers_sent == len(one.asked) == 20 + 18 + 19
    found = only(told)
    assert (found.compared.n, found.answers) == (18, 18)
    assert found.unperturbed.value == 1.0
    assert found.perturbed.value == pytest.approx(6 / 18)
    assert found.compared.difference.value == pytest.approx(-12 / 18)
    assert found.compared.difference.low < -0.6 < found.compared.difference.high < 0
    assert (found.compared.only_first, found.compared.only_second) == (12, 0)
    assert found.compared.p == pytest.approx(2 / 2**12)
    assert found.compared.words == "worse by 66.7 points"
    turned = only(told, "rotate")
    assert (turned.compared.n, turned.compared.differing, turned.compared.words) == (19, 0, "no answer differs")
    facts = told.benchmarks[0].perturbed or {}
    assert (facts["nota"].n, facts["nota"].left_out) == (18, {"exception": 1, "refers": 1})
    assert (facts["rotate"].n, facts["rotate"].left_out) == (19, {"refers": 1})


def test_every_view_of_an_evaluation_has_the_drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Model(monkeypatch, remembering(8))
    out = tmp_path / "out"
    told = evaluate([write(tmp_path / "own.jsonl", rows())], [model()], out, Settings(perturb=("nota",)))
    assert results_in(out) == told
    (table,) = [one for one in tables(told) if one.title == "Perturbed questions"]
    (row,) = table.rows
    assert row[:4] == ("own", "one", "nota", "20")
    assert row[6].startswith("-60.0 (")
    assert all(len(cells) == len(one.columns) for one in tables(told) for cells in one.rows)
    for name in ("report.md", "report.html"):
        text = (out / name).read_text(encoding="utf-8")
        assert "Perturbed questions" in text
        assert "Questions that qualify for a perturbation" in text
    assert "perturbed: nota" in (out / "report.html").read_text(encoding="utf-8")
    assert by_perturbation(told)["nota"]["own, nota"]["one"].value == 0.4
    assert "asked once more, perturbed: nota" in how(told)
    answers = list(read_answers(out / told.models[0].answers_file))
    assert [row.perturbed for row in answers[:2]] == [None, "nota"]
    assert len(read_results(out / told.models[0].answers_file)) == 20
    assert any("perturbed: nota" in str(part) for part in browse.answers(out, told))


def test_the_page_of_a_question_counts_answers_to_it_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Model(monkeypatch, remembering(0))
    out = tmp_path / "out"
    told = evaluate([write(tmp_path / "own.jsonl", rows(1))], [model()], out, Settings(perturb=("nota",)))
    found = Answered("own/q0", {"one": list(read_answers(out / told.models[0].answers_file))}, {})
    assert agreement_of(found) == "all right"
    assert "perturbed: nota" in str(answers_view(found).values["models"])


def test_with_several_orders_rotation_costs_no_further_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def first(request: Request) -> str:
        return f"Answer: {'A' if number_of(request) < 10 else shown(request, OPTIONS[number_of(request) % 4])}"

    one = Model(monkeypatch, first)
    settings = Settings(rotate=4, perturb=("rotate",))
    told = evaluate([write(tmp_path / "own.jsonl", rows())], [model()], tmp_path / "out", settings)
    assert len(one.asked) == 20 * 4
    found = only(told, "rotate")
    assert found.answers == 20 * 3
    assert found.unperturbed.value == pytest.approx(13 / 20)
    assert cell(told).accuracy.value == pytest.approx((10 + 10 / 4) / 20)


def test_copies_of_a_question_are_one_in_the_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [{**row, "id": f"q{number % 10 + 10 * copy}"} for copy in (0, 1) for number, row in enumerate(rows(10))]
    made = [{**row, "id": f"q{number}"} for number, row in enumerate(made)]

    def answer(request: Request) -> str:
        number = number_of(request) % 10
        right = OPTIONS[number % 4] if NOTA not in request.messages[-1].content else NOTA
        return f"Answer: {shown(request, right if number < 5 or right != NOTA else OPTIONS[(number + 1) % 4])}"

    Model(monkeypatch, answer)
    told = evaluate([write(tmp_path / "own.jsonl", made)], [model()], tmp_path / "out", Settings(perturb=("nota",)))
    found = only(told).compared
    assert (found.n, found.distinct) == (20, 10)
    assert found.p == pytest.approx(2 / 2**5)


def test_an_evaluation_stops_and_resumes_and_asks_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = write(tmp_path / "own.jsonl", rows()), tmp_path / "out"
    paid: list[bytes] = []
    settings, limits = Settings(perturb=PERTURBATIONS), Limits(in_flight=2)

    def until(most: int) -> Any:
        def answer(request: Request) -> str:
            if len(paid) >= most:
                raise Unavailable("gone")
            paid.append(request.key)
            return "Answer: A"

        return answer

    world = Model(monkeypatch, until(10))
    with pytest.raises(Unavailable):
        evaluate([file], [model()], out, settings, limits=limits)
    world.answer = until(100)
    told = evaluate([file], [model()], out, settings, limits=limits)
    assert len(paid) == len(set(paid)) == 60
    assert evaluate([file], [model()], out, settings, limits=limits) == told
    assert len(paid) == 60


def test_perturbations_are_part_of_an_evaluations_identity_and_forks_lend_every_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, one = write(tmp_path / "own.jsonl", rows()), Model(monkeypatch, lambda _: "Answer: A")
    evaluate([file], [model()], tmp_path / "plain")
    assert "perturb" not in json.loads((tmp_path / "plain" / "evaluation.json").read_text())["settings"]
    with pytest.raises(RunDirectoryError, match="perturb"):
        evaluate([file], [model()], tmp_path / "plain", Settings(perturb=("nota",)))
    one.asked.clear()
    evaluate([file], [model()], tmp_path / "turned", Settings(perturb=("rotate",)), forks=(tmp_path / "plain",))
    assert len(one.asked) == 20
    one.asked.clear()
    evaluate([file], [model()], tmp_path / "both", Settings(perturb=PERTURBATIONS), forks=(tmp_path / "turned",))
    assert len(one.asked) == 20
    assert all(NOTA in request.messages[-1].content for request in one.asked)
    found = across(tmp_path / "plain", tmp_path / "both")
    assert found.remarks == []
    assert found.comparisons[0].benchmarks["own"].words == "no answer differs"


def test_an_evaluation_without_perturbations_says_nothing_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Model(monkeypatch, right_up_to(15))
    told = evaluate([write(tmp_path / "own.jsonl", rows())], [model()], tmp_path / "out")
    assert "perturb" not in (tmp_path / "out" / "results.json").read_text()
    assert not any("erturb" in table.title for table in tables(told))


@pytest.mark.parametrize("names", [["rotate", "nota"], ["nota ", " rotate", "nota"]])
def test_perturbations_are_named_in_any_order(names: list[str]) -> None:
    assert perturbations(names) == ("nota", "rotate")


def test_what_is_no_perturbation_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="'noto': it must be nota or rotate"):
        perturbations(["noto"])
    with pytest.raises(UsageError, match="--perturb"):
        Settings(protocol="loglikelihood", perturb=("nota",))
