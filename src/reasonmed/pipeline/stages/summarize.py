"""Summarize: one concise response for each kept chain of thought; it may not contradict the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.contradiction import names_only_others
from reasonmed.parsing.thinking import clean, split_thinking
from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages._reply import check_prose, check_reply, known_key, unread_problem, unread_words
from reasonmed.types import Dropped, Failure, Kept, letter

if TYPE_CHECKING:
    from reasonmed.exchange import Completion
    from reasonmed.pipeline.team import Team
    from reasonmed.types import Question, Story


async def summarize(story: Story, team: Team) -> Story:
    """Write the responses. A kept chain whose response does not come is dropped, with the reason."""
    if team.summarizer is None or not story.kept:
        return story
    results = await gather(_summarized(story, kept, team) for kept in story.kept)
    kept = tuple(one for one in results if isinstance(one, Kept))
    dropped = (*story.dropped, *(one for one in results if isinstance(one, Dropped)))
    failure = None if kept else Failure("no_response", "; ".join(one.reason for one in dropped))
    return replace(story, kept=kept, dropped=dropped, failure=failure)


async def _summarized(story: Story, kept: Kept, team: Team) -> Kept | Dropped:
    question, agent = story.question, team.summarizer
    if agent is None:
        return kept
    generate = team.stages.generate
    keep_truncated = bool(generate and generate.keep_truncated)
    concluded = parse_answer(kept.text, question.options)
    expected = question.answer if question.answer is not None else concluded.option if concluded else None
    cut, sent = False, None

    def parse(completion: Completion) -> str:
        nonlocal cut, sent
        cut, sent = completion.cut, completion.sent
        return check_prose(_response(completion, question, expected, keep_truncated=keep_truncated), agent)

    values = {"key": known_key(question), "chain_of_thought": kept.text}
    try:
        response = await agent.ask(question, values, parse)
    except (UnparsableReply, RequestRejected) as lost:
        return Dropped("summarize", f"no response came: {lost}", kept.parent)
    flags = (*kept.flags, "response_truncated") if cut else kept.flags
    return replace(kept, response=response, response_model=agent.label, response_sent=sent, flags=flags)


def _response(completion: Completion, question: Question, expected: int | None, *, keep_truncated: bool) -> str:
    check_reply(completion, keep_truncated=keep_truncated)
    text = clean(split_thinking(completion.text).text)
    if not text:
        raise UnparsableReply("it is empty", "empty")
    said = parse_answer(text, question.options)
    if said is not None and expected in (None, said.option):
        return text
    if said is not None and expected is not None:
        raise UnparsableReply(
            f"it answers {letter(said.option)}, but the answer is {letter(expected)}", "contradiction"
        )
    if expected is not None and names_only_others(text, question.options, expected):
        raise UnparsableReply(f"it names another option, but the answer is {letter(expected)}", "contradiction")
    words = unread_words(text, question)
    if words:
        raise UnparsableReply(unread_problem(words), "unread")
    return text
