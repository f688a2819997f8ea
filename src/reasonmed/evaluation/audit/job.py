"""The audit's job: answers to drawn questions before a judge of steps, under hashes that tell no model."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from dataclasses import replace as with_fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.evaluation.answers import mark_of
from reasonmed.evaluation.ask import chains_in, key_of, status_of
from reasonmed.evaluation.folder import AuditFacts
from reasonmed.exchange import SamplingParameters
from reasonmed.parsing.step_labels import STEPS_SCHEMA
from reasonmed.pipeline.stages._reply import reasoning_of
from reasonmed.pipeline.stages._steps import STEPS
from reasonmed.pipeline.stages.verify import judge_by
from reasonmed.pipeline.team import agent_on
from reasonmed.recipe.identity import identity_without_stages, judge_identity_of
from reasonmed.recipe.options import Verify
from reasonmed.recipe.templates import Prompt
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import RunJob, as_it_is
from reasonmed.runs.manifest import Written
from reasonmed.runs.stories import story_job
from reasonmed.types import ChainOfThought, Question, Story, digest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from reasonmed.engine.job import Models
    from reasonmed.evaluation.audit.facts import JudgeCard
    from reasonmed.evaluation.benchmarks import Benchmark
    from reasonmed.evaluation.models import Candidate
    from reasonmed.pipeline.agent import Agent
    from reasonmed.recipe.options import Limits, Role
    from reasonmed.runs.directory import RunDirectory

_NAME = "judge"


@dataclass(frozen=True, kw_only=True)
class Auditor:
    """Who audits, and how many questions. Template and parser are those of ``verify: {steps: true}``."""

    judge: Candidate
    questions: int = 200
    options: Role = field(default_factory=lambda: Verify(model=_NAME))
    """How the judge is sampled."""
    card: JudgeCard | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            UsageError: there is no question to draw.
        """
        if self.questions < 1:
            raise UsageError(f"--audit-steps {self.questions}: it must be 1 or more")

    def with_card(self, card: JudgeCard) -> Auditor:
        """The same with what a card says of the judge."""
        return with_fields(self, card=card)

    @property
    def identity(self) -> dict[str, object]:
        """Who the judge is, as a judge card says it."""
        return judge_identity_of(self.judge.entry, self.options, Prompt(STEPS))

    def facts(self, run: RunDirectory, seed: int) -> AuditFacts:
        """What the folder notes of it."""
        return AuditFacts(
            run=run.path.name,
            judge=self.judge.entry.label,
            demo=self.judge.demo,
            prompt=Prompt(STEPS).hash,
            questions=self.questions,
            seed=seed,
            card=self.card,
        )


class Drawn(NamedTuple):
    """A question whose answers are judged."""

    benchmark: str
    question: Question
    stems: tuple[str, ...]
    mark: str


def draw(benchmarks: Iterable[Benchmark], count: int, seed: int) -> list[Drawn]:
    """So many questions by a hash of their contents, the same for every model and in every folder; no copy of one."""
    found: dict[str, Drawn] = {}
    for one in benchmarks:
        for question, stems in zip(one.questions, one.stems, strict=True):
            mark = mark_of(question)
            found.setdefault(mark, Drawn(one.name, question, stems, mark))
    return sorted(found.values(), key=lambda one: digest((seed, "audit", one.mark)))[:count]


class Answer(NamedTuple):
    """A model's first answer to a drawn question."""

    drawn: Drawn
    text: str
    """What is judged; may be empty."""
    answer: int | None
    right: bool
    key: str
    """The name of its row: a hash, by which rows are ordered too."""


def first_answers(run: RunDirectory, drawn: Sequence[Drawn]) -> Iterator[Answer]:
    """The answers of a model's run, to each drawn question the first one, in the question's own order of options."""
    with closing(run.reader()) as ledger:
        for one in drawn:
            name = key_of(one.benchmark, one.question)
            chain = next(iter(ledger.outcome(name, chains_in) or ()), None)
            if chain is None:
                raise ledger.refuse(f"the answers to {name!r:.100}", "there are none")
            text = "" if chain.missing is not None else reasoning_of(chain.text)
            right = status_of(chain, one.question.answer) == "correct"
            yield Answer(one, text, chain.answer, right, digest((name, run.path.name)))


def audit_job(
    audit: Auditor,
    run: RunDirectory,
    answers: Iterable[Answer],
    limits: Limits,
    forks: tuple[RunDirectory, ...],
) -> RunJob[Story, Story]:
    """The job that has answers judged; more of them may be added by a later one."""
    entry, prompt, options = audit.judge.entry, Prompt(STEPS), audit.options
    rows = sorted((_story(one) for one in answers if one.text), key=lambda story: story.question.id)
    told = entry.model_dump(mode="json", exclude_none=True, serialize_as_any=True)

    def work(models: Models) -> Callable[[Story], Awaitable[Story]]:
        sampling = SamplingParameters(options.temperature, options.top_p, options.max_tokens)
        return partial(_judged, agent_on(entry, models[_NAME], STEPS, prompt, sampling, schema=STEPS_SCHEMA))

    return RunJob(
        command="evaluate",
        job=story_job(work),
        models={_NAME: entry},
        limits=limits,
        identity=identity_without_stages() | {"audit": audit.identity},
        written=Written(
            demo=entry.demo,
            prompts={STEPS: prompt.hash},
            recipe={"models": {_NAME: told}, "limits": limits.model_dump(mode="json", exclude_none=True)},
            templates=prompt.sources,
        ),
        folder=run,
        intake=take_in(Path("answers"), lambda: rows, Selection()),
        row=as_it_is,
        asked={audit.judge.name: entry},
        forks=forks,
    )


def _story(one: Answer) -> Story:
    """An answer as a row, without a word of who wrote it."""
    return Story(replace(one.drawn.question, id=one.key), (ChainOfThought(one.text, "", one.answer),))


async def _judged(agent: Agent, story: Story) -> Story:
    (chain,) = story.chains
    verdict = await judge_by(agent, story.question, chain, believed=True)
    return replace(story, chains=(replace(chain, verdict=verdict),))
