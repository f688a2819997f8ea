from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from exports import Export, read_lines
from reasonmed.errors import QuestionError, UsageError
from reasonmed.export.importing import import_file
from reasonmed.recipe.templates import instruction
from reasonmed.types import Record

ASKED = instruction("Which drug?", ["Heparin", "Warfarin"], None)
REPLY = "<think>It thins the blood.</think>Answer: B"
LAYOUTS: dict[str, dict[str, Any]] = {
    "complex_cot": {"Question": "Which drug?", "Complex_CoT": "It thins the blood.", "Response": "Answer: B"},
    "alpaca": {"instruction": ASKED, "input": "", "output": REPLY},
    "sharegpt": {"conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": REPLY}]},
    "messages": {"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": REPLY}]},
    "prompt_completion": {
        "prompt": [{"role": "user", "content": ASKED}],
        "completion": [{"role": "assistant", "content": "Answer: B", "reasoning_content": "It thins the blood."}],
    },
}


def imported(folder: Path, *rows: object) -> list[dict[str, Any]]:
    (folder / "theirs.json").write_text(json.dumps(list(rows)), encoding="utf-8")
    import_file(folder / "theirs.json", folder / "ours.jsonl")
    return read_lines(folder / "ours.jsonl")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_becomes_a_record_with_what_it_says_and_nothing_more(layout: str, tmp_path: Path) -> None:
    (found,) = imported(tmp_path, LAYOUTS[layout])
    assert set(found) == set(Record.__struct_fields__)
    assert found["question"] == "Which drug?"
    assert found["options"] == (None if layout == "complex_cot" else ["Heparin", "Warfarin"])
    assert (found["chain_of_thought"], found["response"]) == ("It thins the blood.", "Answer: B")
    unknown = (
        *(
            "answer",
            "answer_index",
            "context",
            "tier",
            "verified",
            "answer_source",
            "score",
            "source",
            "license",
            "demo",
        ),
    )
    assert all(found[name] is None for name in unknown)
    assert found["provenance"] == {"imported_from": "theirs.json", "row": 1, "layout": layout}
    assert found["id"] == f"{found['question_id']}#1"


def test_a_reply_without_marks_is_a_response_and_no_guess_at_reasoning(tmp_path: Path) -> None:
    (found,) = imported(tmp_path, {"instruction": "Why?", "input": "Because.", "output": "So. Answer: A"})
    assert (found["question"], found["options"]) == ("Why?\nBecause.", None)
    assert (found["chain_of_thought"], found["response"]) == (None, "So. Answer: A")


def test_ids_sources_licenses_and_system_prompts_are_kept(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Be brief."}, *LAYOUTS["messages"]["messages"]]
    (found,) = imported(tmp_path, {"id": 7, "source": "MedQA", "license": "MIT", "messages": turns})
    assert (found["id"], found["source"], found["license"]) == ("7#1", "MedQA", "MIT")
    assert found["provenance"]["system"] == "Be brief."


def test_several_rows_of_one_question_are_numbered(tmp_path: Path) -> None:
    found = imported(tmp_path, LAYOUTS["alpaca"], LAYOUTS["sharegpt"])
    assert [one["id"].rpartition("#")[2] for one in found] == ["1", "2"]
    assert len({one["question_id"] for one in found}) == 1


def test_a_row_keeps_the_id_that_it_has_as_a_record(tmp_path: Path) -> None:
    one = {"question_id": "q1", **LAYOUTS["messages"]}
    found = imported(tmp_path, {**one, "id": "q1#2"}, {**one, "id": "q1#2"}, {**one, "id": "q2#1"}, one)
    assert [row["id"] for row in found] == ["q1#2", "q1#3", "q1#4", "q1#5"]


@pytest.mark.parametrize("field", ["id", "question_id"])
def test_a_row_is_left_out_whose_question_would_have_a_records_id(field: str, tmp_path: Path) -> None:
    imported(tmp_path, LAYOUTS["alpaca"], {field: "q1#1", **LAYOUTS["messages"]})
    (left,) = read_lines(tmp_path / "ours.jsonl.left_out.jsonl")
    assert f"{field}: 'q1#1' is the id of record 1 of a question 'q1'" in left["problem"]


def test_rows_that_fit_no_layout_are_counted_and_listed_with_the_reason(tmp_path: Path) -> None:
    user, assistant = LAYOUTS["messages"]["messages"]
    bad = [
        ({"text": "x"}, "fits no layout; its fields are 'text'"),
        ({"messages": [user]}, "must be one question and one reply, not 'user'"),
        ({"messages": [user, assistant, user, assistant]}, "not 'user, assistant, user, assistant'"),
        ({"messages": ["hello"]}, "must hold turns with a role and a text, not 'hello'"),
        ({"messages": [user, {"role": "assistant"}]}, "has a turn without a role or a text"),
        ({"instruction": "Why?", "output": "<think>It was cut"}, "the reply's thinking has no end"),
        ({"instruction": "Why?", "output": " "}, "has neither reasoning nor a response"),
        ({"instruction": None, "output": "x"}, "instruction: must be the question's text, not None"),
        ({"instruction": "x", "output": "x", "history": [["a", "b"]]}, "has earlier turns"),
        ({"Question": 3, "Response": "x"}, "Question: must be the question's text, not 3"),
        ("text", "must be"),
    ]
    (tmp_path / "theirs.json").write_text(json.dumps([LAYOUTS["alpaca"], *(row for row, _ in bad)]))
    told = import_file(tmp_path / "theirs.json", tmp_path / "ours.jsonl")
    assert (told.records, told.unread, told.layouts) == (1, len(bad), {"alpaca": 1})
    listed = read_lines(tmp_path / "ours.jsonl.left_out.jsonl")
    for one, (_, said) in zip(listed, bad, strict=True):
        assert said in one["problem"]
        assert f"theirs.json:{one['line']}" in one["problem"]


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        ("", QuestionError, "is empty"),
        ('[{"a": 1}]', UsageError, "no row fits a known layout"),
        ('{"instruction": "x", "outp', UsageError, "is torn or no JSON"),
        ("\udcff", QuestionError, "is not UTF-8"),
    ],
)
def test_a_file_without_a_single_record_is_an_error_and_writes_nothing(
    tmp_path: Path, content: str, error: type[Exception], said: str
) -> None:
    (tmp_path / "theirs.jsonl").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(error, match=said):
        import_file(tmp_path / "theirs.jsonl", tmp_path / "out" / "ours.jsonl")
    assert not list(tmp_path.rglob("ours*"))


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in \.jsonl or \.parquet"):
        import_file(tmp_path / "theirs.json", tmp_path / "ours.csv")


def test_parquet_has_the_canonical_columns_with_nulls(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install 'reasonmed[parquet]'")
    from reasonmed.export.formats.parquet import schema  # noqa: PLC0415 - needs pyarrow

    (tmp_path / "theirs.json").write_text(json.dumps([LAYOUTS["alpaca"], LAYOUTS["complex_cot"]]))
    import_file(tmp_path / "theirs.json", tmp_path / "ours.parquet")
    table = parquet.read_table(tmp_path / "ours.parquet")
    assert table.schema == schema()
    assert [row["answer"] for row in table.to_pylist()] == [None, None]
    assert [row["options"] for row in table.to_pylist()] == [["Heparin", "Warfarin"], None]


@pytest.mark.parametrize(
    "name",
    [
        "reasonmed-json/ReasonMed.json", "trl-sft/reasonmed/train.jsonl", "messages/reasonmed/train.jsonl",
        "llamafactory/alpaca_reasonmed.jsonl", "llamafactory/sharegpt_reasonmed.jsonl",
        "openai-ft/reasonmed/train.jsonl", "parquet/reasonmed/train.parquet",
    ],
)  # fmt: skip
def test_our_own_exports_come_back_as_they_went(exported: Export, tmp_path: Path, name: str) -> None:
    exported([name.partition("/")[0], "records"], plain=True)
    told = import_file(tmp_path / "out" / name, tmp_path / "back.jsonl")
    assert told.unread == 0
    went, back = read_lines(tmp_path / "out" / "records" / "train.jsonl"), read_lines(tmp_path / "back.jsonl")
    for one, other in zip(went, back, strict=True):
        shared = ("chain_of_thought", "response", "options")
        assert [one[field] for field in shared] == [other[field] for field in shared]
        assert other["question"] == (f"{one['context']}\n\n" if one["context"] else "") + one["question"]
