"""Exports in the hands of those who read them; skipped where they are not installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from exports import Export, read_lines
from reasonmed.export.chat_templates import load
from reasonmed.reward import multiple_choice_reward

pytestmark = pytest.mark.filterwarnings("default")  # theirs are not ours to mend

_END = "<|im_end|>"


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return datasets


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    tokenizers = pytest.importorskip("tokenizers", reason="transformers is not installed")
    words = tokenizers.Tokenizer(tokenizers.models.BPE())
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    words.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(initial_alphabet=alphabet, special_tokens=["<|im_start|>", _END])
    words.train_from_iterator(["a"], trainer)
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=words, eos_token=_END, pad_token=_END)
    made.chat_template = load("chatml")
    return made


def test_datasets_loads_the_canonical_form_and_each_variant_apart(
    exported: Export, tmp_path: Path, datasets: Any
) -> None:
    told = exported(["parquet", "trl-sft", "records", "llamafactory"])
    found = datasets.load_dataset(str(tmp_path / "out"))
    assert {name: len(rows) for name, rows in found.items()} == {
        name: one["records"] for name, one in told["splits"].items()
    }
    assert {"chain_of_thought", "response", "verdict", "license"} <= set(found["train"].column_names)
    for variant in ("reasonmed", "cotmed", "responsemed"):
        rows = datasets.load_dataset(str(tmp_path / "out"), variant)["test"]
        plain = read_lines(tmp_path / "out" / "trl-sft" / variant / "test.jsonl")
        assert rows.to_list() == plain


def test_datasets_loads_every_config_of_an_export_without_parquet(
    exported: Export, tmp_path: Path, datasets: Any
) -> None:
    told = exported(["trl-sft", "reasonmed-json", "messages", "openai-ft", "dpo", "kto", "verifier", "records"])
    names = datasets.get_dataset_config_names(str(tmp_path / "out"))
    assert len(names) == 15
    counts = 0
    for name in names:
        counts += sum(len(rows) for rows in datasets.load_dataset(str(tmp_path / "out"), name).values())
    assert counts == sum(count for file, count in told["rows"].items() if not file.startswith("records/"))


@pytest.mark.parametrize("reasoning", ["inline", "field"])
def test_trl_prepares_sft_rows_with_the_loss_on_the_completion(
    exported: Export, tmp_path: Path, datasets: Any, tokenizer: Any, reasoning: str
) -> None:
    trl = pytest.importorskip("trl.data_utils", reason="trl is not installed")
    exported(["trl-sft"], reasoning=reasoning)
    path = tmp_path / "out" / "trl-sft" / "reasonmed" / "train.jsonl"
    tokenizer.chat_template = load("qwen3")
    for row in datasets.Dataset.from_json(str(path)):
        assert trl.is_conversational(row)
        made = trl.apply_chat_template({name: row[name] for name in ("prompt", "completion")}, tokenizer)
        said = row["completion"][0]
        chain = said.get("reasoning_content") or said["content"].partition("</think>")[0].removeprefix("<think>\n")
        assert chain.strip() in made["completion"]
        assert row["prompt"][0]["content"] in made["prompt"]
        ids = [
            tokenizer.apply_chat_template(turns, add_generation_prompt=ask, tokenize=True, return_dict=False)
            for turns, ask in ((row["prompt"], True), (row["prompt"] + row["completion"], False))
        ]
        assert trl.common_prefix_length(*ids) == len(ids[0])


@pytest.mark.parametrize(("name", "keys"), [("dpo", ("chosen", "rejected")), ("kto", ("completion",))])
def test_trl_prepares_preferences(
    exported: Export, tmp_path: Path, datasets: Any, tokenizer: Any, name: str, keys: tuple[str, ...]
) -> None:
    trl = pytest.importorskip("trl.data_utils", reason="trl is not installed")
    exported([name])
    tokenizer.chat_template = load("chatml")
    rows = datasets.Dataset.from_json(str(tmp_path / "out" / name / "train.jsonl"))
    for row in rows:
        assert trl.is_conversational(row)
        made = trl.apply_chat_template(row, tokenizer)
        assert set(made) >= {"prompt", *keys}
        assert all(row[key][0]["content"] in made[key] for key in keys)


def test_trls_grpo_rows_and_the_reward_function_fit_each_other(exported: Export, tmp_path: Path, datasets: Any) -> None:
    pytest.importorskip("trl", reason="trl is not installed")
    exported(["rl"])
    rows = datasets.Dataset.from_json(str(tmp_path / "out" / "rl" / "trl-grpo" / "train.jsonl"))
    columns = {name: rows[name][:] for name in rows.column_names if name != "prompt"}
    for key in "AB":
        completions = [[{"role": "assistant", "content": f"It is so.\n\nAnswer: {key}"}] for _ in rows]
        found = multiple_choice_reward(prompts=rows["prompt"][:], completions=completions, **columns)
        assert found == [float(answer == key) for answer in columns["answer"]]


def test_lm_eval_loads_the_task_and_reads_the_answer(
    exported: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tasks = pytest.importorskip("lm_eval.tasks", reason="lm_eval is not installed")
    exported(["lm-eval"])
    monkeypatch.chdir(tmp_path / "out" / "lm-eval")
    found = tasks.TaskManager(include_path=os.curdir, include_defaults=False).load(["reasonmed_held_out"])
    (task,) = found["tasks"].values()
    asked = read_lines(tmp_path / "out" / "lm-eval" / "test.jsonl")
    assert [task.doc_to_text(doc) for doc in task.test_docs()] == [row["prompt"] for row in asked]
    assert [task.doc_to_target(doc) for doc in task.test_docs()] == [row["answer"] for row in asked]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("So it is.\nAnswer: B", "B"),
        ("**Answer:** C. Atrophy", "C"),
        ("Answer: A\n\nNo, wait.\n\nfinal answer: (D)", "D"),
        ("Answer: A man of 40 has it.\nAnswer: B", "B"),
        ("Answer: A man of 40 has it.", "[invalid]"),
        ("I do not know.", "[invalid]"),
    ],
)
def test_lm_evals_filter_reads_the_last_answer(text: str, read: str) -> None:
    extraction = pytest.importorskip("lm_eval.filters.extraction", reason="lm_eval is not installed")
    from reasonmed.export._lm_eval_task import ANSWER

    assert extraction.RegexFilter(ANSWER, group_select=-1).apply([[text]], [{}]) == [[read]]


def test_inspect_reads_the_samples(exported: Export, tmp_path: Path) -> None:
    dataset = pytest.importorskip("inspect_ai.dataset", reason="inspect_ai is not installed")
    told = exported(["inspect"])
    samples = list(dataset.json_dataset(str(tmp_path / "out" / "inspect" / "samples.json")))
    assert len(samples) == told["splits"]["test"]["questions"]
    assert all(one.target in "ABCDE" and len(one.choices) >= 3 and one.input and one.id for one in samples)
