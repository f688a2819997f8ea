"""Base models: a folder, an id on the hub, a GGUF file, or the embedded model. Weights in the form that is trained."""

from __future__ import annotations

import copy
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from reasonmed.backends._weights import embedded_weights, remembered_sha256
from reasonmed.documents import reason, small_text
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.training.settings import Training
    from reasonmed.training.shapes import Configuration, Network, Tokenizer, Weights

EMBEDDED = "embedded"
PLAIN = "plain"


class Head(NamedTuple):
    """What a model ends in."""

    kind: str = "AutoModelForCausalLM"
    """The class of transformers that builds it."""
    labels: tuple[str, ...] = ()
    """What it tells apart at every token; none of a model that writes."""
    words: str = "a causal language model"

    @property
    def arguments(self) -> dict[str, object]:
        """How transformers is told of the labels."""
        names = dict(enumerate(self.labels))
        return {"id2label": names, "label2id": {name: place for place, name in names.items()}} if names else {}

    def build(self, config: Configuration, **others: object) -> Network:
        """A model of this configuration with weights that are drawn."""
        import transformers

        for name, value in self.arguments.items():
            setattr(config, name, value)
        made: Network = getattr(transformers, self.kind).from_config(config, **others)
        return made


WRITES = Head()
"""Of a model that writes replies."""


class Base(NamedTuple):
    """Where a base model is."""

    name: str
    """What the training file calls it."""
    place: str
    """A folder or an id."""
    gguf: str | None
    """The file in the folder, for GGUF weights."""
    revision: str | None

    @property
    def arguments(self) -> dict[str, object]:
        """How transformers is told where it is."""
        told: dict[str, object] = {"pretrained_model_name_or_path": self.place, "revision": self.revision or "main"}
        return {**told, "gguf_file": self.gguf} if self.gguf else told


def find(settings: Training) -> Base:
    """The base model of a training file.

    Raises:
        UsageError: the path is there and is no model.
    """
    name = settings.base_model
    path = embedded_weights() if name == EMBEDDED else Path(name).expanduser()
    if path.is_file():
        if path.suffix != ".gguf":
            raise UsageError(f"base_model {name}: is a file and no GGUF file; a model is a folder with config.json")
        return Base(name, str(path.parent), path.name, None)
    if path.is_dir():
        if not (path / "config.json").is_file():
            held = ", ".join(sorted(one.name for one in path.iterdir())[:5]) or "nothing"
            raise UsageError(f"base_model {name}: the folder has no config.json, so it is no model; it holds {held}")
        return Base(name, str(path), None, None)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise UsageError(f"base_model {name}: there is no such folder or file")
    return Base(name, name, None, settings.revision)


def is_gguf(settings: Training) -> bool:
    """Whether the base model's weights are in a GGUF file."""
    return find(settings).gguf is not None


def identity(base: Base) -> str:
    """What the base model is, in a word that changes when it does: a hash of local weights, or id and revision."""
    if base.gguf:
        return f"{base.gguf} sha256:{remembered_sha256(Path(base.place, base.gguf))[:16]}"
    folder = Path(base.place)
    if folder.is_dir():
        files = sorted([*folder.glob("*.safetensors"), folder / "config.json"])
        return " ".join(f"{one.name}:{remembered_sha256(one)[:16]}" for one in files)
    return f"{base.place}@{base.revision or 'main'}"


def tokenizer(base: Base, template: str | None) -> Tokenizer:
    """The model's tokenizer, with the template to train with.

    Raises:
        UsageError: it cannot be loaded, or it has no chat template and none is named.
    """
    from transformers import AutoTokenizer

    found = _loaded(AutoTokenizer, base)
    if template == PLAIN:
        found.chat_template = (resources.files(__package__) / "plain.jinja").read_text(encoding="utf-8")
    elif template is not None:
        try:
            found.chat_template = small_text(Path(template))
        except (OSError, UnicodeDecodeError) as unread:
            raise UsageError(f"template {template}: cannot be read: {reason(unread)}") from unread
    if not found.chat_template:
        raise UsageError(
            f"{base.name} has no chat template (it is a base model): name one with `template: FILE.jinja`, or "
            "`template: plain` for the shipped one"
        )
    if found.eos_token_id is None:
        raise UsageError(f"the tokenizer of {base.name} has no end token, so no reply could end")
    if found.pad_token_id is None:
        found.pad_token = found.eos_token
    return cast("Tokenizer", found)


def config(base: Base) -> Configuration:
    """The model's configuration, without its weights."""
    from transformers import AutoConfig

    return cast("Configuration", _loaded(AutoConfig, base))


def context(found: Configuration) -> int | None:
    """Positions that the model was made for, if its configuration says so."""
    length = getattr(found.get_text_config(), "max_position_embeddings", None)
    return int(length) if length else None


def without_weights(found: Configuration, head: Head = WRITES) -> Network:
    """A model of this configuration, which takes no memory."""
    import torch

    try:
        with torch.device("meta"):
            model = head.build(copy.deepcopy(found))
    except (ValueError, KeyError, ImportError) as refused:
        what = " ".join(str(refused).split())[:400]
        raise UsageError(f"the base model is not {head.words} that transformers knows: {what}") from refused
    model.tie_weights()
    return model


def count(found: Configuration) -> int:
    """Parameters of a model of this configuration; tied weights count once."""
    return parameters(without_weights(found))


def parameters(model: Weights) -> int:
    """Parameters of a model; tied weights count once."""
    return sum(part.numel() for part in model.parameters())


def load(base: Base, dtype: object, attention: str, head: Head = WRITES) -> Network:
    """The model with its weights in ``dtype``; GGUF weights are de-quantized, and a new head of labels is drawn."""
    import torch
    import transformers

    model: Network
    if base.gguf is None:
        how = {"dtype": dtype, "attn_implementation": attention, "output_loading_info": True, **head.arguments}
        model, told = _loaded(getattr(transformers, head.kind), base, **how)
        if missing := _lacking(told["missing_keys"], model.base_model_prefix, head):
            raise UsageError(
                f"base_model {base.name}: its weights lack {len(missing)} parts of the model (first: {missing[0]}), "
                "which would be random; copy it again"
            )
        return model
    read = _loaded(transformers.AutoModelForCausalLM, base, dtype=torch.float32)
    plain = read.config
    if hasattr(plain, "quantization_config"):
        del plain.quantization_config
    fresh = head.build(plain, attn_implementation=attention, dtype=dtype)
    fitted = fresh.load_state_dict(read.state_dict(), strict=not head.labels)
    if missing := _lacking(fitted.missing_keys, fresh.base_model_prefix, head):
        raise UsageError(f"base_model {base.name}: its weights do not fit {head.words} (first missing: {missing[0]})")
    if not head.labels:
        fresh.generation_config = read.generation_config
    return fresh


def _lacking(missing: Iterable[str], body: str, head: Head) -> list[str]:
    """Parts without weights; a head of labels that a base has not yet is drawn, and is none of them."""
    return sorted(name for name in missing if not head.labels or name.startswith(f"{body}."))


def _loaded(kind: Any, base: Base, **others: Any) -> Any:  # noqa: ANN401
    try:
        return kind.from_pretrained(**base.arguments, trust_remote_code=False, **others)
    except MemoryError:
        raise
    except Exception as refused:  # whatever a library says of a folder that is none, or is damaged
        what = " ".join(str(refused).split())
        raise UsageError(
            f"base_model {base.name}: cannot be loaded as a causal language model: {what[:400]}. It must be a folder "
            "with config.json and weights, a GGUF file, or an id that the hub or its cache has"
        ) from refused
