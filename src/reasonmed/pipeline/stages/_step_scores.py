"""A process reward model asked for the steps of a chain of thought: a chain is as good as its least likely step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.exchange import Message
from reasonmed.parsing.steps import split_steps

if TYPE_CHECKING:
    from reasonmed.exchange import Completion, Request
    from reasonmed.pipeline.agent import Agent
    from reasonmed.types import ChainOfThought, Question

PROMPT = "rank_steps"
"""The question as exports ask it: a process reward model is trained on rows of them."""


async def step_scored(question: Question, chain: ChainOfThought, scorer: Agent) -> ChainOfThought:
    """The chain with the probability of its least likely step; without one where none comes."""
    try:
        completion = await scorer.complete(_asked(question, chain.text, scorer))
        return replace(chain, step_score=min(_chances(completion)))
    except (UnparsableReply, RequestRejected) as lost:
        return replace(chain, justification=f"no score: {lost.kind}")


def _asked(question: Question, text: str, scorer: Agent) -> Request:
    """The question, the chain as the reply to it, and where its steps end."""
    first = scorer.request(question, {})
    ends = [span.end for span in split_steps(text)]
    messages = (*first.messages, Message("assistant", text))
    return replace(first, messages=messages, extra_body={**(first.extra_body or {}), "steps": ends})


def _chances(completion: Completion) -> list[float]:
    try:
        found = msgspec.json.decode(completion.text, type=list[float])
    except msgspec.DecodeError as wrong:
        raise UnparsableReply(f"it is no list of numbers: {wrong}") from wrong
    if not found:
        raise UnparsableReply("it is empty")
    return found
