"""Going on from a run directory alone: its recipe, its questions, its ledger."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from reasonmed import backends
from reasonmed import recipe as recipes
from reasonmed.errors import RunDirectoryError, UsageError
from reasonmed.questions.ids import question_of
from reasonmed.recipe.identity import differences, identity_of
from reasonmed.recipe.options import Stages
from reasonmed.recipe.stages import shipped
from reasonmed.runs.commands.run import synthesis_job, with_until
from reasonmed.runs.session import last_cap, last_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.engine.ledger import Asked, Ledger
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.job import RunJob
    from reasonmed.types import Story

CLASSES = ("context", "filter", "bad_request", "unparsable")
"""Faults that belong to a request: on record, and not asked again unless somebody wants it."""


def recipe_of(folder: RunDirectory) -> Recipe:
    """The recipe of a run, from its manifest, with the templates as they were.

    Raises:
        RunDirectoryError: it is no whole run, or its manifest names code that only a recipe of the user's may name.
        RecipeError: the manifest holds no recipe.
    """
    manifest = folder.manifest()
    if manifest.command != "run":
        raise RunDirectoryError(
            f"{folder.path} was made by `{manifest.command}`; only whole runs can be resumed by themselves"
        )
    told = manifest.recipe
    told.pop("prompts", None)
    _refuse_code(folder, told.get("models"), told.get("stages"))
    found = recipes.parse(json.dumps(told), str(folder.manifest_path))
    return found.model_copy(update={"prompts": manifest.templates})


def same_recipe(folder: RunDirectory, other: Recipe) -> Recipe:
    """A recipe of the user's, if it makes what the run's own makes.

    Raises:
        RunDirectoryError: it is another recipe.
    """
    own = folder.manifest().identity["stages"]
    for change in differences(own, identity_of(other)["stages"], "stages"):
        raise RunDirectoryError(f"{folder.path} was made with another recipe: {change}; give the recipe that made it")
    return other


def _refuse_code(folder: RunDirectory, models: object, stages: object) -> None:
    """Refuse what is not shipped: whoever wrote the manifest would have a module of their choice imported."""
    known = {*Stages.model_fields, *shipped()}
    for stage in stages if isinstance(stages, dict) else ():
        if stage not in known:
            raise RunDirectoryError(
                f"{folder.manifest_path}: the stage {stage!r:.200} is of another package, and a manifest cannot have "
                "one imported; give the recipe that names it: -r RECIPE"
            )
    for name, entry in models.items() if isinstance(models, dict) else ():
        backend = entry.get("backend") if isinstance(entry, dict) else None
        if isinstance(backend, str) and backend not in backends.shipped():
            raise RunDirectoryError(
                f"{folder.manifest_path}: models.{name!s:.100}: the back end {backend!r:.200} is a module of its own, "
                "and a manifest cannot have one imported; give the recipe that names it: -r RECIPE"
            )


def job_of(folder: RunDirectory, other: Recipe | None = None, max_cost: float | None = None) -> RunJob[Story, Story]:
    """The job that resumes a run's own questions.

    Args:
        folder: the run.
        other: another recipe, which may only differ in what changes no record.
        max_cost: the cap, in USD; that of the last session by default.

    Raises:
        RecipeError: there is a cap, and the price of a model is unknown.
    """
    chosen = other or recipe_of(folder)
    with closing(folder.reader()) as ledger:
        cap = max_cost if max_cost is not None else last_cap(ledger)
        until = last_until(ledger)
    job = with_until(synthesis_job(None, recipes.with_cap(chosen, cap), folder), until)
    return replace(job, against=tuple(msgspec.to_builtins(folder.manifest().against)))


def retire(folder: RunDirectory, classes: Sequence[str]) -> int:
    """Take replies of these classes out of use, so that they are asked again; gives the number of questions concerned.

    They stay in the ledger, and what they cost stays spent.

    Raises:
        UsageError: there is no such class.
    """
    unknown = [name for name in classes if name not in CLASSES]
    if unknown:
        raise UsageError(f"--class {', '.join(unknown)}: there are {', '.join(CLASSES)}")
    with folder.writing(folder.manifest()) as ledger:
        calls: list[Asked] = []
        for name in classes:
            calls += ledger.rejected(name) if name != "unparsable" else _unparsable(ledger)
        questions = sorted({question_of(asked) if stage == "score" else asked for _, stage, asked in calls})
        ledger.retire([one.call for one in calls], questions)
    return len(questions)


def _unparsable(ledger: Ledger) -> list[Asked]:
    """Re-asks of questions whose story has a chain that is undecided or missing for an unusable reply."""
    troubled = ledger.troubled()
    return [one for one in ledger.asked_again() if one.question in troubled]
