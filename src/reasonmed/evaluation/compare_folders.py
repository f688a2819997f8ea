"""Models of two evaluations against each other, from their files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.errors import UsageError
from reasonmed.evaluation.answers import Result, read_results
from reasonmed.evaluation.compare import compare_all
from reasonmed.evaluation.results import read_document
from reasonmed.recipe.identity import differences

if TYPE_CHECKING:
    from pathlib import Path

_ALONE = ("seed", "prompt_name")
"""Settings that change no answer."""


def across(first: Path, second: Path, a: str | None = None, b: str | None = None, seed: int = 0) -> dict[str, Any]:
    """Every model of the first against every one of the second, or those that are named.

    Raises:
        UsageError: a file is no results, the protocols differ, a model is not there, or no question is shared.
    """
    one, other = read_document(first), read_document(second)
    if one["protocol"] != other["protocol"]:
        raise UsageError(
            f"{first} is by protocol {one['protocol']}, {second} by {other['protocol']}: their numbers do not compare"
        )
    mine, theirs = _results(first, one, a), _results(second, other, b)
    same = first.resolve() == second.resolve()
    pairs = [(x, y) for x in mine for y in theirs if not (same and (x == y or (a is None and b is None and x > y)))]
    if same and not pairs:
        raise UsageError(f"{first} holds no two models to compare: name another evaluation, or another -a and -b")
    told = [
        {
            "first": _label(x, y, first),
            "second": _label(y, x, second),
            "benchmarks": compare_all(mine[x], theirs[y], seed),
        }
        for x, y in pairs
    ]
    if not any(found["benchmarks"] for found in told):
        raise UsageError(f"{first} and {second} have no question in common that two models were asked")
    return {"protocol": one["protocol"], "remarks": _remarks(one, other), "comparisons": told}


def _results(path: Path, told: dict[str, Any], wanted: str | None) -> dict[str, list[Result]]:
    folder = path if path.is_dir() else path.parent
    files = {model["name"]: folder / model["answers_file"] for model in told["models"]}
    if wanted is not None and wanted not in files:
        raise UsageError(f"{path} has no model {wanted!r}; it has {', '.join(files) or 'none'}")
    return {name: read_results(file) for name, file in files.items() if wanted in (None, name)}


def _label(name: str, other: str, path: Path) -> str:
    """A model's name, with where it is from where both are called the same."""
    place = path.name if path.is_dir() else path.parent.name
    return f"{name} ({place})" if name == other else name


def _remarks(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """In what the two were asked differently: a difference may then be the asking's."""
    settings = [{key: value for key, value in told["settings"].items() if key not in _ALONE} for told in (one, other)]
    return [f"asked differently: {change}" for change in differences(settings[0], settings[1])]
