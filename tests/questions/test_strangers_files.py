"""Files of layouts without a name: read with every key and option accounted for, or refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from question_files import found, row, the_error, the_question, write_bytes, write_lines
from typer.testing import CliRunner

from reasonmed.cli import app
from reasonmed.errors import QuestionError
from reasonmed.questions import Settings, read
from reasonmed.questions._lint import lint, native_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ASKED = (
    ("Which valve has two leaflets?", ("Tricuspid", "Mitral", "Aortic", "Pulmonary"), 1),
    ("Which hormone lowers glucose?", ("Insulin", "Glucagon", "Cortisol", "Adrenaline"), 0),
    ("Which nerve moves the diaphragm?", ("Vagus", "Ulnar", "Median", "Phrenic"), 3),
)
KEYS = [key for *_, key in ASKED]
LETTERS = "ABCDE"


def lines(path: Path, make: Any, asked: Sequence[tuple[str, tuple[str, ...], int]] = ASKED) -> Path:
    """Every question as the row that ``make`` makes of it."""
    return write_lines(path, [make(stem, options, key) for stem, options, key in asked])


def keys(path: Path, how: Settings | None = None) -> list[int | None]:
    good, bad = found(path, how)
    assert not bad, str(bad[0])
    return [one.answer for one in good]


def refusal(path: Path) -> str:
    with pytest.raises(QuestionError) as caught:
        list(read(path))
    return str(caught.value)


def by_letter(options: Sequence[object], prefix: str = "") -> dict[str, object]:
    return {f"{prefix}{name}": option for name, option in zip(LETTERS, options, strict=False)}


ROWS: dict[str, Any] = {
    "five columns and two keys": lambda stem, options, key: {
        "question": stem,
        **{f"op{name}": option for name, option in zip("abcde", [*options, "None"], strict=True)},
        "answer_idx": LETTERS[key],
        "answer": options[key],
    },
    "numbered columns": lambda stem, options, key: {
        "question": stem,
        **{f"op{number}": option for number, option in enumerate(options, 1)},
        "cop": key + 1,
    },
    "columns from 0": lambda stem, options, key: {
        "question": stem,
        **{f"choice_{number}": option for number, option in enumerate(options)},
        "label": str(key),
    },
    "map by number": lambda stem, options, key: {
        "stem": stem,
        "options": {str(number): option for number, option in enumerate(options, 1)},
        "correct_option": key + 1,
    },
    "small letters": lambda stem, options, key: {
        "question": stem,
        "answers": dict(zip("abcd", options, strict=True)),
        "correct_answers": ["abcd"[key]],
        "nbr_correct_answers": 1,
    },
    "texts beside labels": lambda stem, options, key: {
        "question": stem,
        "choices": {"text": list(options), "label": list("ABCD")},
        "answerKey": LETTERS[key],
    },
    "objects": lambda stem, options, key: {
        "qtext": stem,
        "ra": key + 1,
        "answers": [{"aid": number, "atext": option} for number, option in enumerate(options, 1)],
    },
    "marked as correct": lambda stem, options, key: {
        "question": stem,
        "options": [{"text": option, "is_correct": number == key} for number, option in enumerate(options)],
    },
    "one text by lines": lambda stem, options, key: {
        "question": stem,
        "options": "\n".join(f"{name}. {option}" for name, option in by_letter(options).items()),
        "answer": LETTERS[key],
    },
    "one text in a line": lambda stem, options, key: {
        "question": stem,
        "options": " ".join(f"({name}) {option}" for name, option in by_letter(options).items()),
        "answer": LETTERS[key],
    },
    "in the stem": lambda stem, options, key: {
        "question": "\n".join([stem, *(f"{name}) {option}" for name, option in by_letter(options).items())]),
        "answer": LETTERS[key],
    },
    "a printed list": lambda stem, options, key: {
        "question": stem,
        "options": repr(list(options)),
        "answer": LETTERS[key],
    },
    "a printed array": lambda stem, options, key: {
        "question": stem,
        "options": repr(list(options)).replace(",", ""),
        "answer": LETTERS[key],
    },
    "an answer with its letter": lambda stem, options, key: {
        "question": stem,
        "options": list(options),
        "answer": f"({LETTERS[key]}) {options[key]}",
    },
    "an answer with an explanation": lambda stem, options, key: {
        "question": stem,
        "options": list(options),
        "answer": f"{options[key]}. Explanation: so it is.",
    },
    "an option's name": lambda stem, options, key: {
        "question": stem,
        "options": list(options),
        "answer": f"Option {LETTERS[key]}",
    },
}


@pytest.mark.parametrize("name", ROWS)
def test_options_and_keys_in_any_common_form_are_read(tmp_path: Path, name: str) -> None:
    good, bad = found(lines(tmp_path / "f.jsonl", ROWS[name]))
    assert not bad, str(bad[0])
    assert [one.answer for one in good] == KEYS
    assert [one.options[:4] for one in good] == [options for _, options, _ in ASKED]
    assert {(one.source, one.license, one.license_source) for one in good} == {(None, None, "none")}
    assert [one.stem for one in good] == [stem for stem, _, _ in ASKED]


WRAPPED: dict[str, Any] = {
    "by column": lambda rows: {name: {str(n): one[name] for n, one in enumerate(rows)} for name in rows[0]},
    "lists by column": lambda rows: {name: [one[name] for one in rows] for name in rows[0]},
    "columns and data": lambda rows: {"columns": list(rows[0]), "data": [list(one.values()) for one in rows]},
    "under names": lambda rows: {"version": "1", "exams": {"E1": {"year": 2013, "data": rows}}},
    "a viewer's rows": lambda rows: {
        "features": [{"name": "question"}],
        "rows": [{"row_idx": n, "row": one, "truncated_cells": []} for n, one in enumerate(rows)],
    },
    "splits": lambda rows: {"train": rows[:2], "test": rows[2:]},
}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", WRAPPED)
def test_rows_inside_of_other_json_are_found(tmp_path: Path, name: str, indent: int | None) -> None:
    rows = [{"question": stem, "options": list(options), "answer": LETTERS[key]} for stem, options, key in ASKED]
    path = write_bytes(tmp_path / "f.json", json.dumps(WRAPPED[name](rows), indent=indent))
    good, bad = found(path)
    assert (bad, [one.answer for one in good]) == ([], KEYS)
    if name == "splits":
        assert [one.split for one in good] == ["train", "train", "test"]


def test_a_row_that_a_viewer_shows_cut_or_that_is_no_row_is_named_and_not_lost(tmp_path: Path) -> None:
    rows = [{"row": row(id="a"), "truncated_cells": ["question"]}, {"row": row(id="b"), "truncated_cells": []}, 5]
    good, bad = found(write_bytes(tmp_path / "f.json", json.dumps({"rows": rows})))
    assert [one.id for one in good] == ["b"]
    assert [one.field for one in bad] == ["question", ""]


def test_questions_about_a_passage_beside_them_are_not_torn_from_it(tmp_path: Path) -> None:
    told = {"data": [], "passage": {"text": "word " * 100, "questions": [row()]}}
    assert "no reader knows" in refusal(write_bytes(tmp_path / "f.json", json.dumps(told)))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_tables_with_other_delimiters_are_read(tmp_path: Path, delimiter: str) -> None:
    table = [["Question", *"ABCD", "Answer"], *([stem, *options, LETTERS[key]] for stem, options, key in ASKED)]
    path = write_bytes(tmp_path / "f.csv", "\r\n".join(delimiter.join(cells) for cells in table))
    assert keys(path) == KEYS


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"correct_answer": "A"}, "answer"),
        ({"label": 0, "gold": "C"}, "label"),
        ({"gold_answer": "Digoxin"}, "gold_answer"),
        ({"correct": True}, "correct"),
        ({"option_a": "Heparin", "option_b": "Warfarin"}, "option_a"),
        ({"choices": ["Heparin", "Digoxin"]}, "choices"),
    ],
)
def test_a_field_that_looks_like_a_key_or_an_option_is_accounted_for_or_the_row_is_refused(
    tmp_path: Path, fields: dict[str, Any], field: str
) -> None:
    error = the_error(write_lines(tmp_path / "f.jsonl", [row(**fields)]))
    assert error.field == field


def test_fields_that_agree_with_the_key_or_are_about_it_are_no_trouble(tmp_path: Path) -> None:
    beside = {"answer_explanation": "It is.", "correct_answers_count": 1, "answer_type": "single", "long_answer": "So."}
    agreed = {"answer_letter": "B", "correct_option": 2, "gold": "warfarin", "label": 1}
    prose = {"answer_text": "It blocks the recycling of vitamin K, and so the making of factors. " * 3}
    one = the_question(write_lines(tmp_path / "f.jsonl", [row(**beside, **agreed, **prose)]))
    assert (one.answer, one.meta) == (1, {**beside, **prose})


def test_a_mapped_key_settles_what_other_fields_say(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", [row(correct_answer="A", note="x")])
    one = the_question(path, Settings(names={"answer": "correct_answer"}))
    assert (one.answer, one.meta) == (0, {"note": "x"})
    told = the_question(path, Settings(names={"answer_text": "answer"}))
    assert (told.answer, told.meta) == (1, {"note": "x", "correct_answer": "A"})


@pytest.mark.parametrize("layout", ["columns", "list"])
@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([2, 1, 4], [1, 0, 3]), ([1, 0, 3], [1, 0, 3]), (["2", "1", "4"], [1, 0, 3]), ([1.0, 0.0, 2.0], [1, 0, 2])],
)
def test_a_0_or_the_last_number_anywhere_in_a_file_says_how_all_its_keys_are_counted(
    tmp_path: Path, layout: str, numbers: list[object], expected: list[int]
) -> None:
    several = [
        {"question": stem, **(by_letter(options) if layout == "columns" else {"options": options}), "answer": number}
        for (stem, options, _), number in zip(ASKED, numbers, strict=True)
    ]
    assert keys(write_lines(tmp_path / "f.jsonl", several)) == expected


@pytest.mark.parametrize(("numbers", "why"), [([1, 2, 3], "neither a 0"), ([0, 2, 4], "some hold a 0")])
@pytest.mark.parametrize("mapped", [False, True])
def test_a_file_that_leaves_its_base_open_is_refused_with_commands_that_do_what_they_say(
    tmp_path: Path, numbers: list[int], why: str, *, mapped: bool
) -> None:
    asked = zip(ASKED, numbers, strict=True)
    name = "Right" if mapped else "answer"
    path = write_lines(
        tmp_path / "my f.jsonl", [{"question": stem, "options": options, name: n} for (stem, options, _), n in asked]
    )
    how = Settings(names={"answer": "Right"}) if mapped else None
    with pytest.raises(QuestionError) as caught:
        list(read(path, how))
    message = str(caught.value)
    assert why in message
    assert f"the integers in {name!r}" in message
    first = ASKED[0][1] if numbers[0] else ASKED[1][1]
    for base, field in enumerate(("answer_index", "answer_number")):
        target = tmp_path / f"{field}.jsonl"
        assert f"--map {field}={name} -o OUT" in message
        CliRunner().invoke(app, ["questions", str(path), "--map", f"{field}={name}", "-o", str(target)])
        number = numbers[0] or numbers[1]
        assert f"{LETTERS[number - base]}. {first[number - base]}" in message
        readable = [number - base for number in numbers if 0 <= number - base < 4]
        assert [one.answer for one in found(target)[0]] == readable


def test_the_other_keys_of_a_row_say_how_its_integers_are_counted(tmp_path: Path) -> None:
    path = lines(tmp_path / "f.jsonl", lambda stem, options, key: row(
        question=stem, options=options, answer_idx=key + 1, answer=options[key] if key != 1 else None
    ))  # fmt: skip
    assert keys(path) == KEYS


@pytest.mark.parametrize(
    ("options", "answer", "key"),
    [([1, 2, 3, 4], 4, 3), ([2, 3, 4, 5], 3, 1), (["2", "3", "4", "1"], "4", 2), (["3", "4", "5", "9"], "9", 3)],
)
def test_numbers_among_numbers_and_texts_among_texts_are_what_they_say(
    tmp_path: Path, options: list[object], answer: object, key: int
) -> None:
    assert the_question(write_lines(tmp_path / "f.jsonl", [row(options=options, answer=answer)])).answer == key


def test_integers_among_numeric_texts_are_refused_where_nothing_tells_values_from_places(tmp_path: Path) -> None:
    table = "question,A,B,C,D,answer\nHow many?,2,3,4,1,2\nHow few?,1,3,4,2,3\n"
    message = refusal(write_bytes(tmp_path / "f.csv", table))
    for field, option in (("answer_text", "A. 2"), ("answer_index", "C. 4"), ("answer_number", "B. 3")):
        assert f"--map {field}=answer -o OUT\n    reads line 2 as {option}" in message
    rows = [
        row(options=["2", "3", "4", "1"], answer=2),
        row(question="How few?", options=["1", "3", "4", "2"], answer=3),
    ]
    assert "--map answer_text=answer" in refusal(write_lines(tmp_path / "f.jsonl", rows))


def test_integers_among_numeric_texts_are_places_where_other_rows_show_it(tmp_path: Path) -> None:
    table = "question,A,B,C,D,answer\nHow many?,2,3,4,1,2\nWhich?,w,x,y,z,4\n"
    assert keys(write_bytes(tmp_path / "f.csv", table)) == [1, 3]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    drawn=st.lists(st.tuples(st.integers(2, 6), st.integers(0, 5)), min_size=2, max_size=8),
    base=st.integers(0, 1),
    text=st.booleans(),
)
def test_integer_keys_are_never_shifted_without_a_word(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int]], base: int, *, text: bool
) -> None:
    """Whatever base a file counts from, its keys are read as meant, or the file is refused."""
    asked = [(number, count, min(key, count - 1)) for number, (count, key) in enumerate(drawn)]
    rows = [
        {
            "question": f"Which {number}?",
            "options": [f"option {n}" for n in range(count)],
            "answer": str(key + base) if text else key + base,
        }
        for number, count, key in asked
    ]
    path = write_lines(tmp_path_factory.getbasetemp() / "base.jsonl", rows)
    told = {key + base for _, _, key in asked}
    decided = 0 in told or any(key + base == count for _, count, key in asked)
    if decided:
        good, bad = found(path)
        assert not bad
        assert [one.answer for one in good] == [key for _, _, key in asked]
    else:
        assert "neither a 0" in refusal(path)


@pytest.mark.parametrize("form", ["{}. {}", "{}) {}", "({}) {}", "{}: {}", "[{}] {}", "{} - {}", "Option {}: {}"])
@pytest.mark.parametrize("names", ["ABCD", "abcd"])
def test_options_lose_the_letters_that_they_carry_and_the_report_says_so(tmp_path: Path, form: str, names: str) -> None:
    lettered = [form.format(name, option) for name, option in zip(names, ASKED[0][1], strict=True)]
    path = write_lines(tmp_path / "f.jsonl", [row(options=lettered, answer=lettered[1]), row(id="plain")])
    good, bad = found(path)
    assert (bad, good[0].options, good[0].answer) == ([], ASKED[0][1], 1)
    findings = lint(path, Settings(), 5).findings["options without their letters"]
    assert findings.count == 1
    again = write_lines(tmp_path / "again.jsonl", [native_row(good[0])])
    assert the_question(again) == good[0]


@pytest.mark.parametrize(
    "options",
    [
        ["A. fumigatus", "Candida", "C. neoformans"],
        ["B. Heparin", "A. Warfarin", "C. Aspirin"],
        ["A. Heparin", "B. Warfarin", "D. Aspirin"],
        ["A.", "B.", "C."],
        ["1.5 mg", "2.5 mg", "3.5 mg"],
        ["A fever", "B cells", "C fibers"],
    ],
)
def test_options_that_do_not_all_carry_letters_in_order_stay_as_they_are(tmp_path: Path, options: list[str]) -> None:
    one = the_question(write_lines(tmp_path / "f.jsonl", [row(options=options, answer=options[1])]))
    assert (list(one.options), one.answer) == (options, 1)


MEDMCQA = {"id": "m", "question": "Which?", "opa": "w", "opb": "x", "opc": "y", "opd": "z", "cop": 4}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("MedMCQA", "MIT", "layout")),
        ({"license": "CC-BY-NC-SA-4.0"}, ("MedMCQA", "CC-BY-NC-SA-4.0", "row")),
        ({"License": "CC-BY-NC-SA-4.0", "source": "Ours"}, ("Ours", "CC-BY-NC-SA-4.0", "row")),
        ({"source": "Ours"}, ("Ours", None, "none")),
        ({"source": "openlifescienceai/medmcqa", "license": " "}, ("openlifescienceai/medmcqa", "MIT", "layout")),
    ],
)
def test_a_rows_own_source_and_license_win_over_the_layouts(
    tmp_path: Path, fields: dict[str, str], expected: tuple[str | None, str | None, str]
) -> None:
    one = the_question(write_lines(tmp_path / "f.jsonl", [{**MEDMCQA, **fields}]))
    assert (one.source, one.license, one.license_source) == expected
    again = the_question(write_lines(tmp_path / "again.jsonl", [native_row(one)]))
    assert (again.source, again.license, again.license_source) == expected


def test_a_file_with_one_more_option_than_a_layout_has_is_not_of_that_layout(tmp_path: Path) -> None:
    five = {**MEDMCQA, "ope": "v", "cop": 5}
    one = the_question(write_lines(tmp_path / "f.jsonl", [five]))
    assert (one.options[4], one.answer, one.source, one.license) == ("v", 4, None, None)
    assert the_error(write_lines(tmp_path / "f.jsonl", [five]), Settings("medmcqa")).field == "ope"


def test_a_file_that_doubts_its_own_keys_is_reported(tmp_path: Path) -> None:
    doubted = {"question": "Which?", "choices": ["w", "x"], "answer": 1, "error_type": "wrong_groundtruth"}
    path = write_lines(tmp_path / "f.jsonl", [{**doubted, "correct_answer": "A"}])
    assert the_question(path).answer == 1
    assert lint(path, Settings(), 5).findings["the file doubts its own key"].count == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x80\x04\x95\x00", "pickle"),
        (b"ARROW1\0\0\xff\xff", "Arrow"),
        (b"PK\x03\x04\x14\x00", "ZIP archive or a spreadsheet"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip and torn"),
        (b"PK\x03\x04\x14\x00" + b"\0" * 40, "ZIP archive"),
        (b"7z\xbc\xaf\x27\x1c", "7z archive"),
        (b"Rar!\x1a\x07\x01\x00", "RAR archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", ".xls"),
        (b"\n<html><body>Not found</body></html>", "web page"),
        (b"x.jsonl" + b"\0" * 250 + b"ustar\0", "tar archive"),
        (b'{"question": "Which?", "answer": "Heparin"}', "these questions have no options"),
    ],
)
def test_files_that_hold_no_rows_are_refused_with_what_they_are(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refusal(write_bytes(tmp_path / "f", content))
