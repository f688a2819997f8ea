"""The order in which models take turns, where not all of them are in memory at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.recipe.stages import the_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.recipe.options import Recipe


def in_turn(recipe: Recipe) -> list[str]:
    """The names of the model entries that a stage uses: those first which no later stage asks.

    So a model that several stages ask, such as the judge of rewrites, is opened when there is work of all of them.
    """
    last = dict.fromkeys(recipe.used, 0)
    for name, place in _asked(recipe):
        last[name] = max(last.get(name, 0), place)
    return sorted(last, key=lambda name: last[name])


def _asked(recipe: Recipe) -> Iterator[tuple[str, int]]:
    """Every model entry that a role has, with the role's place on the way of a question."""
    stages, rewriting = recipe.stages, _last_rewriting(recipe)
    for stage in stages.names:
        options = getattr(stages, stage)
        spec = the_spec(stage)
        for role in spec.roles if options is not None else ():
            if not role.wanted(options):
                continue
            named = getattr(options, role.option)
            if named is None and role.model is not None:
                named = role.model(recipe)
            place = spec.role_priority(role)
            if stage == "verify":
                place = max(place, rewriting)
            for name in named if isinstance(named, tuple) else (named,):
                if name is not None:
                    yield name, place


def _last_rewriting(recipe: Recipe) -> int:
    """The place behind the last stage whose rewrites are verified; 0 where none is."""
    rewriting = {"refine": recipe.stages.refine, "optimize": recipe.stages.optimize}
    return max((the_spec(name).priority + 1 for name, one in rewriting.items() if one and one.verify), default=0)
