"""The key is read the same way in every layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from question_files import found, row, the_error, the_question, write_lines

if TYPE_CHECKING:
    from pathlib import Path

DRUGS = ["Heparin", "Warfarin", "Aspirin", "Alteplase"]


def key_of(folder: Path, options: list[Any], **key: Any) -> int | None:
    fields = {"question": "Which?", "options": options, **key}
    return the_question(write_lines(folder / "f.jsonl", [fields])).answer


def problem_with(folder: Path, options: list[Any], **key: Any) -> str:
    fields = {"question": "Which?", "options": options, **key}
    return str(the_error(write_lines(folder / "f.jsonl", [fields])))


@pytest.mark.parametrize(
    ("answer", "index"),
    [
        ("Aspirin", 2),
        ("  Aspirin\n", 2),
        ("ASPIRIN", 2),
        ("C", 2),
        ("c", 2),
        (" C ", 2),
        (2, 2),
        (0, 0),
        (["Aspirin"], 2),
        (["C"], 2),
        (None, None),
        ("", None),
        ("  ", None),
        ([], None),
    ],
)
def test_an_answer_is_a_text_or_a_letter_or_an_index(tmp_path: Path, answer: object, index: int | None) -> None:
    assert key_of(tmp_path, DRUGS, answer=answer) == index


@pytest.mark.parametrize(
    ("options", "answer", "index"),
    [
        (["8", "4", "2", "1"], "4", 1),
        (["8", "4", "2", "1"], "1", 3),
        (["8", "4", "2", "1"], 1, 1),
        ([8, 4, 2, 1], "4", 1),
        (["B", "A", "D", "C"], "A", 1),
        (["B", "A", "D", "C"], "D", 2),
        (["A", "B", "AB", "O"], "O", 3),
        (["AB", "O", "B", "A"], "b", 1),
        (["Vitamin A", "Vitamin B", "Vitamin C"], "C", 2),
        (["yes", "no", "maybe"], "maybe", 2),
        (["yes", "no", "maybe"], "Yes", 0),
        (["Heparin", "['A', 'B']", "Aspirin"], "['A', 'B']", 1),
    ],
)
def test_the_text_of_an_option_comes_before_a_letter_and_before_an_index(
    tmp_path: Path, options: list[Any], answer: object, index: int
) -> None:
    assert key_of(tmp_path, options, answer=answer) == index


@pytest.mark.parametrize("index", [2, "2", 2.0, [2], " 2 "])
def test_answer_index_wins_and_may_agree_with_a_text_a_letter_or_an_index(tmp_path: Path, index: object) -> None:
    for answer in ("Aspirin", "C", 2, None, ""):
        assert key_of(tmp_path, DRUGS, answer=answer, answer_index=index) == 2


@pytest.mark.parametrize("answer", ["Warfarin", "B", 1])
def test_disagreement_of_the_two_keys_is_an_error_that_shows_both(tmp_path: Path, answer: object) -> None:
    problem = problem_with(tmp_path, DRUGS, answer=answer, answer_index=2)
    assert "f.jsonl:1: answer_index: is 2 ('Aspirin')" in problem
    assert repr(answer) in problem


def test_an_index_tells_equal_options_apart_but_their_text_does_not(tmp_path: Path) -> None:
    twins = ["same", "same", "other"]
    assert key_of(tmp_path, twins, answer="same", answer_index=1) == 1
    assert key_of(tmp_path, twins, answer="B") == 1
    assert "answer: is the text of 2 equal options: 'same'" in problem_with(tmp_path, twins, answer="same")


@pytest.mark.parametrize("name", ["answer", "answer_index"])
@pytest.mark.parametrize("keys", [["A", "C"], [0, 2], ["Heparin", "Aspirin"], "A, C", "A and C", "0,2", "A/C"])
def test_several_keys_are_an_error_and_never_the_first_one(tmp_path: Path, name: str, keys: object) -> None:
    assert f"{name}: several keys: {keys!r}" in problem_with(tmp_path, DRUGS, **{name: keys})


@pytest.mark.parametrize(
    "answer", ["E", "Insulin", "5", 5, -1, 2.5, True, {"A": 1}, "AC", "\N{CYRILLIC CAPITAL LETTER ES}"]
)
def test_an_answer_that_is_not_an_option_is_an_error_with_its_value(tmp_path: Path, answer: object) -> None:
    fields = [row(options=DRUGS, answer=answer), row(answer="Aspirin")]
    good, bad = found(write_lines(tmp_path / "f.jsonl", fields))
    assert [(one.line, one.field) for one in bad] == [(1, "answer")]
    assert str(answer) in bad[0].problem
    assert [one.answer for one in good] == [2]


@pytest.mark.parametrize("index", [4, -1, "4", "A", 1.5, True, {"a": 1}, 10**30])
def test_an_index_outside_the_options_is_an_error_with_its_value(tmp_path: Path, index: object) -> None:
    problem = problem_with(tmp_path, DRUGS, answer_index=index)
    assert "answer_index: must be from 0 to 3, not" in problem
    assert str(index)[:20] in problem


def test_a_question_without_a_key_is_a_question(tmp_path: Path) -> None:
    assert key_of(tmp_path, DRUGS) is None
    assert key_of(tmp_path, DRUGS, answer=None, answer_index=None) is None


def test_letters_reach_from_a_to_z(tmp_path: Path) -> None:
    many = [f"option {number}" for number in range(26)]
    assert key_of(tmp_path, many, answer="Z") == 25
    assert key_of(tmp_path, many, answer=25) == 25
    assert "several keys" not in problem_with(tmp_path, many[:25], answer="Z")


@pytest.mark.parametrize(("index", "letter", "text"), [(1, "B", "4"), (2, "C", "B")])
def test_options_that_are_digits_or_letters_have_one_key_in_every_layout(
    tmp_path: Path, index: int, letter: str, text: str
) -> None:
    """The letter of a published layout stays a letter, also where it is an option's text."""
    options = {"A": "8", "B": "4", "C": "B", "D": "1"}
    columns = {f"op{name.lower()}": option for name, option in options.items()}
    layouts: dict[str, list[dict[str, Any]]] = {
        "native": [{"options": list(options.values()), "answer": text}],
        "medqa": [{"options": options, "answer_idx": letter, "answer": text}],
        "medxpertqa": [{"options": options, "label": letter}],
        "medmcqa": [{**columns, "cop": index + 1}, {**columns, "cop": 4}],
    }
    for name, rows in layouts.items():
        path = write_lines(
            tmp_path / f"{name}.jsonl", [{"id": n, "question": "q", **one} for n, one in enumerate(rows)]
        )
        good, bad = found(path)
        assert not bad
        assert (name, good[0].answer) == (name, index)
