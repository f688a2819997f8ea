"""Asks one model one question as often as the settings say, and reads the answers. Nothing is asked a second time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec.structs import replace

from reasonmed.engine.job import Job
from reasonmed.engine.ledger import pack
from reasonmed.errors import RequestRejected, UsageError
from reasonmed.evaluation import loglikelihood
from reasonmed.exchange import SamplingParameters
from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.thinking import split_thinking
from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.team import agent_on
from reasonmed.runs.stories import content_hash, kept_of, renewed, unpack_story
from reasonmed.types import ChainOfThought, Question, Story

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from reasonmed.backends import ModelSettings
    from reasonmed.engine.job import Models
    from reasonmed.evaluation.rotation import Presented
    from reasonmed.evaluation.settings import Settings
    from reasonmed.evaluation.shots import Shots
    from reasonmed.exchange import Completion, Message
    from reasonmed.pipeline.agent import Agent

Status = Literal["correct", "wrong", "unparsed", "truncated", "unended", "failed"]
STATUSES: tuple[Status, ...] = ("correct", "wrong", "unparsed", "truncated", "unended", "failed")

STAGE = "evaluate"


class Asked(NamedTuple):
    """A question as the ledger of an evaluation has it, and the log-likelihood prompt of its benchmark."""

    question: Question
    """Under an id that names its benchmark too; see ``key_of``."""
    prompt: str | None = None


class Answers(NamedTuple):
    """The answers to a question, in the order of ``Settings.draws``; options by their original places."""

    question: Question
    chains: tuple[ChainOfThought, ...]


def key_of(benchmark: str, question: Question) -> str:
    """The id of a benchmark's question among those of all benchmarks."""
    return f"{benchmark}/{question.id}"


def job_on(
    entry: ModelSettings, name: str, settings: Settings, prompts: Mapping[str, str | None]
) -> Job[Asked, Answers]:
    """A job that asks one model.

    Args:
        entry: the model.
        name: what it is connected as.
        settings: how it is asked.
        prompts: the log-likelihood prompt of each question, by its key.
    """
    sampling = SamplingParameters(settings.temperature, settings.top_p, settings.max_tokens)

    def decode(blob: bytes) -> Asked:
        question = unpack_story(blob).question
        return Asked(question, prompts.get(question.id))

    def work(models: Models) -> Callable[[Asked], Awaitable[Answers]]:
        agent = agent_on(entry, models[name], STAGE, settings.template(), sampling)
        return partial(_score if settings.protocol == "loglikelihood" else _answer, agent, settings)

    return Job(
        key=lambda row: row.question.id,
        hash=lambda row: content_hash(Story(row.question)),
        encode=lambda row: pack(Story(row.question)),
        decode=decode,
        renewed=lambda row, is_outcome, stored: renewed(Story(row.question), is_outcome, stored),
        keep=lambda answers: kept_of(Story(answers.question, answers.chains)),
        work=work,
    )


def chains_in(blob: bytes) -> tuple[ChainOfThought, ...]:
    """The answers that a ledger keeps of a question.

    Raises:
        Refused: they are torn.
    """
    return unpack_story(blob).chains


async def _answer(agent: Agent, settings: Settings, row: Asked) -> Answers:
    draws = settings.draws(row.question)
    before = settings.before(row.question)
    chains = await gather(_ask(draw.present(row.question), agent, draw.number, before) for draw in draws)
    return Answers(row.question, tuple(chains))


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


async def _score(agent: Agent, settings: Settings, row: Asked) -> Answers:
    if row.prompt is None:
        raise UsageError(
            f"{row.question.id}: an earlier command of this evaluation took this question in and ended before it was "
            "asked; name its benchmark in this command too"
        )
    return Answers(row.question, (await _scored(row.question, agent, row.prompt, settings.shots),))


async def _scored(question: Question, agent: Agent, kind: str, shots: Shots | None) -> ChainOfThought:
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
