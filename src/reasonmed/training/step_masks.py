"""Which tokens of a row are those of texts that are not to be learned: found by offsets, never by likeness."""

from __future__ import annotations

from itertools import accumulate, chain, count, pairwise
from typing import TYPE_CHECKING, Protocol

from reasonmed.backends._chat import controls_in
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.training.data import Message, Messages
    from reasonmed.training.shapes import Tokenizer


class Said(Protocol):
    """A prompt and a reply with masked texts."""

    @property
    def id(self) -> str:
        """Of the row."""

    @property
    def prompt(self) -> Messages:
        """What is asked."""

    @property
    def reply(self) -> Messages:
        """What is said, one message."""

    @property
    def masked(self) -> tuple[tuple[int, int], ...]:
        """Starts and ends of the masked texts."""


def masked_tokens(tokenizer: Tokenizer, row: Said, ids: Sequence[int], start: int) -> tuple[int, ...]:
    """Places of the tokens, from ``start`` on, that overlap a row's masked texts.

    Args:
        tokenizer: a fast one, since others have no offsets.
        row: what is asked and said, with the masked texts.
        ids: the row as tokens.
        start: the first token of the reply.

    Raises:
        UsageError: the tokenizer has no offsets, or the row as tokens is not its text as rendered.
    """
    if not tokenizer.is_fast:
        raise UsageError(
            "masked steps need a fast tokenizer (tokenizer.json), which says where in a text a token stands, and this "
            "model has none. Export without --mask-steps, or take another model"
        )
    whole, spans = _rendered(tokenizer, row)
    told = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    if list(told["input_ids"]) != list(ids):
        raise UsageError(
            f"row {row.id!r} has masked steps and control tokens that are read as text ({_controls(tokenizer, row)}): "
            "which of its tokens are those of the steps is not known. Take the control tokens out of the row"
        )
    return tuple(
        place
        for place, (first, last) in enumerate(told["offset_mapping"])
        if place >= start and any(first < end and last > begin for begin, end in spans)
    )


def _rendered(tokenizer: Tokenizer, row: Said) -> tuple[str, list[tuple[int, int]]]:
    """The row as its template writes it, and where the masked texts are in it.

    Marks stand at their ends while the template renders once more; but for the marks nothing may differ.
    """
    (reply,) = row.reply
    prompt = [message.chat for message in row.prompt]
    mark = next(one for one in (f"\ue002{number}\ue003" for number in count()) if not _holds(row, one))
    plain, marked = (
        str(tokenizer.apply_chat_template([*prompt, turn], tokenize=False, add_generation_prompt=False))
        for turn in (reply.chat, _marked(reply, row.masked, mark))
    )
    pieces = marked.split(mark)
    if "".join(pieces) != plain or len(pieces) != 2 * len(row.masked) + 1:
        raise UsageError(
            f"the chat template changes the reply of {row.id!r}, so that its masked steps cannot be found in it. Name "
            "another template with `template:` (a Jinja file, or `plain`), or export without --mask-steps"
        )
    ends = [0, *accumulate(map(len, pieces))]
    return plain, list(zip(ends[1:-1:2], ends[2:-1:2], strict=True))


def _marked(reply: Message, spans: Sequence[tuple[int, int]], mark: str) -> dict[str, str]:
    name = "content" if reply.reasoning_content is None else "reasoning_content"
    text = reply.chat[name]
    ends = [0, *chain.from_iterable(spans), len(text)]
    return {**reply.chat, name: mark.join(text[a:b] for a, b in pairwise(ends))}


def _holds(row: Said, mark: str) -> bool:
    return any(mark in text for message in (*row.prompt, *row.reply) for text in message.texts)


def _controls(tokenizer: Tokenizer, row: Said) -> str:
    return ", ".join(controls_in(tokenizer, (message.chat for message in (*row.prompt, *row.reply)))) or "unknown"
