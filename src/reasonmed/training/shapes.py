"""What is asked of the objects of transformers, which have no types of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, overload

from reasonmed.backends import _chat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


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


class Text(Protocol):
    """The part of a configuration that is about text; what some models lack is asked for by `getattr`."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int


class Configuration(Protocol):
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
