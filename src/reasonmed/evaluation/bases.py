"""Which model of an evaluation another one was trained from: by its weights, by name only where none are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.evaluation.folder import Facts


class Base(NamedTuple):
    """The model that a gain is told against."""

    name: str
    by: str
    """How it is known: ``weights``, ``name`` (no hash was at hand), ``named`` with ``--base``, or ``other``.

    The last is a named one where another one of the table has the weights that the model was trained from.
    """


def bases(models: Mapping[str, Facts], named: str | None = None) -> dict[str, Base]:
    """The base of each model that has one among the others, by the facts that the folder holds of them.

    With a named one, all others are set against that.
    """
    if named is not None:
        return {name: Base(named, _claimed(name, named, models)) for name in models if name != named}
    found = {name: _own(name, models) for name in models}
    return {name: base for name, base in found.items() if base is not None}


def _claimed(name: str, named: str, models: Mapping[str, Facts]) -> str:
    """What the weights say of a base that was named. A copy that was saved anew has other hashes, and may be it."""
    if named in models and _same(models[name], models[named]):
        return "weights"
    return "other" if any(_same(models[name], facts) for other, facts in models.items() if other != name) else "named"


def _own(name: str, models: Mapping[str, Facts]) -> Base | None:
    model = models[name]
    others = {other: facts for other, facts in models.items() if other != name}
    same = [other for other, facts in others.items() if _same(model, facts)]
    if same:
        return Base(same[0], "weights")
    if not model.base:
        return None
    called = [
        other
        for other, facts in others.items()
        if not (model.base_weights and facts.weights) and is_called(other, facts, model.base)
    ]
    return Base(called[0], "name") if len(called) == 1 else None


def _same(model: Facts, other: Facts) -> bool:
    """Whether the weights that a model was trained from are those of the other one."""
    return bool(model.base_weights) and {*model.base_weights} == {*other.weights}


def is_called(name: str, facts: Facts, base: str) -> bool:
    """Whether a model is called as another one's record calls its base."""
    names = {name, facts.label, facts.label.partition(" ")[0]}
    return base in names or base.rstrip("/").rpartition("/")[2] in names


def described(base: Base) -> str:
    """The base in a sentence."""
    if base.by == "other":
        return f"{base.name}, which by its weights is not its base,"
    return f"its base {base.name}{' (by name: no weights to compare)' if base.by == 'name' else ''}"
