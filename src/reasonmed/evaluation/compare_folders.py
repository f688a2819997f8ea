"""Models of two evaluations against each other, from their files alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, UnsetType

from reasonmed.errors import UsageError
from reasonmed.evaluation.answers import Side, read_results
from reasonmed.evaluation.audit.facts import Pair, read_rows
from reasonmed.evaluation.audit.figures import Audited, pair
from reasonmed.evaluation.compare import against, settle
from reasonmed.evaluation.comparisons import Comparison
from reasonmed.evaluation.folder import read_stems
from reasonmed.evaluation.outcome import answered_in
from reasonmed.recipe.identity import differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reasonmed.evaluation.audit.facts import Row
    from reasonmed.evaluation.outcome import Answered, Known

_ALONE = ("seed", "prompt_name", "perturb", "perturbing")
"""Settings that change no answer that is compared."""


class Across(Struct):
    """Models of two evaluations against each other."""

    protocol: str
    remarks: list[str]
    """In what the two were asked differently."""
    comparisons: list[Comparison]
    audits: list[Pair] | UnsetType = UNSET
    """The steps of their answers, where one judge read those of both; absent where there are none."""


def across(
    first: Path,
    second: Path,
    a: str | None = None,
    b: str | None = None,
    seed: int = 0,
    margin: float | None = None,
) -> Across:
    """Every model of the first against every one of the second, or those that are named.

    On questions that neither of two was trained on, as far as that is known; p values are corrected over all of them.

    Raises:
        UsageError: a file is no results, the protocols differ, a model is not there, or no question is shared.
    """
    one, other = answered_in(first), answered_in(second)
    if one.protocol != other.protocol:
        raise UsageError(
            f"{first} is by protocol {one.protocol}, {second} by {other.protocol}: their numbers do not compare"
        )
    mine, theirs = _sides(first, one, a), _sides(second, other, b)
    same = first.resolve() == second.resolve()
    pairs = [
        (x, y)
        for x in mine
        for y in theirs
        if not (same and (x.name == y.name or (a is None and b is None and x.name > y.name)))
    ]
    if same and not pairs:
        raise UsageError(f"{first} holds no two models to compare: name another evaluation, or another -a and -b")
    told = [
        against(
            x._replace(name=_label(x.name, y.name, first)),
            y._replace(name=_label(y.name, x.name, second)),
            seed,
            margin,
        )
        for x, y in pairs
    ]
    if not any(found.benchmarks or found.trained_on for found in told):
        raise UsageError(f"{first} and {second} have no question in common that two models were asked")
    settle([(found.first, found.second, found.benchmarks) for found in told])
    remarks = [*_remarks(one, other), *_lost(one, mine), *_lost(other, theirs)]
    audits = [] if _judges_differ(one, other) else list(_audits((first, one), (second, other), pairs, seed))
    remarks += _judges_differ(one, other)
    return Across(one.protocol, list(dict.fromkeys(remarks)), told, audits or UNSET)


def _judges_differ(one: Answered, other: Answered) -> list[str]:
    """Why the audits of two evaluations are not compared, if they are not for their judges."""
    judges = [(told.audit.judge, told.audit.prompt) for told in (one, other) if told.audit is not None]
    if len(set(judges)) < 2:  # noqa: PLR2004 - both have one
        return []
    return [f"audits of steps are not compared: they are by {judges[0][0]} and {judges[1][0]}, or by other prompts"]


def _audits(
    first: tuple[Path, Answered], second: tuple[Path, Answered], pairs: Iterable[tuple[Side, Side]], seed: int
) -> Iterator[Pair]:
    mine, theirs = (dict(_audited(*one)) for one in (first, second))
    for x, y in pairs:
        if x.name in mine and y.name in theirs:
            yield pair(
                Audited(_label(x.name, y.name, first[0]), mine[x.name], x.stems),
                Audited(_label(y.name, x.name, second[0]), theirs[y.name], y.stems),
                seed,
            )


def _audited(path: Path, told: Answered) -> Iterator[tuple[str, list[Row]]]:
    """The judged answers of an evaluation by the names of its models."""
    folder = path if path.is_dir() else path.parent
    for one in told.audit.models if told.audit is not None else ():
        yield one.name, list(read_rows(folder / one.file))


def _sides(path: Path, told: Answered, wanted: str | None) -> list[Side]:
    folder = path if path.is_dir() else path.parent
    names = [model.name for model in told.models]
    if wanted is not None and wanted not in names:
        raise UsageError(f"{path} has no model {wanted!r}; it has {', '.join(names) or 'none'}")
    return [
        Side(
            one.name,
            read_results(folder / one.answers_file),
            _stems(folder, one),
            one.trained_whole,
            one.form,
        )
        for one in told.models
        if wanted in (None, one.name)
    ]


def _stems(folder: Path, told: Known) -> frozenset[str] | None:
    """What a model was trained on; None where nothing is known, or its hashes are no longer there."""
    file = folder / "models" / f"{Path(told.answers_file).stem}.stems"
    if told.trained_stems is None or not file.is_file():
        return None
    return read_stems(file)


def _lost(told: Answered, sides: Sequence[Side]) -> list[str]:
    """Models whose training questions were known, and no longer are."""
    known = {model.name for model in told.models if model.trained_stems is not None}
    return [
        f"the hashes of what {side.name} was trained on (models/*.stems) are missing"
        for side in sides
        if side.name in known and side.stems is None
    ]


def _label(name: str, other: str, path: Path) -> str:
    """A model's name, with where it is from where both are called the same."""
    place = path.name if path.is_dir() else path.parent.name
    return f"{name} ({place})" if name == other else name


def _remarks(one: Answered, other: Answered) -> list[str]:
    """In what the two were asked differently: a difference may then be the asking's."""
    settings = [{key: value for key, value in told.settings.items() if key not in _ALONE} for told in (one, other)]
    return [f"asked differently: {change}" for change in differences(settings[0], settings[1])]
