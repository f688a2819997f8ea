"""Blind: another model, given the reasoning without its conclusion and without the key, must reach the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.exchange import SamplingParameters
from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.conclusion import without_conclusion
from reasonmed.pipeline.stages._reply import check_reply
from reasonmed.types import letter

if TYPE_CHECKING:
    from reasonmed.exchange import Completion
    from reasonmed.pipeline.agent import Agent
    from reasonmed.recipe.options import Role
    from reasonmed.types import Question, Rewrite

_FEW_WORDS = 20
_MOST_TOKENS = 4000


class Reading(NamedTuple):
    """What a blind reader concluded; ``problem`` says why that is not the key, ``lost`` whether no reply was usable."""

    answer: int | None
    problem: str | None
    lost: bool = False


def reading(options: Role) -> SamplingParameters:
    """How a blind reader is sampled."""
    return SamplingParameters(0.0, None, min(options.max_tokens, _MOST_TOKENS))


async def read(question: Question, text: str, reader: Agent, sample: int = 0) -> Reading:
    """What a reader without the key reaches from a text without its conclusion."""
    reasoning = without_conclusion(text)
    if len(reasoning.split()) < _FEW_WORDS:
        return Reading(None, "without its conclusion there is no reasoning left")
    asked = replace(question, answer=None)
    try:
        found = await reader.ask(asked, {"reasoning": reasoning}, lambda reply: _parse(reply, asked), sample=sample)
    except (UnparsableReply, RequestRejected) as lost:
        return Reading(None, f"the blind reader gave no usable reply: {lost.kind}", lost=True)
    said: str = "no option" if found is None else letter(found)
    wrong = None if found == question.answer else f"the blind reader reached {said} from the reasoning alone"
    return Reading(found, wrong)


async def read_blind(question: Question, rewrite: Rewrite, reader: Agent) -> Rewrite:
    """The rewrite with what the blind reader concluded; a problem where that is not the key."""
    found = await read(question, rewrite.chain.text, reader, rewrite.round)
    return replace(rewrite, problem=found.problem, blind_answer=found.answer, blind_model=reader.label)


def _parse(completion: Completion, question: Question) -> int | None:
    check_reply(completion, keep_truncated=False)
    found = parse_answer(completion.text, question.options)
    return found.option if found else None
