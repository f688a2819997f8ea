"""What the rest of the house must know of a stage: one ``StageSpec``, which stands beside the stage's function.

The table is the folder ``pipeline/stages``, read by the modules' names, and those stages of other packages that a
recipe at hand names. Nothing else lists the stages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from reasonmed import plugins
from reasonmed.backends.scripted import EXAMPLES
from reasonmed.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from pydantic import BaseModel

    from reasonmed.exchange import Request, SamplingParameters
    from reasonmed.types import Kept, Story, Tier

_FOLDER = "reasonmed.pipeline.stages"
_BETWEEN = 5


@dataclass(frozen=True, kw_only=True)
class RoleSpec:
    """One model's part in a stage: an agent of the team."""

    name: str
    """What the team calls it: ``team.roles["judge"]``."""
    prompt: str
    """The template's name, under which the requests are recorded too."""
    option: str = "model"
    """The option of the stage that names its model entry."""
    model: Callable[[Any], str | None] | None = None
    """The model entry that a recipe gives it where the option leaves that open."""
    wanted: Callable[[Any], bool] = lambda _: True
    """Whether the stage's options want it at all."""
    title: str = ""
    """What a data card calls it, where it has a line of its own there."""
    verb: str = ""
    """What it did, for a data card."""
    schema: dict[str, Any] | None = None
    """The JSON Schema of its replies; None for prose."""
    sampling: Callable[[Any], SamplingParameters] | None = None
    """From the stage's options; their temperature, top_p and max_tokens by default."""
    priority: int | None = None
    """The stage's own by default."""
    template: str | None = None
    """The text of the template, of a stage of another package; those of shipped stages are in ``recipe/prompts``."""
    example: Callable[[Request, str, int], str] | None = None
    """What the scripted back end answers, given an option and a drawn number; prose, verdicts and scores need none."""


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """A stage: what it is called, what it does, which models it asks, and what others say and show of it."""

    name: str
    run: Callable[..., Awaitable[Story]]
    """``(story, team) -> story``."""
    options: type[BaseModel]
    """Its table in a recipe: a ``Role`` of ``reasonmed.recipe.options``, or a pydantic model without a model entry."""
    roles: tuple[RoleSpec, ...] = ()
    about: str = ""
    """What its command does, in a sentence."""
    verb: str = ""
    """What its models did, for a data card: ``wrote the responses``."""
    done: str = ""
    """What became of the rows that it worked on: ``summarized``."""
    makes: str = ""
    """The name of the file that examples of its command write; ``done`` by default."""
    needs: tuple[str, ...] = ()
    """Other stages of the recipe whose options its command goes by."""
    after: str = ""
    """Of a stage of another package: the stage behind which it stands."""
    priority: int = 0
    """Its place on the way; requests of later stages go first."""
    card: tuple[str, ...] = ()
    """The options that a data card shows."""
    writes: Literal["", "chain", "response"] = ""
    """Which texts of a data set are its models'."""
    keyed: bool = False
    """Whether its command passes a question without a key."""
    open_ended: bool = False
    """Whether it takes questions without options."""
    tiers: tuple[Tier, ...] = ()
    """The tiers that its command works on; all where none is named."""
    takes: Callable[[Story], bool] = lambda _: True
    """Whether a story has what its command works on."""
    alone: Callable[..., Awaitable[Story]] | None = None
    """What its command runs, where that is more than the stage."""
    made: Callable[[Kept], bool] | None = None
    """Whether a kept chain of thought is this stage's work, where not every change of a story is."""
    at_end: bool = False
    """Whether it runs after the last question, over records."""
    rows: Literal["question", "chain", "record"] = "question"
    """What a row of the original layout holds behind it."""
    shaped_by: Callable[[Any], dict[str, object]] | None = None
    """Options of other stages that change what it makes."""
    notes: Callable[[Any], Iterator[str]] | None = None
    """Options that its command leaves to another one, in sentences."""
    plugin: plugins.Plugin | None = None
    """The package that it is from, where it does not ship."""

    def role_priority(self, role: RoleSpec) -> int:
        """How soon requests of a role go."""
        return self.priority if role.priority is None else role.priority


class Asked(NamedTuple):
    """A model entry that a stage's options name."""

    role: RoleSpec
    place: str
    """The option, and for one of several models its list."""
    model: str


_further: dict[str, StageSpec] = {}
"""Stages of other packages that a recipe of this process has named."""


def shipped() -> list[str]:
    """The names of the stages that come with the package."""
    folder = import_module(_FOLDER)
    return [module.name for module in iter_modules(folder.__path__) if not module.name.startswith("_")]


@cache
def _shipped_spec(name: str) -> StageSpec:
    found: StageSpec = import_module(f"{_FOLDER}.{name}").SPEC
    _answer(found)
    return found


def specs() -> list[StageSpec]:
    """The stages that come with the package, in their order on the way."""
    return sorted(map(_shipped_spec, shipped()), key=lambda one: one.priority)


def verbs() -> dict[str, str]:
    """What the models of a stage did, by what a data card calls it."""
    found = {spec.name: spec.verb for spec in specs()}
    found |= {role.title: role.verb for spec in specs() for role in spec.roles if role.title}
    return {name: verb for name, verb in found.items() if verb}


def spec_of(name: str) -> StageSpec | None:
    """A stage by its name, if it ships or a recipe of this process has named it; imports no other package's code."""
    return _shipped_spec(name) if name in shipped() else _further.get(name)


def the_spec(name: str) -> StageSpec:
    """A stage that is known to be there.

    Raises:
        KeyError: it is not.
    """
    found = spec_of(name)
    if found is None:
        raise KeyError(name)
    return found


def ranks() -> dict[str, int]:
    """How soon the requests of each prompt go: later stages first."""
    everything = [*specs(), *_further.values()]
    found = {role.prompt: spec.role_priority(role) for spec in reversed(everything) for role in spec.roles}
    return dict(sorted(found.items(), key=lambda one: one[1]))


def templates() -> dict[str, str]:
    """The texts of templates of stages of other packages, by file name."""
    return {f"{role.prompt}.md": role.template for spec in _further.values() for role in spec.roles if role.template}


def find(name: str) -> StageSpec | None:
    """A stage of a recipe at hand: a shipped one, or one of another package, which is imported.

    Raises:
        PluginError: a module of another package cannot be imported, or its ``SPEC`` is none.
    """
    if name in shipped():
        return _shipped_spec(name)
    loaded = plugins.load("stages", name)
    if loaded is None:
        return None
    spec = getattr(loaded.module, "SPEC", None)
    if not isinstance(spec, StageSpec):
        raise PluginError(f"{loaded.plugin} has no SPEC, a StageSpec")
    problem = _problem(spec)
    if problem:
        raise PluginError(f"{loaded.plugin}: {problem}")
    behind = _shipped_spec(spec.after)
    priority = spec.priority or behind.priority + _BETWEEN
    made = replace(spec, plugin=loaded.plugin, priority=priority)
    _further[made.name] = made
    _answer(made)
    return made


def _problem(spec: StageSpec) -> str | None:
    """What is wrong with a stage of another package."""
    way = [one.name for one in specs() if not one.at_end]
    if not spec.name.isidentifier() or spec.name in shipped():
        return f"its stage is called {spec.name!r:.100}; it must be one word, and not a shipped stage's"
    if spec.after not in way:
        return f"its stage stands after {spec.after!r:.100}; it must be one of {', '.join(way)}"
    others = [one for one in (*specs(), *_further.values()) if one.name != spec.name]
    taken = {name for one in others for role in one.roles for name in (role.name, role.prompt)}
    clash = next((name for role in spec.roles for name in (role.name, role.prompt) if name in taken), None)
    if clash is not None:
        return f"a role or prompt of its stage is called {clash!r}, as one of another stage is"
    bare = next((role.prompt for role in spec.roles if role.template is None), None)
    return f"its prompt {bare!r} has no template" if bare is not None else None


def _answer(spec: StageSpec) -> None:
    """Tell the scripted back end what it answers a stage."""
    EXAMPLES.update({role.prompt: role.example for role in spec.roles if role.example is not None})
