from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reasonmed.backends import scripted
from reasonmed.backends.scripted import Settings as ScriptedSettings
from reasonmed.errors import UsageError
from reasonmed.evaluation import Candidate, Settings, evaluate
from reasonmed.evaluation.answers import Result, always
from reasonmed.evaluation.compare import compare, compare_all
from reasonmed.evaluation.compare_folders import across
from reasonmed.evaluation.comparisons import Comparison


def result(name: str, right: float, benchmark: str = "b", stems: tuple[str, ...] = ()) -> Result:
    return Result(
        benchmark,
        name,
        f"mark {name}",
        stems,
        None,
        None,
        ("correct",),
        right,
        right > 0.5,
        0,
        (),
        flips=False,
        answers=("A" if right > 0.5 else "B",),
        rotated=False,
    )


def results(*rights: float, benchmark: str = "b") -> list[Result]:
    return [result(f"q{number}", right, benchmark) for number, right in enumerate(rights)]


def test_a_model_against_itself_differs_in_nothing() -> None:
    one = results(1, 0, 1, 1, 0)
    found = compare(one, one, 0)
    assert (found.difference.value, found.p, found.unpaired) == (0.0, 1.0, 0)


def test_where_no_answer_differs_the_words_say_so_and_give_no_interval() -> None:
    from reasonmed.evaluation.comparison_tables import comparison_tables

    one = results(1, 0, 1, 1, 0)
    found = compare_all(one, one, 0)
    assert (found["b"].differing, found["b"].words) == (0, "no answer differs")
    (table,) = comparison_tables([Comparison(first="x", second="y", subset="clean", remarks=[], benchmarks=found)])
    assert table.rows[0][4] == "+0.0"
    assert table.rows[0][-1] == "no answer differs"


def test_other_wrong_answers_are_a_difference_though_the_score_is_the_same() -> None:
    one, other = results(0, 0, 0), [two._replace(answers=("C",)) for two in results(0, 0, 0)]
    found = compare_all(one, other, 0)["b"]
    assert (found.differing, found.difference.value) == (3, 0.0)
    assert found.words.startswith("not distinguishable at this n (3)")
    cut = [two._replace(statuses=("truncated",)) for two in one]
    assert compare(one, cut, 0).differing == 3


def test_a_model_that_picks_one_letter_on_every_question_is_named() -> None:
    from reasonmed.evaluation.comparison_tables import comparison_tables

    one, other = results(1, 1, 1), results(1, 0, 1)
    found = compare_all(one, other, 0)
    assert found["b"].always == ["A", None]
    (table,) = comparison_tables([Comparison(first="x", second="y", subset="clean", remarks=[], benchmarks=found)])
    assert table.note.endswith("x on b: always picks A.")


def test_no_letter_is_said_of_one_question_of_turned_options_or_of_no_answer() -> None:
    one = results(1, 1)
    assert always(one) == "A"
    assert always(one[:1]) is None
    assert always([one[0], one[1]._replace(rotated=True)]) is None
    assert always([two._replace(answers=(None,)) for two in one]) is None
    assert always([two._replace(answers=("A", "B")) for two in one]) is None
    assert always([]) is None


def test_turned_round_the_difference_changes_its_sign_and_p_stays() -> None:
    one, other = results(*[1] * 10, *[0] * 20), results(*[1] * 22, *[0] * 8)
    forth, back = compare(one, other, 3), compare(other, one, 3)
    assert forth.difference.value == -back.difference.value == pytest.approx(0.4)
    assert forth.p == back.p == pytest.approx(2 / 2**12)


def test_only_questions_that_both_were_asked_are_compared() -> None:
    found = compare(results(1, 1, 1), results(0, 0), 0)
    assert (found.n, found.unpaired) == (2, 1)
    with pytest.raises(ValueError, match="no question in common"):
        compare(results(1), [result("other", 1)], 0)


def test_questions_are_paired_by_content_and_not_by_name() -> None:
    renamed = [one._replace(id=f"other {one.id}") for one in results(0, 0, 1)]
    assert compare(results(1, 1, 1), renamed, 0).n == 3


def test_holm_counts_every_benchmark() -> None:
    first = [*results(*[0] * 8), *results(*[0] * 8, benchmark="c")]
    second = [*results(*[1] * 8), *results(*[1] * 6, 0, 0, benchmark="c")]
    found = compare_all(first, second, 0)
    assert found["b"].p_holm == pytest.approx(2 * found["b"].p)
    assert found["c"].p_holm == pytest.approx(max(found["c"].p, found["b"].p_holm))


def test_a_benchmark_that_was_all_trained_on_is_left_out() -> None:
    one = [result("q", 1, stems=("seen",))]
    assert compare_all(one, one, 0, frozenset({"seen"})) == {}


def test_a_worse_model_is_said_to_be_worse() -> None:
    assert compare_all(results(*[1] * 12), results(*[0] * 12), 0)["b"].words == "worse by 100.0 points"


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two evaluations of one model each: one is always right, one half of the time."""
    rows = [{"id": f"q{n}", "question": f"Which {n}?", "options": ["a", "b"], "answer_index": 0} for n in range(20)]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def reply(request: Any) -> str:
        return "Answer: A" if request.model == "good" or int(request.question_id[5:]) % 2 else "Answer: B"

    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(reply))
    for name in ("half", "good"):
        entry = ScriptedSettings(backend="scripted", model=name)
        evaluate([tmp_path / "own.jsonl"], [Candidate(name=name, entry=entry)], tmp_path / name)
    return tmp_path / "half", tmp_path / "good"


def test_two_evaluations_are_compared_from_their_files(two: tuple[Path, Path]) -> None:
    found = across(two[0] / "results.json", two[1])
    (pair,) = found.comparisons
    assert (pair.first, pair.second) == ("half", "good")
    assert pair.benchmarks["own"].only_second == 10
    assert pair.benchmarks["own"].words == "better by 50.0 points"
    assert found.remarks == []


def _changed(path: Path, **values: Any) -> None:
    told = json.loads((path / "results.json").read_text())
    (path / "results.json").write_text(json.dumps({**told, **values}))


def test_protocols_are_never_mixed(two: tuple[Path, Path]) -> None:
    _changed(two[1], protocol="loglikelihood")
    with pytest.raises(UsageError, match=r"by protocol generate, .* by loglikelihood: their numbers do not compare"):
        across(*two)


def test_what_was_asked_differently_is_said(two: tuple[Path, Path]) -> None:
    _changed(two[1], settings=Settings(max_tokens=99).told())
    assert across(*two).remarks == ["asked differently: max_tokens: was 8192, is now 99"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"protocol": "generate"}', '{"records": 3}', "\x00"])
def test_a_file_that_is_no_result_is_refused(content: str, two: tuple[Path, Path]) -> None:
    (two[0] / "results.json").write_text(content)
    with pytest.raises(UsageError, match="results"):
        across(*two)


def test_another_version_a_torn_answer_and_unknown_names_are_refused(two: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="has no model 'x'; it has half"):
        across(*two, a="x")
    with pytest.raises(UsageError, match="holds no two models to compare"):
        across(two[0], two[0])
    answers = next((two[1] / "answers").iterdir())
    whole = answers.read_bytes()
    answers.write_bytes(whole.replace(b'"mark":"', b'"mark":"other '))
    with pytest.raises(UsageError, match="no question in common"):
        across(*two)
    answers.write_bytes(whole)
    (file,) = (two[0] / "answers").iterdir()
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UsageError, match=r"jsonl:20: is no answer"):
        across(*two)
    file.unlink()
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        across(*two)
    _changed(two[0], version=99)
    with pytest.raises(UsageError, match="its version is 99"):
        across(*two)
