"""What is asked of the objects of transformers, which have no types of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, overload

from reasonmed.backends import _chat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    Logged = Mapping[str, float]
    """What a trainer logs at a step."""
    Tell = Callable[[Mapping[str, float | str]], None]
    """Called with what is logged, with the pace, and with remarks."""


class Tokenizer(_chat.Tokenizer, Protocol):
    """A tokenizer to train with: it has a template, an end and something to pad with."""

    eos_token: str
    pad_token_id: int

    @overload
    def convert_ids_to_tokens(self, ids: int) -> str: ...

    @overload
    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]: ...

    def save_pretrained(self, folder: Path) -> object:
        """Write its files."""
        ...


class Ending(Protocol):
    """What names the tokens after which a model stops; some configurations lack it."""

    eos_token_id: int | list[int] | None


class Text(Ending, Protocol):
    """The part of a configuration that is about text; what some models lack is asked for by `getattr`."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int


class Configuration(Ending, Protocol):
    """A model's configuration."""

    model_type: str

    def get_text_config(self) -> Text:
        """The part that is about text."""
        ...


class Sized(Protocol):
    """A part of a model."""

    def numel(self) -> int:
        """The number of its parameters."""
        ...


class Weights(Protocol):
    """A model, as far as its parameters are counted."""

    def parameters(self) -> Sequence[Sized]:
        """All of them."""
        ...


class Saved(Protocol):
    """What a folder of a model has a file of."""

    def save_pretrained(self, folder: Path) -> object:
        """Write its files."""
        ...


class Generation(Saved, Ending, Protocol):
    """How a model generates."""


class Fit(Protocol):
    """How given weights fit a model."""

    missing_keys: list[str]


class Layer(Protocol):
    """A part of a model that others can listen to."""

    def register_forward_hook(self, hook: Callable[..., object]) -> object:
        """Call it with what comes out."""
        ...


class Network(Weights, Saved, Protocol):
    """A causal language model."""

    config: Configuration
    generation_config: Generation

    def modules(self) -> Iterable[object]:
        """All its parts."""
        ...

    def named_modules(self) -> Iterable[tuple[str, object]]:
        """All its parts with their names."""
        ...

    def get_input_embeddings(self) -> Layer:
        """What turns tokens into vectors."""
        ...

    def state_dict(self) -> Mapping[str, object]:
        """All its weights, by their names."""
        ...

    base_model_prefix: str
    """What the names of all its weights but those of its head begin with."""

    def load_state_dict(self, state: Mapping[str, object], *, strict: bool) -> Fit:
        """Take these weights."""
        ...

    def tie_weights(self) -> object:
        """Let parts that are one be one."""
        ...


class Adapted(Network, Protocol):
    """A model with adapters of peft."""

    def merge_and_unload(self) -> Network:
        """The model with the adapters in its weights."""
        ...


class Accelerator(Protocol):
    """What wraps models for several devices."""

    def unwrap_model(self, model: object) -> Adapted:
        """The model itself; with adapters only where it was trained so."""
        ...


class State(Protocol):
    """Where a trainer stands."""

    global_step: int
    max_steps: int
    is_world_process_zero: bool
    log_history: list[dict[str, float]]


class Trained(Protocol):
    """What a trainer returns."""

    metrics: dict[str, float]
