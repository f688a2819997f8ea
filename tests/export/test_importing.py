from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from exports import Export, read_lines
from reasonmed.checks import Plan, check
from reasonmed.checks.inputs import find_input
from reasonmed.engine.ledger import encode
from reasonmed.errors import QuestionError, UsageError
from reasonmed.export import Settings as ExportSettings
from reasonmed.export._view import Row
from reasonmed.export.formats.trl_sft import rows_of
from reasonmed.export.importing import import_file
from reasonmed.pipeline.stages.rank import keep_chain
from reasonmed.questions import Settings
from reasonmed.recipe.templates import instruction
from reasonmed.runs.layouts import story_source, writer
from reasonmed.runs.records import Facts, question_of, record_in, records_of
from reasonmed.types import Failure, Kept, Question, Record, Story, Tier
from support import WORDS, judged_story, question

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
    assert {*found, "meta"} == set(Record.__struct_fields__)
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
        ("\udc81", QuestionError, "is not UTF-8"),
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
    from reasonmed.export.formats.parquet import schema

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


def own(folder: Path, stage: str, layout: str) -> list[dict[str, Any]]:
    """What an agent's command writes of one finished story and one failed one, imported."""
    asked = question("q1", source="MedQA", license="MIT")
    made = replace(judged_story("cce"), question=asked, tier=Tier.EASY)
    kept = replace(keep_chain(made, 0), response="Answer: B", score=8, justification="sound")
    failed = Story(question("q2"), failure=Failure("no_chain", "none came"))
    rows = [row for one in (replace(made, kept=(kept,)), failed) for row in writer(layout)(one, stage)]
    (folder / "theirs.json").write_bytes(encode(rows))
    told = import_file(folder / "theirs.json", folder / "ours.jsonl")
    assert (told.records, told.unread) == (1, 1)
    (left,) = read_lines(folder / "ours.jsonl.left_out.jsonl")
    assert "'q2' failed: no_chain" in left["problem"]
    return read_lines(folder / "ours.jsonl")


@pytest.mark.parametrize("layout", ["native", "original"])
@pytest.mark.parametrize("stage", ["refine", "summarize", "score"])
def test_what_our_own_agents_wrote_keeps_key_tier_and_chain(stage: str, layout: str, tmp_path: Path) -> None:
    (found,) = own(tmp_path, stage, layout)
    assert {*found, "meta", "steps", "step_share"} == set(Record.__struct_fields__)
    assert (found["id"], found["question_id"], found["answer"], found["answer_index"]) == ("q1#1", "q1", "Warfarin", 1)
    assert (found["tier"], found["source"], found["license"], found["demo"]) == ("easy", "MedQA", "MIT", None)
    assert found["chain_of_thought"] == f"text 0 {WORDS}"
    assert found["response"] == "Answer: B"
    assert (found["provenance"]["layout"], found["provenance"]["row"]) == (layout, 1)
    if layout == "native":
        assert (found["verified"], found["score"], found["provenance"]["verdict"]["outcome"]) == (True, 8, "correct")


def test_a_story_that_is_not_finished_is_left_out_with_the_reason(tmp_path: Path) -> None:
    stories = [judged_story("ccc"), replace(judged_story("ccc"), question=question("q2", None), kept=())]
    (tmp_path / "theirs.json").write_bytes(encode(stories))
    with pytest.raises(UsageError, match="'q1' has no kept chain of thought yet"):
        import_file(tmp_path / "theirs.json", tmp_path / "ours.jsonl")


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_imported_records_without_options_are_summarized_scored_and_checked(ending: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pip install 'reasonmed[parquet]'")
    rows = [LAYOUTS["complex_cot"], LAYOUTS["alpaca"], {**LAYOUTS["complex_cot"], "Question": "Why?"}]
    (tmp_path / "theirs.json").write_text(json.dumps(rows))
    path = tmp_path / f"ours.{ending}"
    import_file(tmp_path / "theirs.json", path)
    stories = list(story_source(path, None, Settings(open_ended=True))())
    assert [one.question.options for one in stories if isinstance(one, Story)] == [(), ("Heparin", "Warfarin"), ()]
    refused = list(story_source(path, None, Settings())())
    assert [isinstance(one, QuestionError) for one in refused] == [True, False, True]
    made = find_input(path, Settings())
    report = check(made, Plan(near=False), BytesIO(), lambda _: None)
    assert (made.kind, report.counts.records, "input.bad_row" in report.counts.rules) == ("records", 3, False)


def test_the_reference_of_a_record_without_options_is_its_answer() -> None:
    asked = Question("q1", "Why?", (), reference="Vitamin D")
    (record,) = records_of(Story(asked, kept=(Kept("Because of the sun.", "m"),)), Facts(demo=False, prompts={}), {})
    assert (record.options, record.answer, record.answer_index) == ((), "Vitamin D", None)
    assert question_of(record_in(asdict(record))) == asked


def test_training_texts_of_a_record_without_options_end_as_they_are() -> None:
    asked = Question("q1", "Why?", (), context="A passage.")
    story = Story(asked, kept=(Kept("Because of the sun.", "m", response="The sun."),))
    (record,) = records_of(story, Facts(demo=False, prompts={}), {})
    rows = dict(rows_of(Row(record, "train", story), ExportSettings()))
    assert rows["responsemed"]["prompt"] == [{"role": "user", "content": "A passage.\n\nWhy?"}]
    assert rows["responsemed"]["completion"][0]["content"] == "The sun."
    assert rows["reasonmed"]["completion"][0]["content"] == "<think>\nBecause of the sun.\n</think>\n\nThe sun."


def test_the_layouts_of_m1_medreason_and_ii_medical_become_records(tmp_path: Path) -> None:
    asked = "Which drug?\nA. Heparin\nB. Warfarin"
    m1 = {"prompt": asked, "reasoning": "It thins.", "distilled_answer_string": "B it is.", "answer_letter": "B"}
    choices = "Answer Choices:\nA. Heparin\nB. Warfarin"
    rows = [
        m1,
        {**m1, "prompt": "Which drug?", "answer_letter": "B"},
        {"question": "Which drug?", "options": choices, "reasoning": "It thins.", "answer": "B it is."},
        {"question": "Which drug?", "options": None, "reasoning": "It thins.", "answer": "B it is."},
        {"model": "m", "question": "Other words", "problem": "", **LAYOUTS["messages"]},
    ]
    found = imported(tmp_path, *rows)
    assert [one["provenance"]["layout"] for one in found] == ["m1", "m1", "medreason", "medreason", "messages"]
    assert {one["question"] for one in found} == {"Which drug?"}
    options = ["Heparin", "Warfarin"]
    assert [one["options"] for one in found] == [options, None, options, None, options]
    assert [(one["answer"], one["answer_index"]) for one in found] == [("Warfarin", 1), *[(None, None)] * 4]
    assert {(one["chain_of_thought"], one["response"]) for one in found[:4]} == {("It thins.", "B it is.")}


def test_questions_with_chains_become_a_record_a_chain(tmp_path: Path) -> None:
    options = {"options": ["Heparin", "Warfarin"], "answer": "B"}
    rows = [
        {
            "id": "q1",
            "question": "Which drug?",
            **options,
            "cots": [{"model": "m", "text": "It thins."}, {"text": " "}],
        },
        {"id": "q2", "question": "Which other drug?", **options, "cots": []},
        {"id": "q3", "question": "And which one?", **options, "cots": [{"text": "It is.", "response": "B"}]},
    ]
    found = imported(tmp_path, *rows)
    assert [(one["id"], one["answer_index"], one["chain_of_thought"]) for one in found] == [
        ("q1#1", 1, "It thins."),
        ("q3#1", 1, "It is."),
    ]
    assert found[1]["response"] == "B"
    left = [one["problem"] for one in read_lines(tmp_path / "ours.jsonl.left_out.jsonl")]
    assert ["chain 2 of question 'q1' has no text" in left[0], "'q2' has no chain of thought" in left[1]] == [
        True,
        True,
    ]
