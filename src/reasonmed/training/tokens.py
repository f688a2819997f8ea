"""Rows as tokens, and what there is to say about them before a step is taken."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from jinja2 import TemplateError

from reasonmed.backends._chat import controls_in, end_of, ending, tokens_of
from reasonmed.errors import UsageError
from reasonmed.training.step_masks import masked_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reasonmed.training.data import Messages
    from reasonmed.training.settings import Training
    from reasonmed.training.shapes import Tokenizer

MASKED = -100
"""The label of a token that is no part of the loss."""
MOST_LOST = 0.01
"""The share of rows that may be too long or without a loss."""
CHECKED = 100
"""How many rows the template is checked on."""
_BATCH = 500
_THINK = re.compile(r"</?think>")


class Kept(Protocol):
    """What rows as tokens of every kind have."""

    @property
    def row(self) -> int:
        """Its place in the file, from 0."""

    @property
    def learned(self) -> int:
        """Tokens with a loss."""

    def __len__(self) -> int:
        """Tokens that go through the model."""


K = TypeVar("K", bound=Kept)


class Tokenized(NamedTuple):
    """A prompt and its reply as tokens."""

    row: int
    """Its place in the file, from 0."""
    ids: Any
    """int32 array of token ids."""
    start: int
    """The first token of the reply: labels before it are masked."""
    masked: tuple[int, ...] = ()
    """Places of tokens of the reply whose labels are masked too."""

    @property
    def learned(self) -> int:
        """Tokens of the reply that are learned."""
        return len(self) - self.start - len(self.masked)

    def __len__(self) -> int:
        return len(self.ids)


class Said(NamedTuple):
    """A prompt and a reply."""

    id: str
    prompt: Messages
    reply: Messages
    masked: tuple[tuple[int, int], ...] = ()
    """As in a row of the data."""


class Tokens(NamedTuple, Generic[K]):
    """The rows of a split that are trained on, and what became of the others."""

    kept: list[K]
    lengths: list[int]
    """Tokens of the longest text of every row, also of those that were dropped."""
    too_long: list[str]
    """Ids of rows over the limit: dropped whole, never cut."""
    masked: list[str]
    """Ids of rows without a token to learn."""
    unlike: int
    """Rows whose prompt alone is rendered differently from the same prompt before a reply."""
    controls: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Ids of rows that were refused for control tokens in their texts, with these tokens."""

    @property
    def lost(self) -> int:
        """Rows that are not trained on."""
        return len(self.too_long) + len(self.masked) + len(self.controls)

    @property
    def total(self) -> int:
        """Tokens of the rows that are kept."""
        return sum(len(one) for one in self.kept)

    @property
    def learned(self) -> int:
        """Tokens with a loss."""
        return sum(one.learned for one in self.kept)

    def percentile(self, share: float) -> int:
        """The length that this share of the rows does not exceed."""
        ordered = sorted(self.lengths)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def tokenize(rows: Sequence[Said], tokenizer: Tokenizer, limit: int, settings: Training) -> Tokens[Tokenized]:
    """Render and tokenize prompts with their replies; drop those over ``limit`` tokens or with control tokens.

    Raises:
        UsageError: a row has masked texts, and which tokens those are cannot be told.
    """
    import numpy as np

    refused = refused_controls(tokenizer, ((row.id, (*row.prompt, *row.reply)) for row in rows), settings)
    done = Tokens[Tokenized]([], [], [], [], 0, refused)
    unlike = 0
    for first in range(0, len(rows), _BATCH):
        part = rows[first : first + _BATCH]
        prompts = render(tokenizer, [row.prompt for row in part], ask=True)
        wholes = render(tokenizer, [(*row.prompt, *row.reply) for row in part], ask=False)
        for place, (row, prompt, whole) in enumerate(zip(part, prompts, wholes, strict=True), first):
            start = _common(prompt, whole)
            unlike += start < len(prompt)
            done.lengths.append(len(whole))
            if row.id in refused:
                continue
            if start >= len(whole):
                done.masked.append(row.id)
            elif len(whole) > limit:
                done.too_long.append(row.id)
            else:
                masked = masked_tokens(tokenizer, row, whole, start) if row.masked else ()
                done.kept.append(Tokenized(place, np.asarray(whole, dtype=np.int32), start, masked))
    return done._replace(unlike=unlike)


def refused_controls(
    tokenizer: Tokenizer,
    texts: Iterable[tuple[str, Messages]],
    settings: Training,
) -> dict[str, tuple[str, ...]]:
    """Ids of rows whose texts hold control tokens, with these tokens; none where the training file wants them as text.

    Learned as tokens, an end of turn within a reply teaches the model to stop there, or to take the user's turn.
    """
    if settings.control_tokens == "text":
        return {}
    found = ((name, controls_in(tokenizer, (one.chat for one in messages))) for name, messages in texts)
    return {name: tuple(tokens) for name, tokens in found if tokens}


def render(tokenizer: Tokenizer, chats: Iterable[Messages], *, ask: bool) -> list[list[int]]:
    """Token ids of conversations by the chat template; with ``ask`` up to where the reply begins.

    Raises:
        UsageError: the chat template refuses one.
    """
    told = [[message.chat for message in chat] for chat in chats]
    try:
        return tokens_of(tokenizer, told, ask=ask)
    except TemplateError as refused:
        raise UsageError(f"the chat template refuses a row: {refused}. Name another one with `template:`") from refused


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    """The length of the common beginning."""
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))


def check_share(tokens: Tokens[Any], limit: int, *, bound: str, what: str = "rows") -> None:
    """Refuse a split of which more than one row in a hundred would be lost.

    Args:
        tokens: the split.
        limit: tokens of the longest row that is kept.
        bound: what set the limit, ``max_length`` or the model's ``context``.
        what: the split's rows in words.

    Raises:
        UsageError: with the share, the cause and the fix.
    """
    rows = len(tokens.lengths)
    if len(tokens.controls) > MOST_LOST * rows:
        first, names = next(iter(tokens.controls.items()))
        raise UsageError(
            f"{len(tokens.controls)} of {rows} {what} hold control tokens of the model in their texts (first: {first} "
            f"with {', '.join(names)}), which would be learned as tokens; at most {MOST_LOST:.0%} may be left out. "
            "Take them out of the data, or say `control_tokens: text`, and they are read as plain text"
        )
    if len(tokens.masked) > MOST_LOST * rows:
        raise UsageError(
            f"{len(tokens.masked)} of {rows} {what} have no token to learn (first: {tokens.masked[0]}): the chat "
            "template does not render the reply. Name another one with `template:`"
        )
    if len(tokens.too_long) > MOST_LOST * rows:
        fix = "Raise `max_length:`, take" if bound == "max_length" else "Take"
        raise UsageError(
            f"{len(tokens.too_long)} of {rows} {what} are longer than {limit} tokens, the {bound} (longest: "
            f"{max(tokens.lengths)}, first: {tokens.too_long[0]}); at most {MOST_LOST:.0%} may be left out. {fix} "
            "a model with a longer context, or leave these rows out of the data"
        )
    if not tokens.kept:
        raise UsageError(f"none of {rows} {what} is left: all are too long, without a reply, or hold control tokens")


def check_template(tokens: Tokens[Tokenized], rows: Sequence[Said], tokenizer: Tokenizer) -> None:
    """Check on rows spread over the data that the whole reply is in the loss, and that it ends with an end token.

    Raises:
        UsageError: the template loses a part of the reply, or never ends it.
    """
    for one in tokens.kept[:: max(len(tokens.kept) // CHECKED, 1)]:
        row, learned = rows[one.row], [int(token) for token in one.ids[one.start :]]
        shown = _words(tokenizer.decode(learned, skip_special_tokens=False))
        for part in (part for message in row.reply for text in message.texts for part in _THINK.split(text)):
            wanted = _words(tokenizer.decode(tokenizer(part, add_special_tokens=False)["input_ids"]))
            if wanted not in shown:
                raise UsageError(
                    f"the chat template loses text of the reply of {row.id!r}: {_short(part)!r} is not in the loss. "
                    "Name another template with `template:` (a Jinja file, or `plain`)"
                )
        tail = ending(tokenizer, [message.chat for message in (*row.prompt, *row.reply[:-1])])
        end = end_of(tokenizer, tail)
        if end is None or learned[-len(tail) + tail.index(end) :] != tail[tail.index(end) :]:
            raise UsageError(
                f"the chat template does not end the reply of {row.id!r} with an end token: a model trained on it "
                "would never stop. Name another template with `template:`"
            )


def _words(text: str) -> str:
    return "".join(text.split())


def _short(text: str, most: int = 80) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
