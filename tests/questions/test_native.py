"""The native layout, which is also the original's: fields, columns of CSV files, ids, and the way back."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from question_files import found, row, the_error, the_question, write_bytes, write_lines

from reasonmed.cli._options import names_of
from reasonmed.errors import QuestionError
from reasonmed.questions import Settings, questions_in, read
from reasonmed.questions._lint import native_row
from reasonmed.questions._stray import without_stray
from reasonmed.types import Question

if TYPE_CHECKING:
    from pathlib import Path

QUICK = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda one: one == without_stray(one))
scalar = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | text
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    options = tuple(draw(st.lists(text, min_size=2, max_size=26)))
    optional = st.none() | text
    license_ = draw(optional)
    return Question(
        id=draw(text),
        stem=draw(text),
        options=options,
        answer=draw(st.none() | st.integers(0, len(options) - 1)),
        context=draw(optional),
        source=draw(optional),
        license=license_,
        license_source=draw(st.sampled_from(["row", "layout"])) if license_ else "none",
        split=draw(optional),
        meta=draw(st.dictionaries(text, scalar | st.lists(scalar, max_size=3), max_size=3)),
    )


def unique(several: list[Question]) -> list[Question]:
    return list({one.id: one for one in several}.values())


def as_csv(rows: list[list[object]], **dialect: Any) -> str:
    sink = io.StringIO(newline="")
    csv.writer(sink, **dialect).writerows(rows)
    return sink.getvalue()


@QUICK
@given(several=st.lists(questions(), min_size=1, max_size=4).map(unique), indent=st.sampled_from([None, 0, 3]))
def test_questions_come_back_from_a_json_list_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, several: list[Question], indent: int | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "list.json"
    content = json.dumps([native_row(one) for one in several], indent=indent, ensure_ascii=indent is None)
    assert found(write_bytes(path, content)) == (several, [])


@QUICK
@given(several=st.lists(questions(), min_size=1, max_size=4).map(unique), end=st.sampled_from(["\n", "\r\n", "\n \n"]))
def test_questions_come_back_from_json_lines_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, several: list[Question], end: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    content = b"".join(msgspec.json.encode(native_row(one)) + end.encode() for one in several)
    assert found(write_bytes(path, content)) == (several, [])


@QUICK
@given(stem=text, options=st.lists(text, min_size=2, max_size=5), key=st.integers(0, 1), quoting=st.integers(0, 1))
def test_questions_come_back_from_csv_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, stem: str, options: list[str], key: int, quoting: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "table.csv"
    header = ["question", *"ABCDE"[: len(options)], "answer_index"]
    write_bytes(path, as_csv([header, [stem, *options, key]], quoting=quoting))
    one = the_question(path)
    assert (one.stem, one.options, one.answer) == (stem, tuple(options), key)


def test_the_original_json_list_is_read(tmp_path: Path) -> None:
    rows = [
        {"question": "Which?", "options": ["a1", "b1"], "answer": "b1"},
        {"question": "Which?", "options": {"A": "a2", "B": "b2"}, "answer": "A"},
        {"question": "Which?", "options": ["a3", "b3"]},
    ]
    good, bad = found(write_bytes(tmp_path / "original.json", json.dumps(rows, indent=2)))
    assert not bad
    assert [(one.options, one.answer) for one in good] == [(("a1", "b1"), 1), (("a2", "b2"), 0), (("a3", "b3"), None)]


def test_every_field_of_the_layout_is_read_and_others_go_to_meta(tmp_path: Path) -> None:
    fields = row(
        id="q7",
        answer_index=1,
        context="Two trials.",
        source="S",
        license="MIT",
        split="test",
        meta={"year": 1},
        pmid="5",
    )
    assert the_question(write_lines(tmp_path / "f.jsonl", [fields])) == Question(
        "q7",
        "Which drug?",
        ("Heparin", "Warfarin", "Aspirin"),
        1,
        "Two trials.",
        "S",
        "MIT",
        "test",
        {"pmid": "5", "year": 1},
        license_source="row",
    )


def test_null_and_blank_fields_are_fields_that_are_not_there(tmp_path: Path) -> None:
    names = ("id", "context", "source", "license", "split", "meta", "answer_index")
    empty = row() | dict.fromkeys(names)
    blank = row() | dict.fromkeys(names[:-2], "  ")
    for fields in (empty, blank):
        one = the_question(write_lines(tmp_path / "f.jsonl", [fields]))
        assert one == the_question(write_lines(tmp_path / "f.jsonl", [row()]))
        assert one.context is None


@pytest.mark.parametrize("name", ["question", "options"])
@pytest.mark.parametrize("first", [True, False])
def test_a_row_without_a_question_or_options_is_named_and_the_others_are_read(
    tmp_path: Path, name: str, *, first: bool
) -> None:
    rows = [row(**{name: None}), row()] if first else [row(), row(**{name: None})]
    good, bad = found(write_lines(tmp_path / "f.jsonl", rows))
    assert len(good) == 1
    assert str(bad[0]) == f"{tmp_path / 'f.jsonl'}:{1 if first else 2}: {name}: is missing"


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("question", None, "is missing"),
        ("question", " \n", "is empty"),
        ("question", 5, "must be a text, not 5"),
        ("question", ["a"], "must be a text, not ['a']"),
        ("question", {"a": 1}, "must be a text, not {'a': 1}"),
        ("options", None, "is missing"),
        ("options", [], "must be 2 to 26, not 0: []"),
        ("options", ["one"], "must be 2 to 26, not 1: ['one']"),
        ("options", ["x"] * 27, "must be 2 to 26, not 27"),
        ("options", {"A": "a"}, "must be 2 to 26, not 1: ['a']"),
        ("options", "a, b", "must be a list of texts, not 'a, b'"),
        ("options", 4, "must be a list of texts, not 4"),
        ("options", True, "must be a list of texts, not True"),
        ("options", {"A": "a", "C": "c"}, "must be lettered A, B, C, ... to at most Z, without a gap, not 'A, C'"),
        ("options", {"B": "b", "C": "c"}, "without a gap, not 'B, C'"),
        ("options", {"A": "a", "B": None, "C": "c"}, "without a gap, not 'A, C'"),
        ("options", {"1": "a", "3": "b"}, "must be lettered A, B, C, ..."),
        ("options", {str(number): "x" for number in range(27)}, "must be lettered A, B, C, ..."),
        ("options[1]", ["a", None], "is missing"),
        ("options[1]", ["a", " "], "is empty"),
        ("options[1]", ["a", True], "must be a text, not True"),
        ("options[1]", ["a", ["b"]], "must be a text, not ['b']"),
        ("options[0]", [{"text": "a"}, "b"], "must be a text, not {'text': 'a'}"),
        ("context", ["a"], "must be a text, not ['a']"),
        ("id", ["a"], "must be a text, not ['a']"),
        ("id", 1.5, "must be a text, not 1.5"),
        ("id", True, "must be a text, not True"),
        ("source", {"a": 1}, "must be a text, not {'a': 1}"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(tmp_path: Path, field: str, value: object, problem: str) -> None:
    fields = row() | {field.partition("[")[0]: value, "answer": None}
    good, bad = found(write_lines(tmp_path / "f.jsonl", [row(), fields]))
    assert len(good) == 1
    assert (bad[0].file, bad[0].line, bad[0].field) == (str(tmp_path / "f.jsonl"), 2, field)
    assert problem in bad[0].problem


def test_numbers_as_options_are_read_as_texts(tmp_path: Path) -> None:
    one = the_question(write_lines(tmp_path / "f.jsonl", [row(options=[8, 4.5, -1], answer="4.5")]))
    assert (one.options, one.answer) == (("8", "4.5", "-1"), 1)


def test_options_lettered_in_any_order_stand_in_the_order_of_their_letters(tmp_path: Path) -> None:
    fields = row(options={"C": "c", "A": "a", "B": "b", "D": None}, answer="c")
    one = the_question(write_lines(tmp_path / "f.jsonl", [fields]))
    assert (one.options, one.answer) == (("a", "b", "c"), 2)


def test_the_first_bad_row_stops_whoever_wants_only_questions(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", [row(), row(options=[]), row(id="c")])
    several = questions_in(path)
    assert next(several).answer == 1
    with pytest.raises(QuestionError, match=r"f\.jsonl:2: options"):
        next(several)


def test_a_row_without_an_id_gets_the_file_and_a_hash(tmp_path: Path) -> None:
    name = the_question(write_lines(tmp_path / "mine.jsonl", [row()])).id
    assert re.fullmatch(r"mine-[0-9a-f]{16}", name)
    assert name == "mine-5c01a2eb0103e523"


def test_the_hash_depends_on_question_options_and_context_and_on_nothing_else(tmp_path: Path) -> None:
    def hash_of(**fields: Any) -> str:
        return the_question(write_lines(tmp_path / "f.jsonl", [row(**fields)])).id

    same = [hash_of(), hash_of(answer="Aspirin"), hash_of(source="S", meta={"a": 1}), hash_of(question=" Which drug? ")]
    options = ["Warfarin", "Heparin", "Aspirin"]
    others = [hash_of(question="Which drugs?"), hash_of(options=options), hash_of(context="A trial.")]
    assert len(set(same)) == 1
    assert len({*same, *others}) == 4


@QUICK
@given(pair=st.lists(st.tuples(text, st.lists(text, min_size=2, max_size=4), st.none() | text), min_size=2, max_size=2))
def test_rows_have_the_same_hash_only_if_they_have_the_same_content(
    tmp_path_factory: pytest.TempPathFactory, pair: list[tuple[str, list[str], str | None]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "hash.jsonl"
    rows = [{"question": stem, "options": options, "context": context} for stem, options, context in pair]
    good, bad = found(write_lines(path, rows))
    again, _ = found(write_lines(path, reversed(rows)))
    assert {one.id: one for one in good} == {one.id: one for one in again}
    assert len(bad) == int(pair[0] == pair[1])


def test_an_id_that_stands_twice_is_an_error_with_both_lines(tmp_path: Path) -> None:
    rows = [row(id="a"), row(id="b"), row(id=7), row(id="a", question="Another?"), row(id="7")]
    good, bad = found(write_lines(tmp_path / "f.jsonl", rows))
    assert [one.id for one in good] == ["a", "b", "7"]
    path = tmp_path / "f.jsonl"
    assert [str(one) for one in bad] == [
        f"{path}:4: id: 'a' stands twice, first on line 1",
        f"{path}:5: id: '7' stands twice, first on line 3",
    ]


def test_the_same_question_twice_without_ids_is_the_same_id_twice(tmp_path: Path) -> None:
    error = the_error(write_lines(tmp_path / "f.jsonl", [row(), row(answer="Aspirin")]))
    assert (error.line, error.field) == (2, "id")


def test_csv_options_are_columns_by_letters_by_numbers_or_a_json_list(tmp_path: Path) -> None:
    headers = [
        ["A", "B", "C"],
        ["a", "b", "c"],
        ["option_a", "option_b", "option_c"],
        ["OptionA", "OptionB", "OptionC"],
        ["choice 1", "choice 2", "choice 3"],
        ["0", "1", "2"],
        ["option_1", "option_2", "option_3"],
    ]
    for columns in headers:
        table = as_csv([["Question", *columns, "Answer"], ["Which?", "x", "y", "z", "y"]])
        one = the_question(write_bytes(tmp_path / "f.csv", table))
        assert (one.stem, one.options, one.answer, one.meta) == ("Which?", ("x", "y", "z"), 1, {})
    table = as_csv([["question", "options", "answer"], ["Which?", '["x", "y"]', "B"]])
    assert the_question(write_bytes(tmp_path / "f.csv", table)).answer == 1


def test_more_than_nine_numbered_columns_stay_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    columns = [f"option_{number}" for number in range(1, 13)]
    table = as_csv([["question", *columns, "answer"], ["Which?", *map(str, range(100, 112)), "111"]])
    one = the_question(write_bytes(tmp_path / "f.csv", table))
    assert (one.options[1], one.options[-1], one.answer) == ("101", "111", 11)


def test_an_empty_last_column_is_an_option_fewer_but_a_gap_moves_no_key(tmp_path: Path) -> None:
    table = as_csv(
        [["question", *"ABCD", "answer"], ["Short?", "x", "y", "z", "", "C"], ["Gap?", "x", "", "z", "w", "C"]]
    )
    good, bad = found(write_bytes(tmp_path / "f.csv", table))
    assert [(one.options, one.answer) for one in good] == [(("x", "y", "z"), 2)]
    assert (bad[0].line, bad[0].field) == (3, "options")
    assert "without a gap, not 'A, C, D'" in bad[0].problem


@pytest.mark.parametrize("options", ['["x", "y"', "[" * 100_000, "[]", "x;y", "[1, [2]]"])
def test_csv_options_that_are_no_list_are_an_error(tmp_path: Path, options: str) -> None:
    table = as_csv([["question", "options"], ["Which?", options]])
    assert the_error(write_bytes(tmp_path / "f.csv", table)).field.startswith("options")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_names_map_a_files_fields_to_ours(tmp_path: Path, kind: str) -> None:
    names = {"question": "Stem", "options": "Choices", "answer": "Key"}
    if kind == "csv":
        content = as_csv([["Nr", "Stem", "Choices", "Key"], [1, "Which?", '["x", "y"]', "y"]])
    else:
        content = json.dumps({"Nr": 1, "Stem": "Which?", "Choices": ["x", "y"], "Key": "y"})
    one = the_question(write_bytes(tmp_path / f"f.{kind}", content), Settings(names=names))
    assert (one.stem, one.options, one.answer) == ("Which?", ("x", "y"), 1)
    assert {name: str(value) for name, value in one.meta.items()} == {"Nr": "1"}


def test_options_are_mapped_as_several_columns_and_the_other_columns_are_kept(tmp_path: Path) -> None:
    table = as_csv([["Text, long", "Antwort 1", "A x", "Rest", "Key"], ["Which?", "p", "q", "z", "2"]])
    path = write_bytes(tmp_path / "f.csv", table)
    names = {"question": "Text, long", "options": "Antwort 1|A x", "answer_number": "Key"}
    one = the_question(path, Settings(names=names))
    assert (one.options, one.answer, one.meta) == (("p", "q"), 1, {"Rest": "z"})
    assert names_of(",".join(f"{ours}={theirs}" for ours, theirs in names.items())) == names
    with pytest.raises(QuestionError, match="Antwort 9: is mapped, and no column has this name"):
        list(read(path, Settings(names={**names, "options": "Antwort 1|Antwort 9"})))


def test_a_csv_header_is_known_by_mapped_names_alone(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "f.csv", as_csv([["Prompt", "A", "B", "Key"], ["Which?", "x", "y", "B"]]))
    one = the_question(path, Settings(names={"question": "Prompt", "answer": "Key"}))
    assert (one.stem, one.answer) == ("Which?", 1)


def test_a_mapped_field_takes_the_place_of_one_with_our_name_wherever_it_stands(tmp_path: Path) -> None:
    for fields in ({"answer": "prose", "key": "B"}, {"key": "B", "answer": "prose"}):
        told = {"question": "Which?", "options": ["x", "y"], **fields}
        path = write_lines(tmp_path / "f.jsonl", [told])
        assert the_question(path, Settings(names={"answer": "key"})).answer == 1


def test_an_error_in_a_mapped_field_has_the_files_own_name(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", [{"Stem": "Which?", "options": ["x", "y"], "Key": "z"}])
    error = the_error(path, Settings(names={"question": "Stem", "answer": "Key"}))
    assert error.field == "Key"
