"""The team: every role of a recipe as an agent, bound to back ends that are connected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from reasonmed.exchange import SamplingParameters
from reasonmed.pipeline.agent import Agent
from reasonmed.recipe.stages import specs, the_spec
from reasonmed.recipe.templates import Prompt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from reasonmed.backends import Backend, ModelSettings
    from reasonmed.recipe.options import Generate, Recipe, Role, Stages
    from reasonmed.recipe.stages import RoleSpec, StageSpec


Options = TypeVar("Options", bound="BaseModel")


@dataclass(frozen=True, kw_only=True)
class Team:
    """The agents of a recipe and the options of its stages."""

    stages: Stages
    generators: tuple[tuple[Agent, int], ...] = ()
    """Each with its sample index, in the order of models, temperatures and samples."""
    roles: Mapping[str, Agent | None]
    """Every other role of the table of stages, by its name there; None where the recipe leaves it out."""
    further: tuple[StageSpec, ...] = ()
    """The recipe's stages of other packages, in its order."""

    def options(self, shape: type[Options]) -> Options | None:
        """The options of the stage whose options are of this class; None where the recipe leaves the stage out."""
        found = (getattr(self.stages, name) for name in self.stages.names)
        return next((one for one in found if type(one) is shape), None)


def assemble(recipe: Recipe, connected: Mapping[str, Backend]) -> Team:
    """A team on back ends that are connected already, by the names of the recipe's model entries."""
    make = _Maker(recipe, connected)
    generate = recipe.stages.generate
    outside = tuple(spec for spec in map(the_spec, recipe.stages.further) if spec.plugin is not None)
    spoken = [(role, getattr(recipe.stages, spec.name, None)) for spec in (*specs(), *outside) for role in spec.roles]
    return Team(
        stages=recipe.stages,
        generators=tuple(make.generators(generate)) if generate else (),
        roles={role.name: make.role(role, options) for role, options in spoken},
        further=outside,
    )


def agent_on(  # noqa: PLR0913 - who, for what, and how it is asked
    entry: ModelSettings,
    backend: Backend,
    stage: str,
    prompt: Prompt,
    sampling: SamplingParameters,
    *,
    schema: dict[str, object] | None = None,
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

    def agent(
        self, stage: str, name: str, sampling: SamplingParameters, schema: dict[str, object] | None = None
    ) -> Agent:
        return agent_on(
            self._recipe.model(name),
            self._connected[name],
            stage,
            Prompt(stage, self._recipe.prompts),
            sampling,
            schema=schema,
            refusals=self._recipe.refusals,
        )

    def role(self, role: RoleSpec, options: Any) -> Agent | None:  # noqa: ANN401 - each stage has a class of its own
        """The agent of a role, if the stage's options want it and it has one model."""
        if options is None or not role.wanted(options):
            return None
        name = getattr(options, role.option)
        if name is None and role.model is not None:
            name = role.model(self._recipe)
        if not isinstance(name, str):
            return None
        sampling = (role.sampling or _own_sampling)(options)
        return self.agent(role.prompt, name, sampling, role.schema)

    def generators(self, options: Generate) -> list[tuple[Agent, int]]:
        made = []
        for name in options.models:
            for temperature in options.temperatures:
                sampling = SamplingParameters(temperature, options.top_p, options.max_tokens)
                agent = self.agent("generate", name, sampling)
                made += [(agent, sample) for sample in range(options.samples)]
        return made


def _own_sampling(options: Role) -> SamplingParameters:
    return SamplingParameters(options.temperature, options.top_p, options.max_tokens)


def _as_dict(sampling: SamplingParameters) -> dict[str, object]:
    return {name: getattr(sampling, name) for name in sampling.__struct_fields__}
