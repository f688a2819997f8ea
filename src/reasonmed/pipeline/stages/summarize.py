"""Summarize: one concise response for each kept chain of thought; it may not contradict the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.contradiction import names_only, names_only_others, opening_option
from reasonmed.parsing.thinking import clean, split_thinking
from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages._reply import (
    check_prose,
    check_reply,
    known_key,
    language_flags,
    unread_problem,
    unread_words,
)
from reasonmed.recipe.options import Summarize
from reasonmed.recipe.stages import RoleSpec, StageSpec
from reasonmed.screening.echo import echoed_share
from reasonmed.types import Dropped, Failure, Kept, letter

if TYPE_CHECKING:
    from reasonmed.exchange import Completion, Request
    from reasonmed.parsing.answer import Answer
    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.options import Stages
    from reasonmed.types import Question, Story


_LONG = 40
"""Words of a chain of thought; a shorter one may well be its own summary."""
_WHOLE = 0.8


async def summarize(story: Story, team: Team) -> Story:
    """Write the responses. A kept chain whose response does not come is dropped, with the reason."""
    if team.roles["summarizer"] is None or not story.kept:
        return story
    results = await gather(_summarized(story, kept, team) for kept in story.kept)
    kept = tuple(one for one in results if isinstance(one, Kept))
    dropped = (*story.dropped, *(one for one in results if isinstance(one, Dropped)))
    failure = None if kept else Failure("no_response", "; ".join(one.reason for one in dropped))
    return replace(story, kept=kept, dropped=dropped, failure=failure)


async def _summarized(story: Story, kept: Kept, team: Team) -> Kept | Dropped:
    question, agent = story.question, team.roles["summarizer"]
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
        check_reply(completion, keep_truncated=keep_truncated, refusals=agent.refusals)
        text = check_prose(clean(split_thinking(completion.text).text), question, agent)
        _check_own(text, kept.text)
        _check_answer(text, question, expected)
        return text

    values = {"key": known_key(question), "chain_of_thought": kept.text}
    try:
        response = await agent.ask(question, values, parse)
    except (UnparsableReply, RequestRejected) as lost:
        return Dropped("summarize", f"no response came: {lost}", kept.parent)
    flags = dict.fromkeys((*kept.flags, *(["response_truncated"] if cut else []), *language_flags(response, question)))
    return replace(kept, response=response, response_model=agent.label, response_sent=sent, flags=tuple(flags))


def _check_own(text: str, chain: str) -> None:
    """Raise where a response is nothing, or the chain of thought again."""
    if not text:
        raise UnparsableReply("it is empty", "empty")
    length = len(chain.split())
    if length >= _LONG and len(text.split()) >= _WHOLE * length and echoed_share(text, chain) >= _WHOLE:
        raise UnparsableReply("it repeats the reasoning instead of summing it up", "copy")


def _check_answer(text: str, question: Question, expected: int | None) -> None:
    """Raise where a response does not state the expected option, or states another one beside it."""
    said = parse_answer(text, question.options)
    if expected is None:
        _check_ending(text, question, said)
        return
    label = opening_option(text, question.options)
    alone = said is None and names_only(text, question.options, expected)
    if said is not None and said.option != expected:
        raise UnparsableReply(
            f"it answers {letter(said.option)}, but the answer is {letter(expected)}", "contradiction"
        )
    if (said is not None or alone) and label not in (None, expected):
        raise UnparsableReply(f"it begins with another option, but the answer is {letter(expected)}", "contradiction")
    if said is not None or (alone and label == expected):
        return
    _check_ending(text, question, said)
    if names_only_others(text, question.options, expected):
        raise UnparsableReply(f"it names another option, but the answer is {letter(expected)}", "contradiction")
    if not alone:
        raise UnparsableReply(f"it does not say that the answer is {letter(expected)}", "unanswered")


def _check_ending(text: str, question: Question, said: Answer | None) -> None:
    words = "" if said else unread_words(text, question)
    if words:
        raise UnparsableReply(unread_problem(words), "unread")


def _example(request: Request, choice: str, drawn: int) -> str:  # noqa: ARG001 - the shape of every example
    return f"The answer is {choice}, because the findings fit it best. (Made up, {drawn % 1000}.)"


def _shaping(stages: Stages) -> dict[str, object]:
    return {"keep_truncated": stages.generate is not None and stages.generate.keep_truncated}


SPEC = StageSpec(
    name="summarize",
    run=summarize,
    options=Summarize,
    roles=(RoleSpec(name="summarizer", prompt="summarize", example=_example),),
    about="Write one concise response for every kept chain of thought.",
    verb="wrote the responses",
    done="summarized",
    priority=70,
    card=("temperature", "top_p", "max_tokens"),
    writes="response",
    open_ended=True,
    rows="record",
    shaped_by=_shaping,
)
