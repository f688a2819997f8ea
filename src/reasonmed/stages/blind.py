"""Blind: another model, given the reasoning without its conclusion and without the key, must reach the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.conclusion import without_conclusion
from reasonmed.stages.prose import check_reply
from reasonmed.types import letter

if TYPE_CHECKING:
    from reasonmed.agents import Agent
    from reasonmed.types import Completion, Question, Rewrite

_FEW_WORDS = 20


async def read_blind(question: Question, rewrite: Rewrite, reader: Agent) -> Rewrite:
    """The rewrite with what the blind reader concluded; a problem where that is not the key."""
    reasoning = without_conclusion(rewrite.chain.text)
    if len(reasoning.split()) < _FEW_WORDS:
        return replace(rewrite, problem="without its conclusion there is no reasoning left", blind_model=reader.label)
    asked = replace(question, answer=None)
    try:
        found = await reader.ask(
            asked, {"reasoning": reasoning}, lambda reply: _parse(reply, asked), sample=rewrite.round
        )
    except (UnparsableReply, RequestRejected) as lost:
        problem = f"the blind reader gave no usable reply: {lost.kind}"
        return replace(rewrite, problem=problem, blind_model=reader.label)
    said: str = "no option" if found is None else letter(found)
    wrong = None if found == question.answer else f"the blind reader reached {said} from the reasoning alone"
    return replace(rewrite, problem=wrong, blind_answer=found, blind_model=reader.label)


def _parse(completion: Completion, question: Question) -> int | None:
    check_reply(completion, keep_truncated=False)
    found = parse_answer(completion.text, question.options)
    return found.option if found else None
