"""The token that ends a reply: found in what the chat template writes, and made an end of the model that is saved.

The end of a turn and the end of text are two tokens in many base models (Qwen's ``<|im_end|>`` and ``<|endoftext|>``).
A model learns to stop with the first; whoever runs it stops at what its files name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.backends._chat import end_of, ending
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.training.shapes import Network, Tokenizer


class End(NamedTuple):
    """How replies end."""

    token: int
    text: str
    """The token's text, as ``eos_token`` of a tokenizer has it."""
    base: str
    """The tokenizer's own ``eos_token`` before."""

    @property
    def differs(self) -> bool:
        """Whether the base model's tokenizer names another token."""
        return self.text != self.base


def find(tokenizer: Tokenizer, prompt: Sequence[dict[str, str]]) -> End:
    """The token with which the chat template ends a reply to this prompt.

    Raises:
        UsageError: there is none.
    """
    tail = ending(tokenizer, prompt)
    token = end_of(tokenizer, tail)
    if token is None:
        raise UsageError(
            "the chat template does not end a reply with an end token (behind the reply it puts "
            f"{tokenizer.decode(tail)!r}): a model trained on it would never stop. Name another template with "
            "`template:`"
        )
    return End(token, tokenizer.convert_ids_to_tokens(token), tokenizer.eos_token)


def adopt(tokenizer: Tokenizer, end: End, prompt: Sequence[dict[str, str]]) -> None:
    """Make it the tokenizer's ``eos_token``, unless the template renders something else for it."""
    before = ending(tokenizer, prompt)
    tokenizer.eos_token = end.text
    if ending(tokenizer, prompt) != before:
        tokenizer.eos_token = end.base


def stop_at(model: Network, end: End) -> None:
    """Make it an end of the model's configuration and of how it generates; ends that they have already stay."""
    generating = getattr(model, "generation_config", None)  # none of a model that writes nothing
    for config in (model.config.get_text_config(), model.config, *([generating] if generating else ())):
        config.eos_token_id = with_end(getattr(config, "eos_token_id", None), end.token)


def with_end(known: int | list[int] | None, token: int) -> int | list[int]:
    """Ends as a configuration has them, with one more first."""
    ends = [] if known is None else [known] if isinstance(known, int) else list(known)
    if token in ends:
        return known if known is not None else token
    return [token, *ends] if ends else token
