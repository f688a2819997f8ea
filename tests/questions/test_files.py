"""Whatever a file holds, reading it gives questions and errors that say what is wrong, and never a traceback."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from question_files import found, row, the_error, the_question, write_bytes, write_lines

from reasonmed.errors import QuestionError
from reasonmed.questions import Settings, layouts, read
from reasonmed.questions._lint import native_row
from reasonmed.types import Question

QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
GOOD = json.dumps(row())
BOM = b"\xef\xbb\xbf"


def refusal(path: Path) -> str:
    """The error with which a whole file is refused."""
    with pytest.raises(QuestionError) as caught:
        list(read(path))
    assert caught.value.file == str(path)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b" ", b"\n\r\n\t ", BOM, BOM + b"\n", b"\n" * 200_000])
def test_a_file_without_content_is_empty(tmp_path: Path, content: bytes) -> None:
    path = write_bytes(tmp_path / "f.jsonl", content)
    assert refusal(path) == f"{path}: is empty"


def test_a_missing_file_and_a_folder_are_refused_with_the_reason(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.json").endswith("none.json: cannot be read: No such file or directory")
    assert refusal(tmp_path).endswith(": cannot be read: Is a directory")
    assert refusal(tmp_path / ("x" * 400)).endswith(": cannot be read: File name too long")


def test_a_pipe_is_refused_because_it_could_be_read_only_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe or a device" in refusal(tmp_path / "pipe")
    assert "is a pipe or a device" in refusal(Path("/dev/null"))


def test_content_behind_much_white_space_is_found(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "f.jsonl", "\n" * 200_000 + GOOD)
    assert the_question(path).answer == 1
    assert the_error(write_bytes(path, "\n" * 200_000 + GOOD + "\n5")).line == 200_002


@pytest.mark.parametrize("content", [f"[{GOOD}]", GOOD, f'{{"1": {GOOD}}}', "question,A,B,answer\nWhich?,x,y,B"])
def test_a_byte_order_mark_is_not_part_of_the_content(tmp_path: Path, content: str) -> None:
    assert the_question(write_bytes(tmp_path / "f", BOM + content.encode())).answer == 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("content", [f"[{GOOD}]", GOOD, "question,A,B,answer\nWhich?,x,y,B"])
def test_wide_characters_are_refused_with_the_mend(tmp_path: Path, encoding: str, content: str) -> None:
    name = encoding[:6].upper()
    assert f"is {name}; convert it: iconv -f {name}" in refusal(write_bytes(tmp_path / "f", content.encode(encoding)))


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("content", [f"[{GOOD}]", GOOD, "question\tA\tB\tanswer\nWhich?\tx\ty\tB"])
def test_utf_16_with_its_mark_is_read(tmp_path: Path, content: str, mark: str) -> None:
    written = (mark + content).encode("utf-16-be") if mark else content.encode("utf-16")
    assert the_question(write_bytes(tmp_path / "f", written)).answer == 1


@pytest.mark.parametrize(
    "content",
    [
        "[\n{good},\n{bad}]",
        '{{"1": {{\n"a":\n{bad}}}}}',
        '{{\n"a": 1,\n"b": {bad}}}',
    ],
)
def test_bytes_that_are_not_utf_8_are_refused_with_line_and_byte(tmp_path: Path, content: str) -> None:
    text = content.format(good=GOOD, bad=json.dumps(row(question="What is café?"), ensure_ascii=False))
    path = write_bytes(tmp_path / "f", text.encode("latin-1"))
    assert refusal(path).startswith(f"{path}:3: is not UTF-8 (byte 0xe9); convert it: iconv")


def test_a_json_line_that_is_not_utf_8_is_one_bad_row(tmp_path: Path) -> None:
    lines = [GOOD.encode(), json.dumps(row(question="café"), ensure_ascii=False).encode("latin-1"), GOOD.encode()[:-1]]
    good, bad = found(write_bytes(tmp_path / "f.jsonl", b"\n".join(lines)))
    assert len(good) == 1
    assert [one.line for one in bad] == [2, 3]
    assert "is not valid JSON: is not UTF-8 (byte 0xe9)" in bad[0].problem


def test_every_kind_of_line_end_is_read_and_counted(tmp_path: Path) -> None:
    rows = [json.dumps(row(id=name)) for name in "abc"]
    table = ["question,A,B,answer", "Which?,x,y,B", "What?,x,y,C"]
    for end in ("\n", "\r\n"):
        good, bad = found(write_bytes(tmp_path / "f.jsonl", end.join([rows[0], "", *rows[1:], "oops", ""])))
        assert ([one.id for one in good], [one.line for one in bad]) == (["a", "b", "c"], [5])
        good, bad = found(write_bytes(tmp_path / "f.json", f"[{end}{f',{end}'.join([*rows, '5'])}{end}]{end}"))
        assert ([one.id for one in good], [one.line for one in bad]) == (["a", "b", "c"], [5])
        good, bad = found(write_bytes(tmp_path / "f.csv", end.join(table)))
        assert ([one.answer for one in good], [one.line for one in bad]) == ([1], [3])


def test_a_torn_last_line_is_named_with_its_number(tmp_path: Path) -> None:
    torn = GOOD[:40]
    good, bad = found(write_bytes(tmp_path / "f.jsonl", f"{GOOD}\n{torn}"))
    assert len(good) == 1
    assert bad[0].line == 2
    assert bad[0].problem == f"is not valid JSON: Input data was truncated: {torn}"


def test_a_torn_only_line_is_named(tmp_path: Path) -> None:
    assert "is torn or no JSON" in the_error(write_bytes(tmp_path / "f.jsonl", GOOD[:40])).problem


@pytest.mark.parametrize("length", range(1, len(GOOD) + 3, 7))
def test_a_list_torn_anywhere_gives_the_rows_before_and_one_error(tmp_path: Path, length: int) -> None:
    content = f"[\n{json.dumps(row(id='first'))},\n{GOOD}]"
    cut = content.index(GOOD) + length - 2
    good, bad = found(write_bytes(tmp_path / "f.json", content[:cut]))
    assert len(good) == 1 + (length - 2 == len(GOOD))
    assert len(bad) == 1
    assert bad[0].line in (2, 3)
    assert "is torn or no JSON" in bad[0].problem
    assert "nothing after it can be read" in bad[0].problem


@pytest.mark.parametrize(
    "content",
    [
        f"[{GOOD} {GOOD}]",
        f"[{GOOD}]\n[{GOOD}]",
        f"[{GOOD}]{GOOD}",
        f"[{GOOD}, oops]",
        f"[{GOOD};{GOOD}]",
        f"[{GOOD}}}",
        f'{{"1": {GOOD}, "2" {GOOD}}}',
        f'{{"1": {GOOD}, 2: {GOOD}}}',
        f'{{"1": {GOOD}}} {GOOD}',
    ],
)
def test_nothing_in_a_broken_list_or_map_is_passed_over_in_silence(tmp_path: Path, content: str) -> None:
    good, bad = found(write_bytes(tmp_path / "f.json", content))
    assert len(good) == 1
    assert "nothing after it can be read" in bad[0].problem


def test_a_comma_behind_the_last_row_is_forgiven(tmp_path: Path) -> None:
    assert the_question(write_bytes(tmp_path / "f.json", f"[{GOOD},\n]")).answer == 1


def test_an_empty_list_holds_no_questions(tmp_path: Path) -> None:
    assert found(write_bytes(tmp_path / "f.json", "[ ]\n")) == ([], [])


def test_objects_on_several_lines_each_are_read(tmp_path: Path) -> None:
    one, two = (json.dumps(row(id=name), indent=2) for name in "ab")
    assert the_question(write_bytes(tmp_path / "f.json", one)).id == "a"
    good, bad = found(write_bytes(tmp_path / "f.json", f"{one}\n{two}\n[1]"))
    assert [question.id for question in good] == ["a", "b"]
    assert bad[0].line == 2 + one.count("\n") + two.count("\n") + 1


def test_a_single_object_on_one_line_is_a_row_also_if_it_holds_maps(tmp_path: Path) -> None:
    fields = row(options={"A": "x", "B": "y"}, meta={"a": {}}, answer="B")
    assert the_question(write_bytes(tmp_path / "f.json", json.dumps(fields))).answer == 1
    only_maps = {"options": fields["options"], "meta": {}}
    assert "its fields are options, meta" in refusal(write_bytes(tmp_path / "f.json", json.dumps(only_maps)))


@pytest.mark.parametrize("value", ["5", '"a"', "null", "[1]", "true", "1e5"])
def test_json_that_is_no_object_is_an_error_of_its_row(tmp_path: Path, value: str) -> None:
    for content in (f"{GOOD}\n{value}", f"[{GOOD},\n{value}]"):
        good, bad = found(write_bytes(tmp_path / "f", content))
        assert len(good) == 1
        assert str(bad[0]) == f"{tmp_path / 'f'}:2: must be an object with question and options, not {value}"


@pytest.mark.parametrize("content", ["5", '"text"', "null", "{}", "{}\n{}", "\u3000"])
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, content: str) -> None:
    assert "has a layout that no reader knows" in refusal(write_bytes(tmp_path / "f", content))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (r'"\ud83d"', "surrogate"),
        (r'"\ude00 alone"', "surrogate"),
        ('"a\0b"', "invalid character"),
        ('"a\x1bb"', "invalid character"),
        ('"a\nb"', "is not valid JSON"),
        ("NaN", "is missing"),
        ("-Infinity", "is not valid JSON"),
        ("9" * 5000, "out of range"),
        ("1e999", "out of range"),
    ],
)
def test_a_value_that_is_no_strict_json_spoils_its_row_alone(tmp_path: Path, value: str, problem: str) -> None:
    broken = GOOD.replace('"Which drug?"', value)
    good, bad = found(write_bytes(tmp_path / "f.json", f"[{broken},\n{GOOD}]"))
    assert ([one.stem for one in good], [one.line for one in bad]) == (["Which drug?"], [1])
    assert problem in bad[0].problem
    if "\n" not in value:
        good, bad = found(write_bytes(tmp_path / "f.jsonl", f"{broken}\n{GOOD}\n"))
        assert ([one.stem for one in good], [one.line for one in bad]) == (["Which drug?"], [1])


def test_escaped_control_characters_and_whole_surrogate_pairs_are_text(tmp_path: Path) -> None:
    stem = "a\0b\x1b[31m\u202e \N{GRINNING FACE} \N{COMBINING ACUTE ACCENT}漢字"
    for content in (json.dumps(row(question=stem)), json.dumps([row(question=stem)])):
        assert the_question(write_bytes(tmp_path / "f", content)).stem == stem


@pytest.mark.parametrize("depth", [150, 900, 3000, 200_000])
def test_deep_nesting_is_an_error_and_no_overflow(tmp_path: Path, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    fields = GOOD[:-1] + f', "meta": {{"deep": {deep}}}}}'
    contents = [f"{GOOD}\n{fields}\n", f"[{GOOD},{fields}]", f'{{"1": {GOOD}, "2": {fields}}}', f"{GOOD}\n{deep}"]
    for content in contents:
        good, bad = found(write_bytes(tmp_path / "f", content))
        assert len(good) == 1
        assert len(bad) == 1
    for content in (deep, "[" * depth, '{"a":' * depth, f"{deep},a"):
        path = write_bytes(tmp_path / "f", content)
        assert all(isinstance(one, QuestionError) for one in read(path))


def test_a_huge_row_is_read_and_a_huge_bad_value_is_not_repeated_in_full(tmp_path: Path) -> None:
    stem = "word " * 300_000 + "end"
    for content in (json.dumps(row(question=stem)) + "\n", json.dumps([row(question=stem)])):
        assert the_question(write_bytes(tmp_path / "f", content)).stem == stem
    for fields in (row(answer=stem), row(options=stem), row(options=[stem]), row(answer=[stem, stem]), row(id=[stem])):
        assert len(str(the_error(write_lines(tmp_path / "f", [fields])))) < 1000


def test_a_huge_first_line_is_still_told_from_a_map(tmp_path: Path) -> None:
    huge = json.dumps(row(question="word " * 400_000, id="huge"))
    good, bad = found(write_bytes(tmp_path / "f", f"{huge}\noops\n{GOOD}\n"))
    assert ([len(good)], [one.line for one in bad]) == ([2], [2])
    good, bad = found(write_bytes(tmp_path / "f", f'{{"1": {huge}, "2": {GOOD}}}\n'))
    assert ([one.id for one in good], bad) == (["huge", "2"], [])


def test_a_huge_cell_of_a_table_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "f.csv", f"question,A,B\n{'x' * 200_000},x,y\nWhich?,x,y\n")
    good, bad = found(path)
    assert len(good) == 1
    assert str(bad[0]) == f"{path}:2: is not valid CSV: field larger than field limit (131072)"


def test_csv_with_quotes_and_line_ends_in_cells_is_read(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "f.csv", 'question,A,B,answer\n\n"Which ""drug"",\nnow?","x, y",z,B\nWhat?,x,y,C\n')
    good, bad = found(path)
    assert [(one.stem, one.options, one.answer) for one in good] == [('Which "drug",\nnow?', ("x, y", "z"), 1)]
    assert (bad[0].line, bad[0].field) == (5, "answer")


def test_ragged_csv_rows_are_errors_with_their_lines(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "f.csv", "question,A,B,answer\nWhich?,x,y\nWhich?,x,y,B\nWhich,one?,x,y,B\n,,,\n")
    good, bad = found(path)
    assert len(good) == 1
    assert [(one.line, one.problem) for one in bad] == [
        (2, "has 3 columns, the header has 4"),
        (4, "has 5 columns, the header has 4"),
    ]


def test_a_quote_left_open_is_an_error_and_takes_no_row_with_it_in_silence(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "f.csv", 'question,A,B\nOne?,x,y\nTwo?,x,"y\nThree?,x,y\n')
    good, bad = found(path)
    assert [one.stem for one in good] == ["One?"]
    assert bad[0].line == 3
    assert "a quote may be left open: lines 3 to 4 are lost with it" in bad[0].problem


def test_text_behind_a_closing_quote_is_an_error_of_its_row(tmp_path: Path) -> None:
    good, bad = found(write_bytes(tmp_path / "f.csv", 'question,A,B\nOne?,"x"z,y\nTwo?,x,y\n'))
    assert ([one.stem for one in good], [one.line for one in bad]) == (["Two?"], [2])


def test_a_csv_header_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "f.csv", "question,A,B,B,answer\nWhich?,x,y,z,B\n")
    assert refusal(path) == f"{path}:1: B: is the name of several columns"


def test_a_csv_header_alone_holds_no_questions(tmp_path: Path) -> None:
    assert found(write_bytes(tmp_path / "f.csv", "question,A,B,answer\n\n")) == ([], [])


def test_a_nul_in_a_table_is_text(tmp_path: Path) -> None:
    assert the_question(write_bytes(tmp_path / "f.csv", "question,A,B\nWhi\0ch?,x,y\n")).stem == "Whi\0ch?"


JSON_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["A", "B", "x", "y"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ABCDE"), inner, max_size=4),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        *("id", "question", "options", "answer", "answer_index", "context", "source", "meta", "answer_idx", "label"),
        *("cop", "opa", "opb", "opc", "opd", "QUESTION", "CONTEXTS", "LABELS", "final_decision", "long_answer"),
        *("pubid", "A", "B", "C", "0", "1", "option_a"),
    ]
)
FIELDS = st.dictionaries(NAMES, JSON_VALUE, max_size=8)
LIKELY = st.fixed_dictionaries({"question": st.just("Which?"), "options": st.just(["x", "y"])})


@QUICK
@given(
    rows=st.lists(FIELDS | st.builds(dict.__or__, LIKELY, FIELDS), max_size=3),
    layout=st.sampled_from([None, *layouts()]),
)
def test_rows_of_any_content_are_questions_that_come_back_or_errors(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], layout: str | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    several = all_of(write_bytes(path, json.dumps(rows)), Settings(layout, cop_base=1))
    for one in several:
        if isinstance(one, Question):
            again = msgspec.json.decode(msgspec.json.encode(native_row(one)))
            back = the_question(write_lines(path, [again]))
            assert (back.id, back.stem, back.options, back.answer) == (one.id, one.stem, one.options, one.answer)
        else:
            assert len(str(one)) < 2000


@QUICK
@given(
    content=st.binary(max_size=60), prefix=st.sampled_from([b"", b"[", b"{", b'{"a":', b"question,A,B\n", b"PAR1", BOM])
)
def test_any_bytes_are_questions_or_errors(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, prefix: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    all_of(write_bytes(path, prefix + content), Settings())


@QUICK
@given(data=st.data())
def test_a_good_file_with_some_bytes_changed_is_questions_or_errors(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    kinds = [f"[{GOOD},\n{GOOD}]", f"{GOOD}\n{GOOD}", f'{{"1": {GOOD}}}', 'question,A,B\n"Which?",x,y\n']
    content = data.draw(st.sampled_from(kinds)).encode()
    at = data.draw(st.integers(0, len(content)))
    cut = data.draw(st.integers(0, 3))
    changed = content[:at] + data.draw(st.binary(max_size=3)) + content[at + cut :]
    all_of(write_bytes(tmp_path_factory.getbasetemp() / "changed", changed), Settings())


def all_of(path: Path, how: Settings) -> list[Question | QuestionError]:
    """Everything in a file; a file that is refused as a whole is one error."""
    try:
        return list(read(path, how))
    except QuestionError as refused:
        return [refused]
