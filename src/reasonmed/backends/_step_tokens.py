"""A prompt and the steps of its reply as tokens: the same for who trains on labels of steps and who asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.backends._chat import text_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reasonmed.backends._chat import Tokenizer

LABELS = ("fault", "ok")
"""What a process reward model tells apart at the last token of a step."""


class Stepped(NamedTuple):
    """Tokens of a prompt with the steps behind it."""

    ids: list[int]
    ends: list[int]
    """The place of the last token of each step."""


def stepped(tokenizer: Tokenizer, prompt: Sequence[int], steps: Iterable[str]) -> Stepped:
    """Each step as tokens by itself, so that its last token is its own and depends on nothing that follows."""
    ids, ends = list(prompt), list[int]()
    for step in steps:
        ids += text_tokens(tokenizer, step)
        ends.append(len(ids) - 1)
    return Stepped(ids, ends)
