"""Every format: what its rows are, that they say what the records say, and that the same run gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import to_builtins

from exports import Export, read_lines
from reasonmed.engine.ledger import encode
from reasonmed.errors import UsageError
from reasonmed.export import configs, formats
from reasonmed.export._text import VARIANTS
from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.thinking import split_thinking
from reasonmed.questions.normal import stem_hash
from reasonmed.runs.directory import RunDirectory
from reasonmed.types import Question, letter

SPLITS = ("train", "validation", "test")


def records(run: RunDirectory) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in read_lines(run.records_path)}


def all_rows(folder: Path) -> list[dict[str, Any]]:
    return [row for split in SPLITS for row in read_lines(folder / f"{split}.jsonl")]


def test_every_format_gives_the_same_bytes_twice(exported: Export, tmp_path: Path) -> None:
    told = [exported(formats(), folder) for folder in ("one", "two")]
    assert told[0] == told[1]
    paths = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(paths) > 80
    assert sorted(map(str, paths)) == sorted([*told[0]["files"], "export.json"])
    for path in paths:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path


def test_no_question_and_no_text_of_it_is_in_two_splits_of_any_format(exported: Export, tmp_path: Path) -> None:
    told = exported(formats())
    held: dict[str, str] = {}
    for path in (tmp_path / "out").rglob("*.jsonl"):
        split = next((one for one in SPLITS if one in path.stem), "train")
        for row in read_lines(path):
            if path.parent.name in ("verifier", "records", "lm-eval", "verifiers-env"):
                continue
            names = ("prompt", "messages", "conversations", "instruction")
            asked: Any = next(row[name] for name in names if name in row)
            text = asked if isinstance(asked, str) else asked[0].get("content") or asked[0]["value"]
            assert held.setdefault(text, split) == split, path
    assert len(held) == sum(one["questions"] for one in told["splits"].values())
    assert set(held.values()) == set(SPLITS)


def test_records_are_those_of_the_run(exported: Export, run26: RunDirectory, tmp_path: Path) -> None:
    exported(["records"])
    found = {row["id"]: row for row in all_rows(tmp_path / "out" / "records")}
    assert found == records(run26)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("reasoning", ["inline", "field"])
def test_sft_rows_hold_chain_and_response_of_their_record(
    exported: Export, run26: RunDirectory, tmp_path: Path, variant: str, reasoning: str
) -> None:
    exported(["trl-sft"], plain=True, reasoning=reasoning)
    found = all_rows(tmp_path / "out" / "trl-sft" / variant)
    known = records(run26)
    assert {row["id"] for row in found} == set(known)
    for row in found:
        record = known[row["id"]]
        asked = Question("", record["question"], tuple(record["options"]), context=record["context"])
        assert set(row) == {"id", "question_id", "prompt", "completion", "tier", "source", "stem"}
        assert row["stem"] == stem_hash(asked)
        assert [one["role"] for one in row["prompt"] + row["completion"]] == ["user", "assistant"]
        said = row["completion"][0]
        split = split_thinking(said["content"])
        chain, response = said.get("reasoning_content") or split.reasoning, split.text
        assert ("reasoning_content" in said) == (variant == "reasonmed" and reasoning == "field")
        assert chain == (record["chain_of_thought"] if variant == "reasonmed" else None)
        assert response == record["chain_of_thought" if variant == "cotmed" else "response"]


def test_every_sft_completion_ends_with_the_key(exported: Export, run26: RunDirectory, tmp_path: Path) -> None:
    exported(["trl-sft"])
    known = records(run26)
    for variant in VARIANTS:
        for row in all_rows(tmp_path / "out" / "trl-sft" / variant):
            record = known[row["id"]]
            found = parse_answer(row["completion"][0]["content"], record["options"])
            assert found is not None
            assert found.option == record["answer_index"]


@pytest.mark.parametrize("name", ["messages", "axolotl", "openai-ft"])
def test_message_formats_hold_the_conversations_of_trl_sft(exported: Export, tmp_path: Path, name: str) -> None:
    exported([name, "trl-sft"])
    for variant in VARIANTS:
        found = all_rows(tmp_path / "out" / name / variant)
        pairs = all_rows(tmp_path / "out" / "trl-sft" / variant)
        assert [row["messages"] for row in found] == [row["prompt"] + row["completion"] for row in pairs]
        if name == "openai-ft":
            assert all(set(row) == {"messages"} for row in found)


@pytest.mark.parametrize("name", ["openai-ft", "axolotl"])
def test_formats_without_a_key_for_reasoning_have_it_in_the_content(
    exported: Export, tmp_path: Path, name: str
) -> None:
    exported([name], reasoning="field")
    for row in all_rows(tmp_path / "out" / name / "reasonmed"):
        assert set(row["messages"][1]) == {"role", "content"}
        assert row["messages"][1]["content"].startswith("<think>\n")


def test_llamafactorys_preferences_are_the_pairs_of_dpo_and_are_named_as_ranked(
    exported: Export, tmp_path: Path
) -> None:
    exported(["dpo", "llamafactory-dpo"])
    folder = tmp_path / "out" / "llamafactory-dpo"
    info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    assert info["preference"]["ranking"] is True
    assert {one["file_name"] for one in info.values()} == {path.name for path in folder.glob("*.jsonl")}
    pairs = [json.loads(line) for line in (tmp_path / "out" / "dpo" / "train.jsonl").read_text().splitlines()]
    rows = [json.loads(line) for line in (folder / "preference.jsonl").read_text().splitlines()]
    assert [row["chosen"] for row in rows] == [pair["chosen"][0]["content"] for pair in pairs]
    assert [row["rejected"] for row in rows] == [pair["rejected"][0]["content"] for pair in pairs]
    assert set(rows[0]) == {*info["preference"]["columns"].values()}


def test_llamafactory_names_every_file_with_its_documented_keys(exported: Export, tmp_path: Path) -> None:
    exported(["llamafactory", "trl-sft"])
    folder = tmp_path / "out" / "llamafactory"
    info = json.loads((folder / "dataset_info.json").read_text())
    assert {one["file_name"] for one in info.values()} == {path.name for path in folder.glob("*.jsonl")}
    assert len(info) == 2 * len(VARIANTS) * len(SPLITS)
    top = {"file_name", "formatting", "columns", "tags"}
    columns = {"prompt", "query", "response", "messages"}
    tags = {"role_tag", "content_tag", "user_tag", "assistant_tag"}
    for name, one in info.items():
        assert set(one) <= top
        assert set(one["columns"]) <= columns
        assert set(one.get("tags", {})) <= tags
        for row in read_lines(folder / one["file_name"]):
            assert set(one["columns"].values()) == set(row)
            if name.startswith("sharegpt"):
                spoken = one["tags"]
                roles = [turn[spoken["role_tag"]] for turn in row["conversations"]]
                assert roles == [spoken["user_tag"], spoken["assistant_tag"]]
                assert all(turn[spoken["content_tag"]] for turn in row["conversations"])
    pairs = read_lines(tmp_path / "out" / "trl-sft" / "reasonmed" / "train.jsonl")
    alpaca, sharegpt = (read_lines(folder / f"{layout}_reasonmed.jsonl") for layout in ("alpaca", "sharegpt"))
    for pair, one, other in zip(pairs, alpaca, sharegpt, strict=True):
        asked, answered = pair["prompt"][0]["content"], pair["completion"][0]["content"]
        assert (one["instruction"], one["input"], one["output"]) == (asked, "", answered)
        assert [turn["value"] for turn in other["conversations"]] == [asked, answered]


def test_axolotl_yaml_points_at_files_that_are_there(exported: Export, tmp_path: Path) -> None:
    exported(["axolotl"])
    folder = tmp_path / "out" / "axolotl"
    for variant in VARIANTS:
        told = yaml.safe_load((folder / f"{variant}.yaml").read_text())
        (train,), (check,) = told["datasets"], told["test_datasets"]
        assert (train["path"], check["path"]) == (f"{variant}/train.jsonl", f"{variant}/validation.jsonl")
        assert train["type"] == "chat_template"
        row = read_lines(folder / train["path"])[0]
        assert set(row[train["field_messages"]][0]) == set(train["message_property_mappings"].values())


def test_published_files_keep_held_out_questions_in_files_of_their_own(exported: Export, tmp_path: Path) -> None:
    told = exported(["reasonmed-json"])
    folder = tmp_path / "out" / "reasonmed-json"
    counts = {path.name: len(json.loads(path.read_text())) for path in folder.iterdir()}
    assert counts["ReasonMed.json"] == counts["CoTMed.json"] == told["splits"]["train"]["records"]
    assert counts["ReasonMed.test.json"] == told["splits"]["test"]["records"]


@pytest.mark.parametrize("name", ["inspect", "lm-eval"])
def test_evaluations_hold_exactly_the_test_questions_with_their_key(
    exported: Export, run26: RunDirectory, tmp_path: Path, name: str
) -> None:
    exported([name, "records"])
    known = {one["question_id"]: one for one in records(run26).values()}
    test = {row["question_id"] for row in read_lines(tmp_path / "out" / "records" / "test.jsonl")}
    if name == "inspect":
        found = json.loads((tmp_path / "out" / "inspect" / "samples.json").read_text())
        assert all(set(one) == {"id", "input", "choices", "target", "metadata"} for one in found)
        assert all(one["choices"] == known[one["id"]]["options"] for one in found)
        keys = {one["id"]: one["target"] for one in found}
    else:
        keys = {one["id"]: one["answer"] for one in read_lines(tmp_path / "out" / "lm-eval" / "test.jsonl")}
    assert keys == {one: letter(known[one]["answer_index"]) for one in test}


@pytest.mark.parametrize("name", ["inspect", "lm-eval", "verifiers-env"])
def test_an_evaluation_without_held_out_questions_is_refused_with_the_mend(
    exported: Export, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError, match=rf"{name} needs held-out questions.*--split 0\.9"):
        exported([name], shares=(1.0, 0.0, 0.0))
    assert not (tmp_path / "out").exists()


def test_rl_rows_have_the_documented_columns_and_the_key(exported: Export, run26: RunDirectory, tmp_path: Path) -> None:
    parquet = pytest.importorskip(
        "pyarrow.parquet", reason="verl's layout is parquet: pip install 'reasonmed[parquet]'"
    )
    exported(["rl"])
    known = {one["question_id"]: one for one in records(run26).values()}
    plain = all_rows(tmp_path / "out" / "rl" / "trl-grpo")
    tables = [parquet.read_table(tmp_path / "out" / "rl" / "verl" / f"{split}.parquet") for split in SPLITS]
    verl = [row for table in tables for row in table.to_pylist()]
    assert tables[0].column_names == ["data_source", "prompt", "ability", "reward_model", "extra_info"]
    assert {row["id"] for row in plain} == set(known)
    for row, other in zip(plain, verl, strict=True):
        record = known[row["id"]]
        assert row["answer"] == other["reward_model"]["ground_truth"] == letter(record["answer_index"])
        assert row["options"] == other["extra_info"]["options"] == record["options"]
        assert row["prompt"] == other["prompt"]
        rate = {name: value for name, value in row.items() if name.startswith("pass_rate")}
        assert rate == {name: other["extra_info"][name] for name in rate}
        counts = record["provenance"]["pass_rate"]
        assert (rate["pass_rate"], rate["pass_rate_judged"]) == (record["pass_rate"], counts["judged"])
        assert (rate["pass_rate_by_model"], rate["pass_rate_bounds"]) == (counts["by_model"], counts.get("bounds"))
    assert [row["extra_info"]["index"] for row in tables[0].to_pylist()] == list(range(len(tables[0])))


def test_canonical_rows_are_the_records_with_nothing_lost(
    exported: Export, run26: RunDirectory, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install 'reasonmed[parquet]'")
    exported(["parquet"])
    tables = [parquet.read_table(tmp_path / "out" / "parquet" / f"{split}.parquet") for split in SPLITS]
    assert tables[0].schema == tables[1].schema == tables[2].schema
    known = records(run26)
    rows = [row for table in tables for row in table.to_pylist()]
    assert {row["id"] for row in rows} == set(known)
    for row in rows:
        record = known[row["id"]]
        shown = {name: json.loads(row[name]) if name in ("provenance", "meta") else row[name] for name in record}
        assert encode(shown) == encode(record)
        assert row["verdict"] == record["provenance"].get("verdict", {}).get("outcome")
        assert row["writer"] == record["provenance"]["writer"]
        rate = record["provenance"]["pass_rate"]
        assert (row["pass_rate_judged"], row["pass_rate_by_model"]) == (rate["judged"], rate["by_model"])
        outcomes = [one["outcome"] for one in row["verdicts"]]
        assert {name: outcomes.count(name) for name in set(outcomes)} == record["provenance"]["chains"]


def test_configs_keep_the_variants_apart_and_one_kind_of_file() -> None:
    files = ["README.md", "dpo/train.jsonl", "records/train.jsonl", "llamafactory/alpaca_cotmed.jsonl"]
    files += [f"trl-sft/{variant}/{split}.jsonl" for variant in VARIANTS for split in ("train", "test")]
    found = configs(files)
    assert [one.config_name for one in found] == ["reasonmed", "dpo", "cotmed", "responsemed"]
    assert [one.default for one in found] == [True, False, False, False]
    assert to_builtins(found[0].data_files) == [
        {"split": "train", "path": "trl-sft/reasonmed/train.jsonl"},
        {"split": "test", "path": "trl-sft/reasonmed/test.jsonl"},
    ]
    with_parquet = configs([*files, "parquet/train.parquet", *(f"parquet/{one}/train.parquet" for one in VARIANTS)])
    assert [one.config_name for one in with_parquet] == ["canonical", "cotmed", "reasonmed", "responsemed"]
    assert [one.config_name for one in configs(["reasonmed-json/CoTMed.json", "reasonmed-json/CoTMed.test.json"])] == [
        "reasonmed-json-cotmed"
    ]
