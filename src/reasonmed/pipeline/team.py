"""The team: every role of a recipe as an agent, bound to back ends that are connected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reasonmed.exchange import SamplingParameters
from reasonmed.parsing.judgment import VERDICT_SCHEMA, score_schema
from reasonmed.pipeline.agent import Agent
from reasonmed.recipe.checks import blind_reader
from reasonmed.recipe.templates import Prompt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.backends import Backend, ModelSettings
    from reasonmed.recipe.options import Generate, Recipe, Role, Stages

RANK_BOUNDS = (0, 5)
SCORE_BOUNDS = (1, 10)


@dataclass(frozen=True, kw_only=True)
class Team:
    """The agents of a recipe and the options of its stages. A role that the recipe leaves out is None."""

    stages: Stages
    generators: tuple[tuple[Agent, int], ...] = ()
    """Each with its sample index, in the order of models, temperatures and samples."""
    judge: Agent | None = None
    keyless_judge: Agent | None = None
    ranker: Agent | None = None
    editor: Agent | None = None
    author: Agent | None = None
    blind_reader: Agent | None = None
    verify_reader: Agent | None = None
    """Reads blind what the judge accepts."""
    second_judge: Agent | None = None
    summarizer: Agent | None = None
    scorer: Agent | None = None


def assemble(recipe: Recipe, connected: Mapping[str, Backend]) -> Team:
    """A team on back ends that are connected already, by the names of the recipe's model entries."""
    make = _Maker(recipe, connected)
    stages = recipe.stages
    return Team(
        stages=stages,
        generators=tuple(make.generators(stages.generate)) if stages.generate else (),
        judge=make.role("verify", stages.verify, VERDICT_SCHEMA),
        keyless_judge=make.role("consensus", stages.verify, VERDICT_SCHEMA),
        ranker=make.role("rank", stages.rank, score_schema(*RANK_BOUNDS)),
        editor=make.role("refine", stages.refine),
        author=make.role("optimize", stages.optimize),
        blind_reader=make.blind_reader(),
        verify_reader=make.verify_reader(),
        second_judge=make.second_judge(),
        summarizer=make.role("summarize", stages.summarize),
        scorer=make.role("score", stages.score, score_schema(*SCORE_BOUNDS)),
    )


def agent_on(  # noqa: PLR0913 - who, for what, and how it is asked
    entry: ModelSettings,
    backend: Backend,
    stage: str,
    prompt: Prompt,
    sampling: SamplingParameters,
    *,
    schema: dict[str, Any] | None = None,
    refusals: tuple[str, ...] = (),
) -> Agent:
    """An agent on a back end that is connected already; the model's own sampling parameters go before those given."""
    own = {key: value for key, value in entry.sampling.model_dump().items() if value is not None}
    return Agent(
        stage=stage,
        model=entry.identity,
        revision=entry.revision,
        system=entry.system,
        extra_body=entry.extra_body,
        tags=entry.tags,
        refusals=refusals,
        prompt=prompt,
        sampling=SamplingParameters(**{**_as_dict(sampling), **own}),
        schema=schema,
        complete=backend.complete,
    )


class _Maker:
    """Makes agents of a recipe's roles."""

    def __init__(self, recipe: Recipe, connected: Mapping[str, Backend]) -> None:
        self._recipe, self._connected = recipe, connected

    def agent(self, stage: str, name: str, sampling: SamplingParameters, schema: dict[str, Any] | None = None) -> Agent:
        return agent_on(
            self._recipe.model(name),
            self._connected[name],
            stage,
            Prompt(stage, self._recipe.prompts),
            sampling,
            schema=schema,
            refusals=self._recipe.refusals,
        )

    def role(self, stage: str, options: Role | None, schema: dict[str, Any] | None = None) -> Agent | None:
        if options is None:
            return None
        sampling = SamplingParameters(options.temperature, options.top_p, options.max_tokens)
        return self.agent(stage, options.model, sampling, schema)

    def generators(self, options: Generate) -> list[tuple[Agent, int]]:
        made = []
        for name in options.models:
            for temperature in options.temperatures:
                sampling = SamplingParameters(temperature, options.top_p, options.max_tokens)
                agent = self.agent("generate", name, sampling)
                made += [(agent, sample) for sample in range(options.samples)]
        return made

    def blind_reader(self) -> Agent | None:
        options = self._recipe.stages.optimize
        name = blind_reader(self._recipe) if options and options.blind else None
        return None if options is None else self._reader(name, options.max_tokens)

    def verify_reader(self) -> Agent | None:
        options = self._recipe.stages.verify
        return None if options is None else self._reader(options.blind_model, options.max_tokens)

    def _reader(self, name: str | None, max_tokens: int) -> Agent | None:
        if name is None:
            return None
        return self.agent("blind", name, SamplingParameters(0.0, None, min(max_tokens, 4000)))

    def second_judge(self) -> Agent | None:
        options = self._recipe.stages.verify
        if options is None or options.second_judge is None:
            return None
        return self.role("verify", options.model_copy(update={"model": options.second_judge}), VERDICT_SCHEMA)


def _as_dict(sampling: SamplingParameters) -> dict[str, Any]:
    return {name: getattr(sampling, name) for name in sampling.__struct_fields__}
