"""What a model was trained on, over every training from the first base to itself, as far as folders record it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from reasonmed.backends._weights import SHA256, remembered_sha256
from reasonmed.documents import Refused, text_of
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RECORD, STARTED = "run.json", "training.json"
EMBEDDED = "embedded"
_DIGITS = 16
_HASH = re.compile(rf"(?:\.safetensors:| sha256:)([0-9a-f]{{{_DIGITS}}})(?![0-9a-f])")
_WITHIN = re.compile(r"adapter|checkpoint-\d+")
"""Folders of weights inside a model folder, which has the record."""
DEMO = frozenset({SHA256[:_DIGITS]})
"""The weights of the demo model."""
_LONGEST = 32
"""Trainings of a chain that are followed through folders."""


class Training(NamedTuple):
    """One training of the chain."""

    base: str | None
    """The model it began with, by the name that its record gives."""
    base_weights: frozenset[str]
    """The beginnings of the hashes of that model's weights; empty where they are not recorded."""
    stems: frozenset[str] | None
    """Hashes of the stems of its rows; None where it does not record them."""
    whole: bool
    """Whether every row has one."""

    @property
    def told(self) -> dict[str, object]:
        """The training as a later one records it."""
        stems = None if self.stems is None else sorted(self.stems)
        return {"base": self.base, "base_weights": sorted(self.base_weights), "stems": stems, "whole": self.whole}


class Lineage(NamedTuple):
    """The trainings of a model, the last one first; none where nothing is recorded."""

    trainings: tuple[Training, ...] = ()

    @property
    def stems(self) -> frozenset[str] | None:
        """Hashes of all stems that are known to have been trained on; None where nothing is known."""
        known = [one.stems for one in self.trainings if one.stems is not None]
        return frozenset().union(*known) if known else None

    @property
    def whole(self) -> bool:
        """Whether every recorded training tells all of its questions."""
        return all(one.whole for one in self.trainings)

    @property
    def base(self) -> str | None:
        """The model that the last training began with."""
        return self.trainings[0].base if self.trainings else None

    @property
    def base_weights(self) -> frozenset[str]:
        """The hashes of that model's weights."""
        return self.trainings[0].base_weights if self.trainings else frozenset()

    @property
    def demo(self) -> bool:
        """Whether the chain begins with the demo model, which has no medical ability to build on."""
        return any(one.base == EMBEDDED or is_demo(one.base_weights) for one in self.trainings)


def is_demo(found: frozenset[str]) -> bool:
    """Whether these are the demo model's weights."""
    return found == DEMO


def weights_of(path: Path) -> frozenset[str]:
    """The beginnings of the hashes of a folder's weights, or of a GGUF file's; empty where there are none to read."""
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    return frozenset(remembered_sha256(file)[:_DIGITS] for file in files)


def hashes_in(identity: object) -> frozenset[str]:
    """The hashes of weights in what a record calls a model's identity; configurations are not the model."""
    return frozenset(_HASH.findall(identity)) if isinstance(identity, str) else frozenset()


def lineage(path: Path) -> Lineage:
    """The trainings of a model: a folder, an adapter or checkpoint in one, or a GGUF file beside a record.

    Raises:
        UsageError: a record is torn, or its stems are no hashes.
    """
    return Lineage(tuple(_trainings(path, _LONGEST)))


def _trainings(path: Path, most: int) -> Iterator[Training]:
    file = _record(path)
    if file is None or not most:
        return
    found = _read(file)
    recorded = found.get("trainings")
    if isinstance(recorded, list) and all(isinstance(one, dict) for one in recorded):
        yield from (_training(file, one.get("base"), one.get("base_weights"), one) for one in recorded)
        return
    base = found.get("base_model")
    name = base.get("name") if isinstance(base, dict) else base
    if name is None and "stems" not in found:
        return
    own = _training(file, name, sorted(hashes_in(base.get("identity") if isinstance(base, dict) else base)), found)
    yield own
    if own.base is not None and own.base_weights:
        yield from _of_base(file.parent, own.base, own.base_weights, most - 1)


def _of_base(folder: Path, name: str, expected: frozenset[str], most: int) -> Iterator[Training]:
    """The trainings of the base of an older record, where a folder of its name beside or here has its weights."""
    for place in (folder.parent / Path(name).name, Path(name).expanduser()):
        if place.is_dir() and weights_of(place) == expected:
            yield from _trainings(place, most)
            return


def _training(file: Path, base: object, weights: object, told: dict[str, object]) -> Training:
    stems = told.get("stems")
    if stems is not None and not _texts(stems):
        raise UsageError(f"{file}: stems must be a list of hashes")
    return Training(
        base=base if isinstance(base, str) else None,
        base_weights=frozenset(weights) if _texts(weights) else frozenset(),
        stems=None if stems is None else frozenset(stems),
        whole=stems is not None and told.get("whole", True) is True,
    )


def _texts(found: object) -> TypeGuard[list[str]]:
    return isinstance(found, list) and all(isinstance(one, str) for one in found)


def _record(path: Path) -> Path | None:
    """The file that tells of a model's training: of a finished one, else of one that has begun."""
    folder = path if path.is_dir() else path.parent
    places = [folder]
    if _WITHIN.fullmatch(folder.resolve().name):
        places += [folder.resolve().parent, folder.resolve().parent.parent]
    found = (place / name for place in places for name in (RECORD, STARTED))
    return next((file for file in found if file.is_file()), None)


def _read(file: Path) -> dict[str, object]:
    try:
        found = json.loads(text_of(file))
    except (OSError, Refused, ValueError, RecursionError) as torn:
        raise UsageError(f"{file} cannot be read: {torn}; move it away to evaluate without it") from torn
    found = found if isinstance(found, dict) else {}
    origin = found.get("origin")  # of a training that has begun
    return {**found, **origin} if isinstance(origin, dict) else found


def extended(base: Path | None, name: str, identity: str, stems: Iterable[str | None]) -> list[dict[str, object]]:
    """What a training records of itself and of those before it; see ``chain``."""
    return [one.told for one in chain(base, name, identity, stems)]


def chain(base: Path | None, name: str, identity: str, stems: Iterable[str | None]) -> list[Training]:
    """A training by the stems of its rows, and the trainings of the model it begins with.

    Raises:
        UsageError: the base's record is torn.
    """
    rows = list(stems)
    own = Training(name, hashes_in(identity), frozenset(filter(None, rows)) or None, all(rows))
    return [own, *(lineage(base).trainings if base is not None else ())]
