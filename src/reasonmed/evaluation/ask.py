"""Asks one model one question as often as the settings say, and reads the answers. Nothing is asked a second time."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UsageError
from reasonmed.evaluation import loglikelihood
from reasonmed.evaluation.rotation import present
from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.thinking import split_thinking
from reasonmed.pipeline.agent import gather
from reasonmed.types import ChainOfThought

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.evaluation.rotation import Presented
    from reasonmed.evaluation.settings import Settings
    from reasonmed.evaluation.shots import Shots
    from reasonmed.exchange import Completion, Message
    from reasonmed.pipeline.agent import Agent
    from reasonmed.pipeline.team import Team
    from reasonmed.types import Question, Story

Status = Literal["correct", "wrong", "unparsed", "truncated", "unended", "failed"]
STATUSES: tuple[Status, ...] = ("correct", "wrong", "unparsed", "truncated", "unended", "failed")

STAGE = "evaluate"


async def answer(story: Story, team: Team, settings: Settings, prompts: Mapping[str, str]) -> Story:
    """The story with one chain an answer, in the order of ``settings.draws``; options by their original places.

    ``prompts`` names the log-likelihood prompt of each benchmark.
    """
    question, (agent, _) = story.question, team.generators[0]
    if settings.protocol == "loglikelihood":
        kind = prompts[question.id.partition("/")[0]]
        return replace(story, chains=(await _score(question, agent, kind, settings.shots),))
    asker = changed(agent, stage=STAGE, prompt=settings.template())
    shown = [present(question, by) for by in settings.draws(question)]
    before = settings.before(question)
    return replace(story, chains=tuple(await gather(_ask(one, asker, draw, before) for draw, one in enumerate(shown))))


async def _ask(shown: Presented, agent: Agent, draw: int, before: tuple[Message, ...]) -> ChainOfThought:
    request = agent.request(shown.question, {}, draw)
    if before:
        *system, asked = request.messages
        request = replace(request, messages=(*system, *before, asked))
    temperature = request.sampling.temperature
    try:
        reply = agent.read(await agent.complete(request))
    except RequestRejected as refused:
        if before and refused.kind == "context":
            raise _no_room(shown.question, agent, str(refused)) from refused
        return ChainOfThought(str(refused), agent.label, None, temperature, draw, missing=refused.kind)
    if reply.finish_reason == "content_filter":
        return ChainOfThought(reply.text, agent.label, None, temperature, draw, missing="filtered")
    found = parse_answer(reply.text, shown.question.options)
    return ChainOfThought(
        text=_whole(reply),
        model=agent.label,
        answer=shown.original(found.option if found else None),
        temperature=temperature,
        sample=draw,
        truncated=reply.cut,
        served=reply.served,
        sent=reply.sent,
    )


async def _score(question: Question, agent: Agent, kind: str, shots: Shots | None) -> ChainOfThought:
    request = loglikelihood.request_of(question, kind, agent.model, agent.revision, shots)
    try:
        reply = await agent.complete(request)
    except RequestRejected as refused:
        if shots and refused.kind == "context":
            raise _no_room(question, agent, str(refused)) from refused
        return ChainOfThought(str(refused), agent.label, missing=refused.kind)
    cut = (reply.sent or {}).get(loglikelihood.CUT)
    if shots and cut:
        raise _no_room(question, agent, f"the context lacks room for {cut:,} tokens")
    found = loglikelihood.choice(reply, len(question.options))
    return ChainOfThought(reply.text, agent.label, found, sent=reply.sent)


def _no_room(question: Question, agent: Agent, why: str) -> UsageError:
    """The error of examples that a model's context cannot hold: without them, the answers would be of another kind."""
    return UsageError(
        f"{agent.label}: question {question.id} does not fit its context together with its examples: {why}. Evaluate "
        "into a new folder (-o) with fewer --shots or shorter examples"
    )


def _whole(reply: Completion) -> str:
    if reply.reasoning and not reply.text.strip():
        return f"<think>\n{reply.reasoning}"
    return f"<think>\n{reply.reasoning}\n</think>\n\n{reply.text}" if reply.reasoning else reply.text


def status_of(chain: ChainOfThought, key: int | None) -> Status:
    """What an answer is.

    One that was cut is *truncated*, whatever it says; one that ended by itself inside its thinking is *unended*; one
    that names no option is *unparsed*.
    """
    if chain.missing is not None:
        return "failed"
    if chain.truncated:
        return "truncated"
    if not split_thinking(chain.text).closed:
        return "unended"
    if chain.answer is None:
        return "unparsed"
    return "correct" if chain.answer == key else "wrong"
