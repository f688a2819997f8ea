"""Files as people have them: nested, with options in one text, in other languages, from Excel, packed."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from question_files import found, row, the_error, the_question, write_bytes, write_lines

from reasonmed.errors import QuestionError
from reasonmed.questions import read

ASKED = (
    ("Which vessel carries blood from the lungs?", ("Pulmonary vein", "Aorta", "Vena cava", "Portal vein"), 0),
    ("Which gland makes thyroxine?", ("Pituitary", "Adrenal", "Thyroid", "Pineal"), 2),
    ("Which cells carry oxygen?", ("Platelets", "Red cells", "Mast cells", "Neurons"), 1),
)
KEYS = [key for *_, key in ASKED]


def natives() -> list[dict[str, Any]]:
    return [{"question": stem, "options": list(options), "answer": options[key]} for stem, options, key in ASKED]


def lettered(options: tuple[str, ...], form: str, between: str) -> str:
    roman, circled = ("i", "ii", "iii", "iv"), "①②③④"
    names = zip("ABCD", "abcd", "1234", "ＡＢＣＤ", roman, circled, options, strict=True)
    return between.join(form.format(A=A, a=a, n=n, W=W, r=r, c=c, x=x) for A, a, n, W, r, c, x in names)


def asked(path: Any) -> list[tuple[tuple[str, ...], int | None]]:
    good, bad = found(path)
    assert not bad, str(bad[0])
    return [(one.options, one.answer) for one in good]


RIGHT = [(options, key) for _, options, key in ASKED]
NESTED: dict[str, Any] = {
    "beside an id": lambda rows: [{"id": str(number), "data": one} for number, one in enumerate(rows)],
    "a printed map beside an id": lambda rows: [
        {"id": str(number), "data": repr(one)} for number, one in enumerate(rows)
    ],
    "viewer rows alone": lambda rows: [{"row_idx": 1, "row": one, "truncated_cells": []} for one in rows],
    "lists of lists": lambda rows: [rows[:1], rows[1:]],
    "maps of maps": lambda rows: {"heart": {"q1": rows[0]}, "blood": {"q2": rows[1], "q3": rows[2]}},
    "splits of maps": lambda rows: {"version": "2", "train": {f"q{number}": one for number, one in enumerate(rows)}},
    "columns numbered with gaps": lambda rows: {
        name: {str(7 * number): one[name] for number, one in enumerate(rows)} for name in rows[0]
    },
    "a question that is a map": lambda rows: [
        {"question": {"stem": one["question"], "choices": one["options"]}, "answerKey": one["answer"]} for one in rows
    ],
}


@pytest.mark.parametrize("form", NESTED)
@pytest.mark.parametrize("indent", [None, 1])
def test_rows_a_level_deeper_are_found(tmp_path: Any, form: str, indent: int | None) -> None:
    content = json.dumps(NESTED[form](natives()), indent=indent)
    assert asked(write_bytes(tmp_path / "f.json", content)) == RIGHT


@pytest.mark.parametrize("between", ["\n", " "])
@pytest.mark.parametrize(
    "form",
    [
        "{A}. {x}",
        "{a}) {x}",
        "({n}) {x}",
        "{n}. {x}",
        "{A}、{x}",
        "{W}．{x}",
        "【{A}】{x}",
        "{c} {x}",
        "**{A}.** {x}",
        "{r}. {x}",
    ],
)
def test_options_with_any_marks_in_one_text_or_behind_the_question_are_told_apart(
    tmp_path: Any, form: str, between: str
) -> None:
    told = [(stem, lettered(options, form, between), "ABCD"[key]) for stem, options, key in ASKED]
    apart = [{"question": stem, "options": text, "answer": key} for stem, text, key in told]
    behind = [{"question": f"{stem}{between}{text}", "answer": key} for stem, text, key in told]
    assert asked(write_lines(tmp_path / "apart.jsonl", apart)) == RIGHT
    assert asked(write_lines(tmp_path / "behind.jsonl", behind)) == RIGHT


OPTIONS: dict[str, Any] = {
    "pairs": lambda options: [[name, one] for name, one in zip("ABCD", options, strict=True)],
    "maps of one": lambda options: [{name: one} for name, one in zip("ABCD", options, strict=True)],
    "printed objects": lambda options: repr([{"key": "ABCD"[n], "value": one} for n, one in enumerate(options)]),
    "a printed tuple": lambda options: repr(tuple(options)),
    "arrays in a map": lambda options: (
        f"{{'text': array({list(options)!r}, dtype=object), 'label': array({list('ABCD')!r})}}"
    ),
    "an empty last one": lambda options: {**dict(zip("ABCD", options, strict=True)), "E": ""},
    "semicolons": "; ".join,
    "lines": "\n".join,
}


@pytest.mark.parametrize("form", OPTIONS)
def test_options_in_any_form_are_read(tmp_path: Any, form: str) -> None:
    rows = [
        {"question": stem, "options": OPTIONS[form](options), "answer": "ABCD"[key]} for stem, options, key in ASKED
    ]
    assert asked(write_lines(tmp_path / "f.jsonl", rows)) == RIGHT


@pytest.mark.parametrize(
    "text", ["['x' 'y', 'z']", "{'A': 'x', 'A': 'y'}", "[__import__('os')]", "[x for x in 'ab']", "(" * 9999]
)
def test_a_text_that_is_no_plain_literal_is_no_list_of_options(tmp_path: Any, text: str) -> None:
    assert the_error(write_lines(tmp_path / "f.jsonl", [row(options=text)])).field.startswith("options")


@pytest.mark.parametrize(
    "said",
    ["(C)", "C)", "C. Aspirin", "c) aspirin", "Option C", "optionC", "C Aspirin", "C、Aspirin", "**C**", "'C'", "Ｃ",
     "Antwort: C", "答案：C", "opción C", "The correct answer is C", "['C']", [0, 0, 1], "option_3"],
)  # fmt: skip
def test_a_key_with_words_and_signs_around_it_is_read(tmp_path: Any, said: object) -> None:
    fields = {"question": "Which?", **{f"option_{n}": x for n, x in enumerate(("Heparin", "Warfarin", "Aspirin"), 1)}}
    assert the_question(write_lines(tmp_path / "f.jsonl", [{**fields, "answer": said}])).answer == 2


@pytest.mark.parametrize("said", ["C. Heparin", "C Heparin", "Option D", [1, 1, 0], "A, C"])
def test_a_key_that_contradicts_itself_is_a_bad_row(tmp_path: Any, said: object) -> None:
    assert the_error(write_lines(tmp_path / "f.jsonl", [row(answer=said)])).field == "answer"


@pytest.mark.parametrize("wrong", ["Incorrect Answer {}", "distractor{}", "wrong_answer_{}"])
def test_the_key_and_wrong_options_in_columns_are_put_in_the_order_of_their_texts(tmp_path: Any, wrong: str) -> None:
    rows = [
        {"Question": stem, "Correct Answer": options[key], "Pre-Revision Correct Answer": "x", "Explanation": "e"}
        | {wrong.format(n): one for n, one in enumerate([*options[:key], *options[key + 1 :]], 1)}
        for stem, options, key in ASKED
    ]
    read_so = asked(write_lines(tmp_path / "f.jsonl", rows))
    assert [(set(options), options[key or 0]) for options, key in read_so] == [(set(o), o[k]) for o, k in RIGHT]
    assert len({key for _, key in read_so}) > 1
    assert all(list(options) == sorted(options, key=str.casefold) for options, _ in read_so)


HEADERS = {
    "de": ("Frage", "Antwort {}", "Lösung"),
    "fr": ("Énoncé", "Réponse {}", "Bonne réponse"),
    "es": ("Pregunta", "Opción {}", "Respuesta correcta"),
    "pt": ("Enunciado", "Alternativa {}", "Gabarito"),
    "zh": ("题目", "选项{}", "正确答案"),
    "ja": ("問題", "選択肢{}", "正解"),
    "ko": ("문제", "보기{}", "정답"),
}


def sheet(delimiter: str, question: str, option: str, key: str, begin: str = "") -> str:
    head = ["Nr", question, *(option.format(name) for name in "ABCD"), key, "Fach", ""]
    rows = [[str(n), stem, *options, "ABCD"[at], "Innere", ""] for n, (stem, options, at) in enumerate(ASKED, 1)]
    return begin + "".join(f"{delimiter.join(cells)}\r\n" for cells in [head, *rows])


@pytest.mark.parametrize("language", HEADERS)
def test_headers_in_other_languages_are_known_and_other_columns_kept(tmp_path: Any, language: str) -> None:
    path = write_bytes(tmp_path / "f.csv", sheet(";", *HEADERS[language]))
    assert asked(path) == RIGHT
    assert found(path)[0][1].meta == {"Nr": "2", "Fach": "Innere"}


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("begin", ["", "sep=;\r\n", "Prüfung 2024;;;;;;;;\r\n;;;;;;;;\r\n"])
def test_tables_of_excel_are_read_as_they_come(tmp_path: Any, encoding: str, begin: str) -> None:
    content = sheet(";", *HEADERS["de"], begin=begin).replace("gland", "Drüse")
    path = write_bytes(tmp_path / "f.csv", content.encode(encoding))
    assert asked(path) == RIGHT
    assert found(path)[0][1].stem == "Which Drüse makes thyroxine?"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Größenverhältnis für", "mac-roman"),
        ("żółta łódź wąż", "cp1250"),
        ("вопрос дня", "cp1251"),
        ("çığ şey ağrı", "cp1254"),
        ("检查问题的答案", "gbk"),
    ],
)
def test_a_table_in_an_encoding_that_cannot_be_told_is_refused(tmp_path: Any, text: str, encoding: str) -> None:
    path = write_bytes(tmp_path / "f.csv", f"question,A,B,answer\n{text},x,y,A\n".encode(encoding))
    with pytest.raises(QuestionError, match="is not UTF-8"):
        list(read(path))


def test_a_bad_row_of_a_sheet_is_named_by_line_row_and_id(tmp_path: Any) -> None:
    path = write_bytes(tmp_path / "f.csv", 'id,question,A,B,answer\nq1,"Two\nlines?",x,y,A\nq2,Which?,x,y,F\n')
    assert str(the_error(path)).startswith(
        f"{path}:4: answer: 'F' is not one of the options ['x', 'y'] (row 3 of the sheet, id 'q2')"
    )


def test_packed_files_are_read_and_torn_ones_refused(tmp_path: Any) -> None:
    packed = gzip.compress("".join(f"{json.dumps(one)}\n" for one in natives()).encode())
    assert asked(write_bytes(tmp_path / "f.jsonl.gz", packed)) == RIGHT
    with pytest.raises(QuestionError, match="compressed with gzip and torn"):
        list(read(write_bytes(tmp_path / "g.jsonl.gz", packed[:-12])))


def test_a_spreadsheet_is_read_as_it_is_shown(tmp_path: Any) -> None:
    book = pytest.importorskip("openpyxl").Workbook()
    book.active.append(["Exam of the spring"])
    book.active.append(["Frage", "Antwort A", "Antwort B", "Lösung"])
    book.active.append(["How many lobes?", 2, 3.0, "B"])
    book.active.append(["Which share?", 0.05, 0.125, "A"])
    book.active["B4"].number_format, book.active["C4"].number_format = "0%", "0.0%"
    book.active.append(["Which?", "x", "y", "Q"])
    book.create_sheet("Notes").append(["to do"])
    book.save(tmp_path / "f.xlsx")
    good, bad = found(tmp_path / "f.xlsx")
    assert [(one.options, one.answer) for one in good] == [(("2", "3"), 1), (("5%", "12.5%"), 0)]
    assert [one.line for one in bad] == [5]
    book.create_sheet("More").append(["question", "A", "B"])
    book.save(tmp_path / "g.xlsx")
    with pytest.raises(QuestionError, match="several sheets with questions"):
        list(read(tmp_path / "g.xlsx"))
