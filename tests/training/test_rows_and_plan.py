"""Without any extra: what data files may look like, what a training file may say, how rows are laid out."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from reasonmed.errors import RecipeError, UsageError
from reasonmed.training import data, settings
from reasonmed.training.batches import Layout, groups, plan
from reasonmed.training.methods import sft
from tiny_model import export, rows

FILES = sft.files("reasonmed")


@pytest.mark.parametrize("place", ["", "trl-sft/reasonmed", "trl-sft/reasonmed/train.jsonl"])
def test_data_is_an_export_a_variant_or_a_file(tmp_path: Path, place: str) -> None:
    found = data.read(export(tmp_path) / place, FILES)
    assert len(found.train) == 24
    assert (found.validation is None) == place.endswith(".jsonl")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"instruction": "q", "output": "a"}', "'instruction', 'output'"),
        ('{"messages": []}', "'messages'"),
        ("not json", "line 1"),
        ("[1, 2]", "line 1"),
        ("", "no rows"),
        (json.dumps(rows(1)[0])[:-9], "line 1"),
        (json.dumps(rows(1)[0]) + "\n" + json.dumps(rows(1)[0]), "stands twice"),
        (json.dumps({**rows(1)[0], "prompt": []}), "is empty"),
        (json.dumps({**rows(1)[0], "completion": [{"role": "user", "content": "x"}]}), "'user'"),
        (json.dumps({**rows(1)[0], "completion": [{"role": "assistant", "content": " "}]}), "no text"),
    ],
)
def test_another_layout_is_named_with_what_is_wanted(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        data.read(path, FILES)
    assert told in str(error.value)


def test_an_export_without_the_format_is_told_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "ReasonMed.json").write_text("[]", encoding="utf-8")
    with pytest.raises(UsageError, match=r"trl-sft/reasonmed/train.jsonl; it holds ReasonMed.json"):
        data.read(tmp_path, FILES)


def test_a_folder_of_another_variant_is_refused(tmp_path: Path) -> None:
    export(tmp_path, variant="cotmed")
    with pytest.raises(UsageError, match="is the variant cotmed"):
        sft.read(tmp_path / "trl-sft" / "cotmed", settings.parse("base_model: x", "train.yaml", None))


def test_reasoning_in_a_field_of_its_own_is_kept(tmp_path: Path) -> None:
    row = rows(1)[0]
    row["completion"] = [{"role": "assistant", "reasoning_content": "because", "content": "B"}]
    (tmp_path / "rows.jsonl").write_text(json.dumps(row), encoding="utf-8")
    message = data.read(tmp_path / "rows.jsonl", FILES).train.rows[0].completion[0]
    assert message.chat["reasoning_content"] == "because"
    assert message.texts == ("because", "B")


def test_every_preset_is_valid_and_names_its_source() -> None:
    assert {"huatuo-8b-full", "m1-7b-full", "lora-8b-24gb", "smollm2-cpu"} <= settings.presets().keys()
    for name in settings.presets():
        assert settings.load(name).source
    huatuo = settings.load("huatuo-8b-full")
    assert (huatuo.epochs, huatuo.learning_rate, huatuo.batch, huatuo.max_length) == (3, 5e-6, 128, 8192)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("base_model: x\nlearning_rat: 1", "did you mean learning_rate"),
        ("base_model: x\ntrl_args: {max_length: 5, packing: true}", "trl_args.packing"),
        ("base_model: x\nepochs: 0", "epochs"),
        ("base_model: x\nbeta: 0.1", "beta: is for method: dpo or grpo"),
        ("base_model: x\nmethod: dpo\npacking: true", "packing: true is for method: sft"),
        ("base_model: x\nmethod: grpo\nrollouts: {replies: 1}", "rollouts.replies"),
        ("base_model: x\nmethod: grpo\ntrl_args: {num_generations: 4}", "say rollouts.replies"),
        ("base_model: x\nmethod: ppo", "method: input should be 'sft', 'dpo', 'grpo' or 'prm'"),
        ("base_model: x\nmethod: [dpo]", "method: "),
        ("base_model: x\nvariant: other", "variant"),
        ("- a list", "must be a mapping"),
        ("base_model: x\nbase_model: y", "stands twice"),
        ("base_model: [", "not valid YAML"),
    ],
)
def test_problems_of_a_training_file_are_said(text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        settings.parse(text, "train.yaml", None)


def test_a_missing_training_file_names_the_presets() -> None:
    with pytest.raises(RecipeError, match="huatuo-8b-full"):
        settings.load("nowhere.yaml")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("processes", [1, 3])
def test_every_row_is_in_every_epoch_once_and_no_micro_batch_is_over_its_size(packed: bool, processes: int) -> None:  # noqa: FBT001
    draw = random.Random(1)
    lengths = [draw.randrange(10, 400) for _ in range(137)]
    made = plan(lengths, 16, 2, 0, Layout(packed, 1024, processes))
    assert made.accumulation % processes == 0
    assert len(made.micros) == made.steps * made.accumulation
    assert sorted(row for micro in made.micros for row in micro) == sorted([*range(137), *range(137)])
    for micro in made.micros:
        load = sum(lengths[row] for row in micro) if packed else len(micro) * max([lengths[row] for row in micro] + [0])
        assert load <= 1024
    per_step = [
        sum(len(micro) for micro in made.micros[step * made.accumulation : (step + 1) * made.accumulation])
        for step in range(made.steps)
    ]
    assert per_step[:-1] == [16] * (made.steps - 1)


def test_packed_and_padded_plans_have_the_same_rows_in_the_same_steps() -> None:
    lengths = [random.Random(place).randrange(5, 300) for place in range(60)]
    steps = []
    for packed in (True, False):
        made = plan(lengths, 12, 3, 7, Layout(packed, 900))
        size = made.accumulation
        steps.append(
            [
                sorted(row for micro in made.micros[at : at + size] for row in micro)
                for at in range(0, len(made.micros), size)
            ]
        )
    assert steps[0] == steps[1]


def test_seeds_give_other_orders_and_the_same_seed_the_same() -> None:
    lengths = [random.Random(place).randrange(5, 300) for place in range(60)]
    made = [plan(lengths, 12, 1, seed, Layout(packed=True, capacity=900)).micros for seed in (0, 0, 1)]
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_steps_have_like_numbers_of_tokens() -> None:
    draw = random.Random(0)
    lengths = [int(draw.lognormvariate(6.6, 0.4)) for _ in range(640)]
    made = plan(lengths, 64, 1, 0, Layout(packed=True, capacity=16384))
    assert made.fill is not None
    assert made.fill > 0.93


def test_groups_hold_every_row_once() -> None:
    made = groups([5, 9, 3, 8], Layout(packed=True, capacity=10, processes=2))
    assert sorted(row for micro in made for row in micro) == [0, 1, 2, 3]
    assert len(made) % 2 == 0


def test_where_the_context_is_the_limit_a_higher_one_is_not_advised() -> None:
    from reasonmed.training.tokens import Tokenized, Tokens, check_share

    tokens: Tokens[Tokenized] = Tokens([], [900] * 10, ["q1", "q2"], [], 0)
    with pytest.raises(UsageError, match="Raise `max_length:`, take a model with a longer context"):
        check_share(tokens, 512, bound="max_length")
    with pytest.raises(UsageError, match=r"512 tokens, the model's context .* Take a model with a longer context"):
        check_share(tokens, 512, bound="model's context")
