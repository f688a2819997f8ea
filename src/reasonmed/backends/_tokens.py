"""What a model's tokenizer makes of requests: the same for every engine that runs a model folder in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.backends._chat import tokens_of
from reasonmed.errors import RequestRejected
from reasonmed.parsing.thinking import opening

if TYPE_CHECKING:
    from reasonmed.backends._chat import Tokenizer
    from reasonmed.exchange import Request

_LAST = 32
"""Tokens at the end of a prompt that may open the thinking."""
UNBOUNDED = 1 << 30
"""A limit that no text meets: contexts are checked here, and longer texts are no reason to warn."""


def prompt_of(tokenizer: Tokenizer, request: Request) -> list[int]:
    """The request through the model's own chat template; as plain text where it has none.

    Control tokens in the text of a message are read as text: a question cannot end its own turn.
    """
    turns = [{"role": message.role, "content": message.content} for message in request.messages]
    if not tokenizer.chat_template:
        text = "\n\n".join(turn["content"] for turn in turns) + "\n"
        return encoded(tokenizer, text)
    more = (request.extra_body or {}).get("chat_template_kwargs", {})
    (found,) = tokens_of(tokenizer, [turns], ask=True, **more)
    return found


def opened(tokenizer: Tokenizer, prompt: list[int]) -> str:
    """The mark of thinking in which a prompt lets the reply begin; it belongs before the reply's text."""
    return opening(tokenizer.decode(prompt[-_LAST:], skip_special_tokens=False))


def pairs_of(tokenizer: Tokenizer, request: Request) -> list[tuple[list[int], list[int]]]:
    """Context and continuation, for each continuation that the request wants scored."""
    text = request.messages[0].content
    return [_pair(tokenizer, text, continuation) for continuation in (request.extra_body or {})["loglikelihood"]]


def _pair(tokenizer: Tokenizer, context: str, continuation: str) -> tuple[list[int], list[int]]:
    """Both as tokens of the whole text; spaces at the context's end go to the continuation."""
    kept = context.rstrip()
    continuation, context = context[len(kept) :] + continuation, kept
    whole, head = encoded(tokenizer, context + continuation), encoded(tokenizer, context)
    return head, whole[len(head) :]


def encoded(tokenizer: Tokenizer, text: str) -> list[int]:
    """A text with what the tokenizer puts before it, and without what it adds at the end: the text goes on there."""
    whole, bare = list(tokenizer.encode(text)), list(tokenizer.encode(text, add_special_tokens=False))
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return whole[: start + len(bare)]
    return whole


def too_long(prompt: int, context: int) -> RequestRejected:
    """The rejection of a prompt that leaves no room for a reply."""
    return RequestRejected(f"the prompt has {prompt} tokens, the model's context {context}", "context")
