"""Files as their authors publish them, found by their look."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from question_files import found, row, the_error, the_question, write_bytes, write_lines

from reasonmed.errors import QuestionError, UsageError
from reasonmed.questions import Settings, layouts, read

if TYPE_CHECKING:
    from pathlib import Path

MEDQA = {
    "question": "A 23-year-old pregnant woman at 22 weeks gestation presents with burning. Best treatment?",
    "answer": "Nitrofurantoin",
    "options": {"A": "Ampicillin", "B": "Ceftriaxone", "C": "Doxycycline", "D": "Nitrofurantoin"},
    "meta_info": "step2&3",
    "answer_idx": "D",
    "metamap_phrases": ["23 year old pregnant woman"],
}
MEDMCQA = {
    "question": "Chronic urethral obstruction can lead to which change in the kidney?",
    "exp": "It leads to atrophy.",
    "cop": 3,
    "opa": "Hyperplasia",
    "opb": "Hyperophy",
    "opc": "Atrophy",
    "opd": "Dyplasia",
    "subject_name": "Anatomy",
    "topic_name": "Urinary tract",
    "id": "e9ad821a-c438-4965-9f77-760819dfa155",
    "choice_type": "single",
}
PUBMEDQA = {
    "QUESTION": "Do mitochondria play a role in remodelling lace plant leaves?",
    "CONTEXTS": ["Programmed cell death is the regulated death.", "The leaves were studied."],
    "LABELS": ["BACKGROUND", "RESULTS"],
    "MESHES": ["Alismataceae"],
    "YEAR": "2011",
    "reasoning_required_pred": "yes",
    "final_decision": "yes",
    "LONG_ANSWER": "Results depicted mitochondrial dynamics.",
}
ABSTRACT = "BACKGROUND: Programmed cell death is the regulated death.\n\nRESULTS: The leaves were studied."
MMLU = (
    "Which of the following is the body cavity that contains the pituitary gland?,Abdominal,Cranial,Pleural,Spinal,B\n"
)
MEDQA_HUB = {
    "id": "test-00000",
    "sent1": "Which treatment is best?",
    "sent2": "",
    "ending0": "Ampicillin",
    "ending1": "Ceftriaxone",
    "ending2": "2",
    "ending3": "Nitrofurantoin",
    "label": 3,
}
MMLU_HUB = {"question": "Which is it?", "subject": "anatomy", "choices": ["D", "2", "x", "y"], "answer": 2}
MEDXPERT = {
    "id": "Text-0",
    "question": "What is the most likely diagnosis?\nAnswer Choices: (A) one (B) two (C) three",
    "options": {name: f"option {name}" for name in "ABCDEFGHIJ"},
    "label": "J",
    "medical_task": "Diagnosis",
    "body_system": "Cardiovascular",
    "question_type": "Reasoning",
}


def medmcqa(*cops: object, **fields: Any) -> list[dict[str, Any]]:
    return [{**MEDMCQA, "id": f"m{number}", "cop": cop, **fields} for number, cop in enumerate(cops)]


def keys(path: Path, settings: Settings | None = None) -> list[int | None]:
    good, bad = found(path, settings)
    assert not bad, str(bad[0])
    return [one.answer for one in good]


def test_the_layouts_have_names() -> None:
    assert layouts() == [
        *("kormedmcqa", "medmcqa", "medqa", "medqa_hub", "medxpertqa", "mmlu", "native", "pubmedqa"),
    ]


def test_medqa_as_published_is_read(tmp_path: Path) -> None:
    one = the_question(write_lines(tmp_path / "phrases_no_exclude_train.jsonl", [MEDQA]))
    assert one.id.startswith("phrases_no_exclude_train-")
    assert one.options == ("Ampicillin", "Ceftriaxone", "Doxycycline", "Nitrofurantoin")
    assert (one.answer, one.source, one.license, one.meta) == (3, "MedQA", "MIT", {"exam_step": "step2&3"})


def test_medqa_with_five_options_or_a_list_of_them_is_read(tmp_path: Path) -> None:
    five = {**MEDQA, "options": {**MEDQA["options"], "E": "Another"}, "answer_idx": "E", "answer": "Another"}  # type: ignore[dict-item]
    listed = {**MEDQA, "options": ["x", "y", "Nitrofurantoin"], "answer_idx": "C"}
    assert keys(write_lines(tmp_path / "f.jsonl", [five, listed])) == [4, 2]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"answer_idx": "A"}, "answer_idx: is 0 ('Ampicillin'), but answer is 'Nitrofurantoin'"),
        ({"answer_idx": "E"}, "answer_idx: must be a letter from A to D, or a number, not 'E'"),
        ({"answer_idx": ["A", "D"]}, "answer_idx: several keys: ['A', 'D']"),
        ({"answer_idx": "A,D"}, "answer_idx: several keys: 'A,D'"),
        ({"options": None}, "options: is missing"),
        ({"options": {"A": "x", "C": "Nitrofurantoin"}}, "options: must be lettered A, B, C"),
        ({"question": ""}, "question: is empty"),
    ],
)
def test_a_bad_medqa_row_is_named_by_the_files_own_field(tmp_path: Path, fields: dict[str, Any], problem: str) -> None:
    good, bad = found(write_lines(tmp_path / "f.jsonl", [{**MEDQA, **fields}, MEDQA]))
    assert len(good) == 1
    assert str(bad[0]).startswith(f"{tmp_path / 'f.jsonl'}:1: {problem}")


def test_a_missing_field_of_a_layout_is_named(tmp_path: Path) -> None:
    fields = {name: value for name, value in MEDQA.items() if name != "answer_idx"}
    error = the_error(write_lines(tmp_path / "f.jsonl", [MEDQA, fields]))
    assert str(error) == f"{tmp_path / 'f.jsonl'}:2: answer_idx: is missing"


@pytest.mark.parametrize(
    ("cops", "expected"),
    [
        ([1, 4, 2], [0, 3, 1]),
        ([0, 3, 2], [0, 3, 2]),
        (["1", "4", 2.0], [0, 3, 1]),
        ([2, 1, 1, 4], [1, 0, 0, 3]),
        ([-1, 0, 1], [None, 0, 1]),
        ([-1, None, ""], [None, None, None]),
    ],
)
def test_the_base_of_cop_is_decided_over_the_whole_file(
    tmp_path: Path, cops: list[object], expected: list[int | None]
) -> None:
    assert keys(write_lines(tmp_path / "dev.json", medmcqa(*cops))) == expected


def test_a_cop_far_down_the_file_decides(tmp_path: Path) -> None:
    rows = medmcqa(*[1] * 3000, 0)
    assert keys(write_lines(tmp_path / "dev.json", rows))[0] == 1


@pytest.mark.parametrize(("cops", "problem"), [([1, 2, 3], "neither a 0"), ([0, 4], "some hold a 0")])
def test_an_undecided_base_of_cop_is_an_error_unless_it_is_given(tmp_path: Path, cops: list[int], problem: str) -> None:
    path = write_lines(tmp_path / "dev.json", medmcqa(*cops))
    with pytest.raises(
        QuestionError, match=f"(?s)dev.json: the integers in 'cop' .*{problem}.*--cop-base 0.*--cop-base 1"
    ):
        list(read(path))
    good, _ = found(path, Settings(cop_base=1))
    assert good[-1].answer == cops[-1] - 1


@pytest.mark.parametrize(
    ("cop", "problem"),
    [
        (5, "must be from 1 to 4, not 5"),
        ("E", "must be a letter from A to D, or a number, not 'E'"),
        ([1, 3], "several keys: [1, 3]"),
    ],
)
def test_a_cop_that_is_no_option_is_an_error_with_its_value(tmp_path: Path, cop: object, problem: str) -> None:
    good, bad = found(write_lines(tmp_path / "dev.json", medmcqa(4, cop, 1)))
    assert [one.answer for one in good] == [3, 0]
    assert (bad[0].line, bad[0].field) == (2, "cop")
    assert problem in bad[0].problem


def test_a_multi_choice_of_medmcqa_has_one_key(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "dev.json", medmcqa(4, 2, choice_type="multi"))
    assert keys(path) == [3, 1]
    one = next(iter(found(path)[0]))
    assert one.options == ("Hyperplasia", "Hyperophy", "Atrophy", "Dyplasia")
    told = {"choice_type": "multi", "explanation": "It leads to atrophy."}
    assert one.meta == {**told, "subject": "Anatomy", "topic": "Urinary tract"}


def test_a_missing_option_of_medmcqa_is_named_as_in_the_file(tmp_path: Path) -> None:
    error = the_error(write_lines(tmp_path / "dev.json", [*medmcqa(4), {**MEDMCQA, "opc": " "}]))
    assert str(error) == f"{tmp_path / 'dev.json'}:2: opc: is empty"


def test_medmcqa_in_csv_is_read(tmp_path: Path) -> None:
    path = write_bytes(
        tmp_path / "f.csv", "id,question,opa,opb,opc,opd,cop\nx1,Which?,a,b,c,d,4\nx2,Which?,a,b,c,d,1\n"
    )
    assert keys(path) == [3, 0]


@pytest.mark.parametrize("indent", [None, 2])
def test_pubmedqa_is_a_map_by_pmid_pretty_or_on_one_line(tmp_path: Path, indent: int | None) -> None:
    content = json.dumps({"21645374": PUBMEDQA, "16418930": {**PUBMEDQA, "final_decision": "no"}}, indent=indent)
    good, bad = found(write_bytes(tmp_path / "ori_pqal.json", content))
    assert not bad
    assert [(one.id, one.answer) for one in good] == [("pubmedqa-21645374", 0), ("pubmedqa-16418930", 1)]
    assert good[0].options == ("yes", "no", "maybe")
    assert good[0].context == ABSTRACT
    told = {"pmid": "21645374", "year": "2011"}
    assert good[0].meta == {**told, "explanation": "Results depicted mitochondrial dynamics."}


def test_rows_of_the_hub_are_pubmedqa_too(tmp_path: Path) -> None:
    context = {"contexts": PUBMEDQA["CONTEXTS"], "labels": PUBMEDQA["LABELS"], "meshes": []}
    rows = [
        {"pubid": 1, "question": "Do they?", "context": context, "long_answer": "They do.", "final_decision": "maybe"},
        {"pubid": 2, "question": "Do they?", "context": "Plain.", "long_answer": "They do.", "final_decision": "no"},
    ]
    good, bad = found(write_lines(tmp_path / "f.jsonl", rows))
    assert not bad
    assert [(one.id, one.answer, one.context) for one in good] == [
        ("pubmedqa-1", 2, ABSTRACT),
        ("pubmedqa-2", 1, "Plain."),
    ]


@pytest.mark.parametrize(
    ("fields", "context"),
    [
        ({"LABELS": ["ONE"]}, "\n\n".join(PUBMEDQA["CONTEXTS"])),
        ({"LABELS": None}, "\n\n".join(PUBMEDQA["CONTEXTS"])),
        ({"LABELS": ["A", ""]}, "A: Programmed cell death is the regulated death.\n\nThe leaves were studied."),
        ({"CONTEXTS": "Plain."}, "Plain."),
        ({"CONTEXTS": []}, None),
        ({"CONTEXTS": None}, None),
    ],
)
def test_no_section_of_an_abstract_is_lost_or_made_up(
    tmp_path: Path, fields: dict[str, Any], context: str | None
) -> None:
    path = write_bytes(tmp_path / "f.json", json.dumps({"1": {**PUBMEDQA, **fields}}))
    assert the_question(path).context == context


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"CONTEXTS": [None]}, "CONTEXTS"),
        ({"CONTEXTS": [["a"]]}, "CONTEXTS"),
        ({"CONTEXTS": 5.5, "QUESTION": None}, "QUESTION"),
        ({"QUESTION": 4}, "QUESTION"),
        ({"final_decision": "perhaps"}, "final_decision"),
        ({"final_decision": ["yes", "no"]}, "final_decision"),
        ({"id": ["x"]}, "id"),
    ],
)
def test_a_bad_pubmedqa_row_has_its_line_and_the_files_own_field(
    tmp_path: Path, fields: dict[str, Any], field: str
) -> None:
    content = json.dumps({"1": PUBMEDQA, "2": {**PUBMEDQA, **fields}}, indent=1)
    good, bad = found(write_bytes(tmp_path / "f.json", content))
    assert len(good) == 1
    line = content[: content.index('"2"')].count("\n") + 1
    assert (bad[0].line, bad[0].field) == (line, field)


def test_pubmedqa_without_labels_has_no_key(tmp_path: Path) -> None:
    fields = {name: value for name, value in PUBMEDQA.items() if name != "final_decision"}
    assert the_question(write_bytes(tmp_path / "f.json", json.dumps({"1": fields}))).answer is None


def test_a_map_with_a_row_that_is_no_object_is_still_a_map(tmp_path: Path) -> None:
    good, bad = found(write_bytes(tmp_path / "f.json", json.dumps({"1": PUBMEDQA, "2": None, "3": PUBMEDQA})))
    assert [one.id for one in good] == ["pubmedqa-1", "pubmedqa-3"]
    assert [one.problem for one in bad] == ["must be an object with question and options, not null"]


def test_a_name_that_stands_twice_in_a_map_is_an_error_and_not_lost(tmp_path: Path) -> None:
    content = f'{{"1": {json.dumps(PUBMEDQA)},\n"1": {json.dumps(PUBMEDQA)}}}'
    error = the_error(write_bytes(tmp_path / "f.json", content))
    assert str(error) == f"{tmp_path / 'f.json'}:2: id: 'pubmedqa-1' stands twice, first on line 1"


def test_mmlu_as_published_is_read(tmp_path: Path) -> None:
    content = f'{MMLU}"A question, with\na ""quoted"" line",B,A,8,"x, y",A\n'
    good, bad = found(write_bytes(tmp_path / "anatomy_test.csv", content))
    assert not bad
    assert [one.answer for one in good] == [1, 0]
    assert good[0].options == ("Abdominal", "Cranial", "Pleural", "Spinal")
    assert good[1].stem == 'A question, with\na "quoted" line'
    assert good[1].options == ("B", "A", "8", "x, y")
    assert (good[0].source, good[0].license) == ("MMLU", "MIT")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Which,one?,a,b,c,d,A\n", "has 7 columns, not 6"),
        ("Which?,a,b,c,A\n", "has 5 columns, not 6"),
        ("Which?,a,b,,d,A\n", "options[2]: is empty"),
        (",a,b,c,d,A\n", "question: is empty"),
        ("Which?,a,b,c,d,E\n", "answer: must be the key's letter, A to D, not 'E'"),
        ("Which?,a,b,c,d,\n", "answer: must be the key's letter, A to D, not ''"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_bad_mmlu_row_is_named_with_its_line(tmp_path: Path, line: str, problem: str, *, first: bool) -> None:
    good, bad = found(write_bytes(tmp_path / "f.csv", line + MMLU if first else MMLU + line))
    assert len(good) == 1
    assert str(bad[0]).startswith(f"{tmp_path / 'f.csv'}:{1 if first else 2}: {problem}")


def test_medxpertqa_as_published_is_read(tmp_path: Path) -> None:
    listed = [{"letter": name, "content": f"option {name}"} for name in "ABCDEFGHIJ"]
    rows = [MEDXPERT, {**MEDXPERT, "id": "Text-1", "options": listed, "label": "A"}]
    good, bad = found(write_lines(tmp_path / "medxpertqa.jsonl", rows))
    assert not bad
    assert [(one.id, one.answer, len(one.options)) for one in good] == [("Text-0", 9, 10), ("Text-1", 0, 10)]
    assert good[0].stem == "What is the most likely diagnosis?"
    assert good[0].options == good[1].options
    assert good[0].meta == {"task": "Diagnosis", "subject": "Cardiovascular", "question_type": "Reasoning"}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"label": "K"}, "label: 'K' is not one of the options"),
        ({"label": ["A", "B"]}, "label: several keys: ['A', 'B']"),
        (
            {"options": [{"letter": ["A"], "content": "x"}, {"letter": "B", "content": "y"}]},
            "options[0]: must be a text",
        ),
        (
            {"options": [{"letter": "A", "content": "x"}, {"letter": "A", "content": "y"}]},
            "options: a letter stands twice",
        ),
        ({"options": [{"letter": "A", "content": None}, {"letter": "B", "content": "y"}]}, "options: must be lettered"),
        ({"options": "none"}, "options: must be a list of texts"),
        ({"question": 7}, "question: must be a text, not 7"),
    ],
)
def test_a_bad_medxpertqa_row_is_named(tmp_path: Path, fields: dict[str, Any], problem: str) -> None:
    good, bad = found(write_lines(tmp_path / "f.jsonl", [{**MEDXPERT, "id": "x", **fields}, MEDXPERT]))
    assert len(good) == 1
    assert str(bad[0]).startswith(f"{tmp_path / 'f.jsonl'}:1: {problem}")


def test_a_question_of_medxpertqa_with_endless_white_space_is_read_at_once(tmp_path: Path) -> None:
    stem = "What?" + "\n" * 200_000 + "Answer Choices: (A) one"
    assert the_question(write_lines(tmp_path / "f.jsonl", [{**MEDXPERT, "question": stem}])).stem == "What?"


def test_a_layout_can_be_given_by_name(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", [row(answer="B")])
    assert the_question(path, Settings("native")).answer == 1
    assert the_error(path, Settings("medqa")).field == "answer_idx"


@pytest.mark.parametrize(
    "name", ["medqua", "_build", "_files", "..native", ".", "a b", "json", "json.decoder", "x.y.z", "a\0.b"]
)
def test_a_layout_that_does_not_exist_is_a_usage_error_with_those_that_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(read(write_lines(tmp_path / "f.jsonl", [row()]), Settings(name)))
    assert repr(name)[1:-1] in str(caught.value)
    assert "there are kormedmcqa, medmcqa, medqa" in str(caught.value) or "is no reader" in str(caught.value)


def test_a_reader_of_ones_own_is_found_by_its_dotted_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "own_readers"
    package.mkdir()
    write_bytes(package / "__init__.py", "")
    write_bytes(
        package / "trivia.py",
        "from reasonmed.questions import Raw\n"
        "def matches(fields): return False\n"
        "def read(fields):\n"
        "    meta = {'size': fields.__len__} if 'odd' in fields else {'size': len(fields)}\n"
        "    return Raw(question=fields['q'], options=['x', 'y'], meta=meta)\n",
    )
    monkeypatch.syspath_prepend(tmp_path)
    rows = [{"q": "Which?", "x": 1}, {"x": 1}, {"q": "What?", "odd": 1}]
    good, bad = found(write_lines(tmp_path / "f.jsonl", rows), Settings("own_readers.trivia"))
    sys.modules.pop("own_readers.trivia")
    assert [(one.stem, one.meta) for one in good] == [("Which?", {"size": 2})]
    assert str(bad[0]).endswith(":2: q: is missing")
    assert ":3: meta: cannot be kept (" in str(bad[1])


def test_an_unknown_layout_is_one_error_that_shows_its_fields_and_the_mend(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", [{"Prompt": "Which?", "Choices": ["x", "y"], "Key": "y"}] * 3)
    with pytest.raises(QuestionError, match=r"f\.jsonl:1: .*its fields are Prompt, Choices, Key.*--map question=Stem"):
        list(read(path))


def test_an_unknown_csv_header_is_shown_with_its_cells(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "f.csv", "Prompt;A;B\nWhich?;x;y\n")
    with pytest.raises(QuestionError, match=r"f\.csv:1: .*its fields are Prompt;A;B\."):
        list(read(path))


def test_a_thousand_unknown_fields_are_not_all_shown(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "f.jsonl", [{f"field {number} {'x' * 200}": 1 for number in range(1000)}])
    with pytest.raises(QuestionError, match="and 980 more") as caught:
        list(read(path))
    assert len(str(caught.value)) < 2000


FIRST = {"native": row(id="n"), "medqa": MEDQA, "medmcqa": {**MEDMCQA, "cop": 4}, "medxpertqa": MEDXPERT}
STRAYS = {**FIRST, "pubmedqa": {"id": "p", **PUBMEDQA}, "keyless": row(id="k", answer=None)}


@pytest.mark.parametrize("first", [*FIRST, "pubmedqa"])
@pytest.mark.parametrize("stray", STRAYS)
def test_a_row_of_another_layout_is_an_error_or_keeps_its_key(tmp_path: Path, first: str, stray: str) -> None:
    """A key of another layout never gets lost, so that its question would seem to have none."""
    good, bad = found(write_lines(tmp_path / "f.jsonl", [STRAYS[first], {**STRAYS[stray], "id": "stray"}]))
    if bad:
        assert first != stray
        assert [one.line for one in bad] == [2]
        return
    alone = the_question(write_lines(tmp_path / "f.jsonl", [{**STRAYS[stray], "id": "stray"}]))
    assert good[1].answer == alone.answer
    assert good[1].options == alone.options


@pytest.mark.parametrize("name", FIRST)
def test_a_broken_first_row_does_not_hide_the_layout(tmp_path: Path, name: str) -> None:
    path = write_lines(tmp_path / "f.jsonl", [{"note": "exported in May"}, 5, FIRST[name]])
    good, bad = found(path)
    assert len(good) == 1
    assert [one.line for one in bad] == [1, 2]


def test_a_label_that_is_no_key_does_not_make_a_file_medxpertqa(tmp_path: Path) -> None:
    one = the_question(write_lines(tmp_path / "f.jsonl", [row(label="B", source="Mine")]))
    assert (one.answer, one.source, one.license) == (1, "Mine", None)


def test_medqa_of_the_hub_is_read(tmp_path: Path) -> None:
    one = the_question(write_lines(tmp_path / "test.json", [MEDQA_HUB]))
    assert (one.id, one.stem, one.answer) == ("test-00000", "Which treatment is best?", 3)
    assert one.options == ("Ampicillin", "Ceftriaxone", "2", "Nitrofurantoin")
    assert (one.source, one.context) == ("MedQA", None)


def test_a_label_of_medqa_is_an_index_also_where_it_is_an_options_text(tmp_path: Path) -> None:
    assert keys(write_lines(tmp_path / "test.json", [{**MEDQA_HUB, "label": 2}])) == [2]
    assert keys(write_lines(tmp_path / "t.json", [{**MEDQA_HUB, "label": 0, "ending1": "0"}])) == [0]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"label": 4}, "label: must be the key's index, from 0 to 3, not 4"),
        ({"label": "D"}, "label: must be the key's index, from 0 to 3, not 'D'"),
        ({"label": True}, "label: must be the key's index, from 0 to 3, not True"),
        ({"label": -1}, "label: must be the key's index, from 0 to 3, not -1"),
        ({"sent2": "A passage."}, "sent2: must be empty, as in MedQA, not 'A passage.'"),
        ({"sent1": " "}, "sent1: is empty"),
        ({"ending2": None}, "ending2: is missing"),
    ],
)
def test_a_bad_row_of_medqa_of_the_hub_is_named_by_its_field(
    tmp_path: Path, fields: dict[str, Any], problem: str
) -> None:
    good, bad = found(write_lines(tmp_path / "test.json", [{**MEDQA_HUB, **fields}, MEDQA_HUB]))
    assert len(good) == 1
    assert str(bad[0]) == f"{tmp_path / 'test.json'}:1: {problem}"


def test_rows_of_other_data_sets_with_the_fields_of_medqa_of_the_hub_are_not_taken_for_it(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="no reader knows"):
        list(read(write_lines(tmp_path / "f.jsonl", [{**MEDQA_HUB, "startphrase": "He", "gold-source": "gold"}])))


def test_mmlu_of_the_hub_is_read_with_its_subject_and_its_key_as_an_index(tmp_path: Path) -> None:
    one = the_question(write_lines(tmp_path / "test.jsonl", [MMLU_HUB]))
    assert (one.answer, one.options, one.meta) == (2, ("D", "2", "x", "y"), {"subject": "anatomy"})
    assert (one.source, one.license) == ("MMLU", "MIT")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"answer": 4}, "answer: must be from 0 to 3, not 4"),
        ({"answer": "D"}, "answer: must be the key's index, not 'D'"),
        ({"choices": "D"}, "choices: must be a list of texts, not 'D'"),
    ],
)
def test_a_bad_row_of_mmlu_of_the_hub_is_named_by_its_field(
    tmp_path: Path, fields: dict[str, Any], problem: str
) -> None:
    good, bad = found(write_lines(tmp_path / "test.jsonl", [MMLU_HUB, {**MMLU_HUB, **fields}]))
    assert len(good) == 1
    assert str(bad[0]) == f"{tmp_path / 'test.jsonl'}:2: {problem}"


def test_rows_may_be_numbered_so_that_equal_ones_stay_apart(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "test.jsonl", [MMLU_HUB, MMLU_HUB])
    good, bad = found(path, Settings(numbered="anatomy-test"))
    assert not bad
    assert [one.id for one in good] == ["anatomy-test-1", "anatomy-test-2"]
    assert "stands twice" in str(found(path)[1][0])
