"""What a training file may say: model, data, tuning, batch, and how the work is laid out on the machine."""

from __future__ import annotations

from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from reasonmed.documents import Refused, reason, small_text
from reasonmed.errors import RecipeError, UsageError
from reasonmed.recipe.reading import explain
from reasonmed.recipe.yaml_text import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

METHODS = {
    "sft": {},
    "dpo": {"epochs": 1, "learning_rate": 1e-6, "schedule": "linear", "warmup": 0.0},
    "grpo": {"epochs": 1, "learning_rate": 1e-6, "schedule": "linear", "warmup": 0.0, "batch": 8},
    "prm": {},
}
"""What a method sets where the training file is silent; rates and schedules are TRL's of DPO and GRPO."""
OWNED = {
    "output_dir": "the model folder is -o",
    "beta": "say beta at the top level",
    "num_generations": "say rollouts.replies",
    "max_completion_length": "say rollouts.max_tokens",
    "temperature": "say rollouts.temperature",
    "max_length": "say max_length at the top level",
    "packing": "say packing at the top level",
    "padding_free": "packing decides it",
    "per_device_train_batch_size": "say batch (rows a step) and micro_batch_tokens",
    "gradient_accumulation_steps": "it follows from batch and micro_batch_tokens",
    "gradient_checkpointing": "say checkpointing at the top level",
    "learning_rate": "say learning_rate at the top level",
    "num_train_epochs": "say epochs at the top level",
    "max_steps": "say max_steps at the top level",
    "seed": "say seed at the top level",
    "dataset_kwargs": "rows come tokenized",
    "assistant_only_loss": "only the reply is learned, whatever the template marks",
    "completion_only_loss": "only the reply is learned, and nothing else can be",
    "eos_token": "the end token follows from the chat template",
    "chat_template_path": "say template at the top level",
    "save_total_limit": "say keep_checkpoints at the top level",
    "train_sampling_strategy": "the order of rows follows from seed",
    "save_steps": "say save_steps at the top level",
    "torch_compile": "say compile at the top level",
    "report_to": "say report_to at the top level",
    "bf16": "say precision at the top level",
    "fp16": "say precision at the top level",
}
"""Arguments of TRL that would contradict a field of our own, with the field to use instead."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def _off(value: object) -> object:
    return "none" if value is False or value is None else value


class Lora(_Part):
    """Low-rank adapters instead of all weights."""

    r: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    target_modules: str | tuple[str, ...] = "all-linear"
    merge: bool = True
    """Whether the model folder holds merged weights, with the adapter in ``adapter/``; else the adapter alone."""


class Rollouts(_Part):
    """What the model writes itself while it is trained (GRPO)."""

    replies: int = Field(8, ge=2)
    """To each question; a reply's advantage is its reward against those of the others."""
    max_tokens: int = Field(2048, ge=1)
    """Of a reply. One that is cut earns nothing."""
    temperature: float = Field(1.0, gt=0)


class Accuracy(_Part):
    """A small evaluation at every checkpoint."""

    questions: int = Field(50, ge=1)
    """The first questions of the export's ``rl`` validation rows."""
    max_tokens: int = Field(1024, ge=1)
    """Of a reply. One that is cut is not right."""


class Training(_Part):
    """One training file."""

    base_model: str = Field(min_length=1)
    """A folder, a GGUF file, an id on the hub, or ``embedded``."""
    revision: str | None = None
    variant: Literal["reasonmed", "cotmed", "responsemed", "short", "answers"] = "reasonmed"
    """Which text is learned (sft); ``answers`` is the answer line of the other variants' rows alone."""
    method: Literal["sft", "dpo", "grpo", "prm"] = "sft"
    beta: float | None = Field(None, ge=0)
    """How strongly the model is held to the one that it starts from: None is 0.1 for dpo, 0 for grpo."""
    rollouts: Rollouts = Rollouts()
    balance: bool = False
    """Whether sound and faulty steps weigh alike in the loss, however many there are of each (prm)."""
    lora: Lora | None = None
    """None tunes all weights."""
    epochs: float = Field(3, gt=0)
    max_steps: int | None = Field(None, ge=1)
    """At most so many optimizer steps, whatever epochs says."""
    batch: int = Field(64, ge=1)
    """Rows an optimizer step, over all processes, however they are packed: replies, pairs or questions."""
    learning_rate: float = Field(1e-5, gt=0)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the steps."""
    weight_decay: float = Field(0.0, ge=0)
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = Field(1.0, gt=0)
    """Largest norm of the gradient."""
    seed: int = 0
    max_length: int | None = Field(None, ge=8)
    """In tokens. None is the longest row of the data, or the model's context where that is less."""
    micro_batch_tokens: int | None = Field(None, ge=8)
    """Tokens of one forward pass on one device. None fits the memory."""
    packing: Literal["auto"] | bool = "auto"
    attention: str = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    checkpointing: Literal["auto"] | bool = "auto"
    compile: Literal["auto"] | bool = "auto"
    template: str | None = None
    """A Jinja file in place of the tokenizer's chat template, or ``plain``."""
    control_tokens: Literal["refuse", "text"] = "refuse"
    """Rows with control tokens such as ``<|im_end|>`` in their texts are left out, or read as plain text."""
    save_steps: int | None = Field(None, ge=1)
    """None saves a checkpoint every tenth of the run."""
    keep_checkpoints: int = Field(1, ge=1)
    evaluate: bool = True
    """Whether the loss of the validation rows is measured at every checkpoint and at the end."""
    accuracy: Accuracy | None = None
    """Validation questions that are answered at every checkpoint and at the end."""
    best: Literal["none", "loss", "accuracy"] = "none"
    """Which checkpoint becomes the model: the best one by validation loss or accuracy; the last one by default."""
    report_to: Annotated[str, BeforeValidator(_off)] = "none"
    trl_args: dict[str, Any] = Field(default_factory=dict)
    """Anything else that TRL's configuration of the method takes."""
    source: str | None = None
    """Where a preset's values were published."""


def presets() -> dict[str, str]:
    """The shipped training files: name and text."""
    folder = resources.files(__package__) / "presets"
    found = sorted(folder.iterdir(), key=lambda one: one.name)
    return {one.name.removesuffix(".yaml"): one.read_text(encoding="utf-8") for one in found}


def load(source: str) -> Training:
    """Read a training file, or a preset by its name; paths in it are relative to the file's folder.

    Raises:
        RecipeError: with every problem that was found.
    """
    path = Path(source)
    if not path.exists() and source in presets():
        return parse(presets()[source], source, None)
    try:
        text = small_text(path)
    except FileNotFoundError as missing:
        shipped = ", ".join(presets())
        raise RecipeError([f"there is no file {source}; presets are {shipped}"], source) from missing
    except (OSError, UnicodeDecodeError) as unread:
        raise RecipeError([f"cannot be read: {reason(unread)}"], source) from unread
    return parse(text, source, path.parent)


def parse(text: str, source: str, folder: Path | None) -> Training:
    """Read a training file from YAML text."""
    try:
        content = read_yaml(text)
    except Refused as broken:
        raise RecipeError([str(broken)], source) from broken
    if not isinstance(content, dict):
        raise RecipeError(["must be a mapping with base_model"], source)
    method = content.get("method")
    usual = METHODS.get(method, {}) if isinstance(method, str) else {}
    try:
        found = Training.model_validate({**usual, **content})
    except ValidationError as wrong:
        raise RecipeError(list(explain(wrong, Training)), source) from wrong
    problems = [f"trl_args.{name}: {OWNED[name]}" for name in found.trl_args if name in OWNED]
    problems += _misplaced(found, content)
    if found.best == "accuracy" and found.accuracy is None:
        problems.append("best: accuracy needs `accuracy`, the questions to measure it on")
    if found.best == "loss" and not found.evaluate:
        problems.append("best: loss needs evaluate: true")
    if problems:
        raise RecipeError(problems, source)
    return found.model_copy(
        update={"base_model": _beside(found.base_model, folder), "template": _beside(found.template, folder)}
    )


def _misplaced(found: Training, content: Mapping[str, object]) -> Iterator[str]:
    """Fields that the method has no use for."""
    method = found.method
    if method not in ("dpo", "grpo"):
        yield from (f"{name}: is for method: dpo or grpo" for name in ("beta", "rollouts") if name in content)
    if method != "sft":
        yield from (f"{name}: true is for method: sft" for name in ("packing", "compile") if content.get(name) is True)
    if method != "prm" and "balance" in content:
        yield "balance: is for method: prm"
    if method == "prm" and found.accuracy is not None:
        yield "accuracy: a model that labels steps answers no questions; its validation rows measure it"
    if method == "prm" and found.lora is not None and not found.lora.merge:
        yield "lora.merge: false cannot be for method: prm: `rank` loads a whole model folder; leave it out"


def changed(settings: Training, changes: dict[str, object]) -> Training:
    """The same with other values, checked like a file's."""
    try:
        return Training.model_validate({**settings.model_dump(), **changes})
    except ValidationError as wrong:
        raise RecipeError(list(explain(wrong, Training)), "options") from wrong


OVERRIDES = ("learning_rate", "clip", "precision")
"""What may change between two sessions of one run."""


def overrides(given: Iterable[str]) -> dict[str, object]:
    """Values of ``--override NAME=VALUE``.

    Raises:
        UsageError: a name that cannot change within a run, or no value.
    """
    found: dict[str, object] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if name not in OVERRIDES or not equals:
            raise UsageError(f"--override {one}: must be NAME=VALUE, with one of {', '.join(OVERRIDES)}")
        found[name] = value
    return found


def _beside(value: str | None, folder: Path | None) -> str | None:
    """A path as the file means it; a name that is no path there stays a name."""
    if value is None or folder is None or "\0" in value:
        return value
    with suppress(RuntimeError):  # a name that begins with ~ and is no user's
        if (folder / Path(value).expanduser()).exists():
            return str(folder / Path(value).expanduser())
    return value
