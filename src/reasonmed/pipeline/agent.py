"""Agents: a role is a model, sampling parameters, a prompt and a parser. Stages get agents and see no back end."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from msgspec.structs import replace

from reasonmed.errors import Parked, UnparsableReply
from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from reasonmed.parsing.thinking import split_thinking
from reasonmed.recipe.templates import Prompt, instruction, lettered
from reasonmed.screening.language import language_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from reasonmed.parsing.thinking import Tags
    from reasonmed.types import Question

T = TypeVar("T")
U = TypeVar("U")

REASK = "This reply cannot be used:"
_AGAIN = f"{REASK} {{problem}}. Reply again, in exactly the form that was asked for."
_WARMTH = 0.3
"""Least temperature of the first re-ask; twice that for the second."""


@dataclass(frozen=True, kw_only=True)
class Agent:
    """One role in the team."""

    stage: str
    """What its requests are recorded under."""
    model: str
    """The provider's name of the model, part of every request's identity."""
    prompt: Prompt
    sampling: SamplingParameters
    complete: Callable[[Request], Awaitable[Completion]]
    revision: str | None = None
    system: str | None = None
    schema: dict[str, Any] | None = None
    extra_body: dict[str, Any] | None = None
    tags: Tags | None = None
    """What the model thinks between, where the recipe says so."""
    refusals: tuple[str, ...] = ()
    """Phrases by which it refuses, beside those that are known."""

    @property
    def instructions(self) -> tuple[str, ...]:
        """The words that every reply comes after, whatever the question: a reply made of them says nothing."""
        return (self.prompt.fixed, self.system or "", _AGAIN)

    @property
    def label(self) -> str:
        """How records name the model."""
        return f"{self.model}@{self.revision}" if self.revision else self.model

    def request(self, question: Question, values: Mapping[str, object], sample: int = 0) -> Request:
        """What would be sent at the first attempt."""
        text = self.prompt.render({**question_fields(question), **values})
        system = (Message("system", self.system),) if self.system else ()
        return Request(
            model=self.model,
            revision=self.revision,
            messages=(*system, Message("user", text)),
            sampling=self._drawn(sample),
            response_schema=self.schema,
            extra_body=self.extra_body,
            sample=sample,
            stage=self.stage,
            question_id=question.id,
        )

    def _drawn(self, sample: int) -> SamplingParameters:
        """The sampling parameters of a sample: a fixed seed moves on by one each, or all samples would be equal."""
        seed = self.sampling.seed
        return self.sampling if seed is None else replace(self.sampling, seed=seed + sample)

    def read(self, completion: Completion) -> Completion:
        """A reply with the recipe's marks of thinking as the ones that every parser knows."""
        return completion if self.tags is None else replace(completion, text=self.tags.read(completion.text))

    async def ask(
        self,
        question: Question,
        values: Mapping[str, object],
        parse: Callable[[Completion], T],
        *,
        sample: int = 0,
    ) -> T:
        """Render, complete, parse. A reply that does not parse is asked again, and told what was wrong with it.

        A reply that was cut, or whose thinking has no end, is first asked once more with twice the tokens.

        Raises:
            UnparsableReply: the re-asks are used up.
            RequestRejected: the endpoint refuses the request.
        """
        first = request = self.request(question, values, sample)
        problems: Counter[type[UnparsableReply]] = Counter()
        longer = False
        while True:
            completion = await self.complete(request)
            read = self.read(completion)
            try:
                return parse(read)
            except UnparsableReply as problem:
                if not longer and (completion.cut or not split_thinking(read.text).closed):
                    longer = True
                    request = _with_twice_the_tokens(request)
                    continue
                problems[type(problem)] += 1
                if problems[type(problem)] > problem.ceiling:
                    raise
                request = _again(first, request, completion, problem)


def question_fields(question: Question) -> dict[str, object]:
    """What every template may use of a question; neither the key nor the meta fields are among it."""
    return dict(_fields(question.stem, tuple(question.options), question.context))


@lru_cache(maxsize=256)
def _fields(stem: str, options: tuple[str, ...], context: str | None) -> Mapping[str, object]:
    """Laid out once for all requests of a question."""
    shown = lettered(stem, options, context)
    return {
        "question": shown,
        "stem": stem,
        "options": options,
        "context": context,
        "language": language_of(shown),
        "instruction": instruction(stem, options, context),
    }


async def gather(asked: Iterable[Awaitable[T]]) -> list[T]:
    """Await all, then raise the first error: a sibling that is already paid for is never canceled.

    Where siblings wait for models and nothing else is wrong, the question waits for all of these models.
    """
    results = await asyncio.gather(*asked, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    waits: frozenset[str] = frozenset()
    for error in errors:
        if not isinstance(error, Parked):
            raise error
        waits |= error.waits
    if errors:
        raise Parked(waits)
    return [result for result in results if not isinstance(result, BaseException)]


async def both(one: Awaitable[T], other: Awaitable[U]) -> tuple[T, U]:
    """Await two things as ``gather`` awaits many."""
    found: list[T | U] = await gather((one, other))
    return cast("tuple[T, U]", tuple(found))


def _with_twice_the_tokens(request: Request) -> Request:
    return replace(request, sampling=replace(request.sampling, max_tokens=2 * request.sampling.max_tokens))


def _again(first: Request, last: Request, completion: Completion, problem: UnparsableReply) -> Request:
    """The first request with the bad reply behind it and one line on what was wrong, a little warmer."""
    attempt = last.attempt + 1
    warmth = max(first.sampling.temperature or 0.0, _WARMTH * attempt)
    temperature = None if first.sampling.temperature is None else warmth
    said = completion.text.strip() or "(no text)"
    asked = _AGAIN.format(problem=problem.problem)
    messages = (*first.messages, Message("assistant", said), Message("user", asked))
    sampling = replace(last.sampling, temperature=temperature)
    return replace(first, messages=messages, sampling=sampling, attempt=attempt)
