"""Other stacks' own code, where one is installed, learns from what is written for it the tokens that we learn.

Each stack pins its own versions, so that these run in a stack's own environment, with our core packages and pytest:
``PYTHONPATH=src STACK/bin/python -m pytest tests/training/test_emit_stacks.py``; elsewhere they are skipped.
"""

from __future__ import annotations

from importlib import import_module, resources
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from reasonmed.training import settings
from reasonmed.training.emit import emit
from reasonmed.training.methods import sft
from tiny_model import CHATML, rows, splits, tiny_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("default")  # of packages that are not ours

IGNORED = -100
TURNS = "{% for m in messages %}[{{ m['role'] }}]\n\n{{ m['content'] | trim }}<|im_end|>{% endfor %}"
HEADERS = "{{ '<|endoftext|>' }}" + TURNS + "{% if add_generation_prompt %}[assistant]\n\n{% endif %}"
"""As Llama 3's: a token before the first turn, nothing behind the last."""
DEFAULT_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    + CHATML
)
"""As Qwen2.5's."""
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and '</think>' in m['content'] %}"
    "<think>\n{{ m['content'].split('</think>')[0].split('<think>')[-1].strip('\n') }}\n</think>\n\n"
    "{{ m['content'].split('</think>')[-1].lstrip('\n') }}{% else %}{{ m['content'] }}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""As Qwen3's: the line breaks around the thinking are the template's."""
PLAIN = (resources.files("reasonmed.training") / "plain.jinja").read_text(encoding="utf-8")
TEMPLATES = {
    "chatml": CHATML,
    "headers": HEADERS,
    "default_system": DEFAULT_SYSTEM,
    "thinking": THINKING,
    "plain": PLAIN,
}
Learned = list[tuple[list[int], list[int]]]
"""Ids and labels of each row."""


def llamafactory(folder: Path) -> Learned:
    loader = import_module("llamafactory.data")
    model, data, training, _, _ = import_module("llamafactory.hparams").get_train_args(config(folder))
    loaded = import_module("llamafactory.model").load_tokenizer(model)
    template = loader.get_template_and_fix_tokenizer(loaded["tokenizer"], data)
    found = loader.get_dataset(template, model, data, training, stage="sft", **loaded)["train_dataset"]
    return [(list(row["input_ids"]), list(row["labels"])) for row in found]


def axolotl(folder: Path) -> Learned:
    told = import_module("axolotl.cli.config").load_cfg(str(folder / "train.yaml"))
    found = import_module("axolotl.common.datasets").load_datasets(cfg=told).train_dataset
    return [(list(row["input_ids"]), list(row["labels"])) for row in found]


def verl(folder: Path) -> Learned:
    from transformers import AutoTokenizer

    hydra = import_module("hydra")
    with hydra.initialize_config_dir(str(folder), version_base=None):
        told = hydra.compose("train", overrides=["hydra.searchpath=[pkg://verl.trainer.config]"])
    tokenizer = AutoTokenizer.from_pretrained(told.model.path)
    trainer = import_module("verl.trainer.sft_trainer")
    made = []
    for one in trainer.create_sft_dataset(told.data.train_files, told.data, tokenizer, None):
        ids, kept = one["input_ids"].tolist(), one["loss_mask"].tolist()
        made.append((ids, [token if keep else IGNORED for token, keep in zip(ids, kept, strict=True)]))
    return made


def config(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / "train.yaml").read_text(encoding="utf-8")))


def both(
    folder: Path, there: Callable[[Path], Learned], template: str, made: list[dict[str, Any]], patch: pytest.MonkeyPatch
) -> tuple[Learned, Learned]:
    """The same rows, tokenized there and here."""
    stack = there.__name__
    pytest.importorskip(stack, reason=f"needs {stack}, which pins other versions than the extra train")
    from transformers import AutoTokenizer

    patch.setenv("HF_HOME", str(folder / "hub"))
    model = tiny_model(folder / "model", template=template)
    splits(folder / "data", made, [])
    told = settings.Training(base_model=str(model), batch=4, precision="fp32", evaluate=False)
    data = sft.read(folder / "data", told)
    emit(stack, data, told, folder / "out")
    patch.chdir(folder / "out")
    kept = sft.tokenize(data.train.rows, AutoTokenizer.from_pretrained(model), 10_000, told).kept
    assert len(kept) == len(made)
    here = [(one.ids.tolist(), [IGNORED] * one.start + one.ids[one.start :].tolist()) for one in kept]
    return there(folder / "out"), here


def exported(count: int) -> list[dict[str, Any]]:
    """Rows with the line breaks that an export has around the thinking."""
    made = rows(count)
    for row in made:
        said = row["completion"][0]
        said["content"] = said["content"].replace("<think>", "<think>\n").replace("</think>", "\n</think>\n\n")
    return made


def systems(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    said = {"role": "system", "content": "You are a physician."}
    return [{**row, "prompt": [said, *row["prompt"]]} for row in made]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("system", [False, True], ids=["alone", "system"])
def test_llamafactory_learns_the_same_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str, *, system: bool
) -> None:
    made = systems(exported(6)) if system else exported(6)
    there, here = both(tmp_path, llamafactory, TEMPLATES[template], made, monkeypatch)
    if template == "headers" and system:
        assert [labels[-20:] for _, labels in there] == [labels[-20:] for _, labels in here]
        assert [ids.count(0) for ids, _ in there] == [2] * 6  # the note of `template:` says so
    else:
        assert there == here


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("system", [False, True], ids=["alone", "system"])
def test_axolotl_learns_the_same_tokens_up_to_the_end_of_the_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str, *, system: bool
) -> None:
    made = systems(exported(6)) if system else exported(6)
    there, here = both(tmp_path, axolotl, TEMPLATES[template], made, monkeypatch)
    assert sorted(there) == sorted((ids, ended(labels)) for ids, labels in here)  # its order is a shuffled one


def ended(labels: list[int], end: int = 2) -> list[int]:
    """Labels without what the template puts behind the end of the turn."""
    last = max(place for place, label in enumerate(labels) if label == end)
    return [*labels[: last + 1], *[IGNORED] * (len(labels) - last - 1)]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("system", [False, True], ids=["alone", "system"])
def test_verl_learns_the_same_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str, *, system: bool
) -> None:
    made = systems(exported(6)) if system else exported(6)
    there, here = both(tmp_path, verl, TEMPLATES[template], made, monkeypatch)
    assert there == here
