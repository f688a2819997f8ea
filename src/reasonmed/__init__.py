"""reasonmed: clinical questions in; a verified reasoning data set, a fine-tuned model and an honest score out.

    import reasonmed as rm

    run = rm.synthesize("questions.jsonl", "recipe.yaml", out="runs/mine", progress=True)
    run.export("data", formats=["trl-sft"])

docs/python.md has all of it. A name is loaded when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from reasonmed._version import __version__

TYPE_CHECKING = False  # type checkers take it for true; importing typing would be most of the time that this takes
if TYPE_CHECKING:
    from reasonmed.api import stages
    from reasonmed.api.data import CheckReport, Export, check, export
    from reasonmed.api.recipes import Endpoint, endpoint, load_recipe
    from reasonmed.api.run import FailedQuestion, Run, open_run
    from reasonmed.api.scores import aevaluate, evaluate
    from reasonmed.api.synthesis import asynthesize, synthesize
    from reasonmed.errors import (
        BackendError,
        BudgetReached,
        ControlError,
        CredentialRejected,
        CutReply,
        Drained,
        ModelNotServed,
        Overloaded,
        Parked,
        PluginError,
        QuestionError,
        ReasonMedError,
        RecipeError,
        RequestRejected,
        RunDirectoryError,
        SetAside,
        StorageFailed,
        Unavailable,
        UnparsableReply,
        Unreachable,
        UsageError,
        VerdictConflict,
    )
    from reasonmed.evaluation.outcome import Results
    from reasonmed.evaluation.settings import Settings as EvaluationSettings
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.status import Status
    from reasonmed.types import Question, Record, Story

__all__ = [
    "BackendError",
    "BudgetReached",
    "CheckReport",
    "ControlError",
    "CredentialRejected",
    "CutReply",
    "Drained",
    "Endpoint",
    "EvaluationSettings",
    "Export",
    "FailedQuestion",
    "ModelNotServed",
    "Overloaded",
    "Parked",
    "PluginError",
    "Question",
    "QuestionError",
    "ReasonMedError",
    "Recipe",
    "RecipeError",
    "Record",
    "RequestRejected",
    "Results",
    "Run",
    "RunDirectoryError",
    "SetAside",
    "Status",
    "StorageFailed",
    "Story",
    "Unavailable",
    "UnparsableReply",
    "Unreachable",
    "UsageError",
    "VerdictConflict",
    "__version__",
    "aevaluate",
    "asynthesize",
    "check",
    "endpoint",
    "evaluate",
    "export",
    "load_recipe",
    "open_run",
    "stages",
    "synthesize",
]

_HOMES = {
    "api.data": ("CheckReport", "Export", "check", "export"),
    "api.recipes": ("Endpoint", "endpoint", "load_recipe"),
    "api.run": ("FailedQuestion", "Run", "open_run"),
    "api.scores": ("aevaluate", "evaluate"),
    "api.synthesis": ("asynthesize", "synthesize"),
    "evaluation.outcome": ("Results",),
    "recipe.options": ("Recipe",),
    "runs.status": ("Status",),
    "types": ("Question", "Record", "Story"),
}
"""Where names are from; errors are from ``errors``."""


if not TYPE_CHECKING:  # else every name would be there

    def __getattr__(name: str) -> object:
        if name == "stages":
            return import_module("reasonmed.api.stages")
        if name == "EvaluationSettings":
            return import_module("reasonmed.evaluation.settings").Settings
        home = next((home for home, names in _HOMES.items() if name in names), "errors" if name in __all__ else None)
        if home is None:
            raise AttributeError(f"module 'reasonmed' has no attribute {name!r}")
        return getattr(import_module(f"reasonmed.{home}"), name)


def __dir__() -> list[str]:
    return [*__all__]


class _Package(ModuleType):
    """The package, in which ``export`` is the function, also when the folder of that name is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "export" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
