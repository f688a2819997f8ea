"""The team: every role of a recipe as an agent, bound to back ends through the ledger, the limits and the stop."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from reasonmed.engine.journal import Journaled
from reasonmed.exchange import SamplingParameters
from reasonmed.pipeline.agent import Agent
from reasonmed.recipe.stages import specs, the_spec
from reasonmed.recipe.templates import Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pydantic import BaseModel

    from reasonmed.backends import Backend
    from reasonmed.engine.flow.traffic import Control
    from reasonmed.engine.journal import Elder
    from reasonmed.engine.ledger import Ledger
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


@asynccontextmanager
async def connected(
    recipe: Recipe, ledger: Ledger, control: Control, elders: tuple[Elder, ...] = ()
) -> AsyncIterator[Team]:
    """A team on the recipe's own back ends, closed at the end."""
    stacks: dict[str, Backend] = {}
    try:
        for name in recipe.used:
            settings = recipe.model(name)
            proven = ledger.has_replies_of(settings.identity)
            layer = control.connect(settings, len(recipe.used), name, proven=proven)
            stacks[name] = Journaled(layer, ledger, control.meter, elders, settings.priced)
        yield assemble(recipe, stacks)
    finally:
        for stack in stacks.values():
            await stack.aclose()


class _Maker:
    """Makes agents of a recipe's roles."""

    def __init__(self, recipe: Recipe, connected: Mapping[str, Backend]) -> None:
        self._recipe, self._connected = recipe, connected

    def agent(
        self, stage: str, name: str, sampling: SamplingParameters, schema: dict[str, object] | None = None
    ) -> Agent:
        entry = self._recipe.model(name)
        own = {key: value for key, value in entry.sampling.model_dump().items() if value is not None}
        return Agent(
            stage=stage,
            model=entry.identity,
            revision=entry.revision,
            system=entry.system,
            extra_body=entry.extra_body,
            tags=entry.tags,
            refusals=self._recipe.refusals,
            prompt=Prompt(stage, self._recipe.prompts),
            sampling=SamplingParameters(**{**_as_dict(sampling), **own}),
            schema=schema,
            complete=self._connected[name].complete,
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
