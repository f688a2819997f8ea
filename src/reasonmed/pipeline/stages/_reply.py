"""What a reply must be to count as a chain of thought or a response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed.errors import CutReply, UnparsableReply
from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.thinking import clean, split_thinking
from reasonmed.screening.refusal import find_refusal
from reasonmed.types import ChainOfThought

if TYPE_CHECKING:
    from reasonmed.pipeline.agent import Agent
    from reasonmed.recipe.options import Stages
    from reasonmed.types import Completion, Question

_FEW_WORDS = 80
"""Visible text of fewer words is no chain of thought on its own: the thinking goes before it."""

What = Literal["visible", "reasoning", "both"]


def known_key(question: Question) -> str:
    """The key for a prompt that can do without one; empty where there is none."""
    return "" if question.answer is None else question.key_text


def check_reply(completion: Completion, *, keep_truncated: bool) -> None:
    """Raise where a reply is cut, filtered, empty or refused."""
    if completion.finish_reason == "content_filter":
        raise UnparsableReply("a content filter stopped it", "filtered")
    cut = completion.cut or not split_thinking(completion.text).closed
    if cut and not keep_truncated:
        raise CutReply("it was cut at the token limit", "cut")
    if not (completion.text.strip() or (completion.reasoning or "").strip()):
        raise UnparsableReply("it is empty", "empty")
    if find_refusal(completion.text):
        raise UnparsableReply("it refuses to answer", "refused")


class Wanted(NamedTuple):
    """What a recipe wants of a chain of thought."""

    what: What = "visible"
    keep_truncated: bool = False
    min_words: int = 1

    @classmethod
    def by(cls, stages: Stages) -> Wanted:
        """As the generate stage says."""
        options = stages.generate
        return cls() if options is None else cls(options.cot, options.keep_truncated, options.min_words)


def parse_chain(
    completion: Completion, question: Question, agent: Agent, wanted: Wanted, sample: int = 0
) -> ChainOfThought:
    """A chain of thought from a reply, with the option that it concludes.

    Raises:
        UnparsableReply: the reply is cut, filtered, empty, refused or too short to be reasoning.
    """
    check_reply(completion, keep_truncated=wanted.keep_truncated)
    thinking, visible = _apart(completion)
    stored = _stored(thinking, visible, wanted.what)
    text = clean(stored)
    if not text:
        raise UnparsableReply("it holds no reasoning", "empty")
    if len(text.split()) < wanted.min_words:
        raise UnparsableReply(f"it has {len(text.split())} words, too few to hold any reasoning", "short")
    concluded = parse_answer((text if visible == stored else clean(visible)) or text, question.options)
    return ChainOfThought(
        text=text,
        model=agent.label,
        answer=concluded.option if concluded else None,
        temperature=agent.sampling.temperature,
        sample=sample,
        truncated=completion.cut,
        served=completion.served,
        sent=completion.sent,
    )


def _apart(completion: Completion) -> tuple[str, str]:
    if completion.reasoning:
        return completion.reasoning, completion.text
    split = split_thinking(completion.text)
    return split.reasoning or "", split.text


def _stored(thinking: str, visible: str, what: What) -> str:
    together = f"{thinking.strip()}\n\n{visible.strip()}".strip()
    if what == "both":
        return together
    if what == "reasoning":
        return thinking or visible
    return visible if len(visible.split()) >= _FEW_WORDS else together
