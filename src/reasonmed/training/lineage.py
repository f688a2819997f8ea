"""What a model was trained on, over every training from the first base to itself, as far as folders record it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET, Struct, UnsetType

from reasonmed.backends._weights import SHA256, remembered_sha256
from reasonmed.documents import Document
from reasonmed.errors import UsageError
from reasonmed.training.record import LAYOUT, RUN, STARTED, VERSION, Ancestor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EMBEDDED = "embedded"
_DIGITS = 16
_HASH = re.compile(rf"(?:\.safetensors:| sha256:)([0-9a-f]{{{_DIGITS}}})(?![0-9a-f])")
_WITHIN = re.compile(r"adapter|checkpoint-\d+")
"""Folders of weights inside a model folder, which has the record."""
DEMO = frozenset({SHA256[:_DIGITS]})
"""The weights of the demo model."""
_LONGEST = 32
"""Trainings of a chain that are followed through folders."""


class _Base(Struct):
    """The base model in a record."""

    name: str | None = None
    identity: str | None = None


class _Told(Struct):
    """What a record says of where its model is from; older ones say less of it."""

    base_model: _Base | str | None = None
    stems: list[str] | UnsetType | None = UNSET
    whole: bool = True
    trainings: list[Ancestor] | None = None
    origin: _Told | None = None
    """In the record of a training that has begun."""


_RECORD = Document(
    "record of a training", _Told, UsageError, "move it away to evaluate without it", LAYOUT, unsaid=VERSION
)


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
    def told(self) -> Ancestor:
        """The training as a later one records it."""
        stems = None if self.stems is None else sorted(self.stems)
        return Ancestor(self.base, sorted(self.base_weights), stems, self.whole)


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


def hashes_in(identity: str) -> frozenset[str]:
    """The hashes of weights in what a record calls a model's identity; configurations are not the model."""
    return frozenset(_HASH.findall(identity))


def lineage(path: Path) -> Lineage:
    """The trainings of a model: a folder, an adapter or checkpoint in one, or a GGUF file beside a record.

    Raises:
        UsageError: a record is torn, or of another kind or version.
    """
    return Lineage(tuple(_trainings(path, _LONGEST)))


def _trainings(path: Path, most: int) -> Iterator[Training]:
    file = _record(path)
    if file is None or not most:
        return
    found = _RECORD.read(file)
    found = found.origin or found
    if found.trainings is not None:
        yield from map(_training, found.trainings)
        return
    base = found.base_model if isinstance(found.base_model, _Base) else _Base(found.base_model, found.base_model)
    if base.name is None and found.stems is UNSET:
        return
    stems = None if found.stems is UNSET else found.stems
    own = _training(Ancestor(base.name, [*hashes_in(base.identity or "")], stems, found.whole))
    yield own
    if own.base is not None and own.base_weights:
        yield from _of_base(file.parent, own.base, own.base_weights, most - 1)


def _of_base(folder: Path, name: str, expected: frozenset[str], most: int) -> Iterator[Training]:
    """The trainings of the base of an older record, where a folder of its name beside or here has its weights."""
    for place in (folder.parent / Path(name).name, Path(name).expanduser()):
        if place.is_dir() and weights_of(place) == expected:
            yield from _trainings(place, most)
            return


def _training(told: Ancestor) -> Training:
    stems = None if told.stems is None else frozenset(told.stems)
    return Training(told.base, frozenset(told.base_weights), stems, whole=stems is not None and told.whole)


def _record(path: Path) -> Path | None:
    """The file that tells of a model's training: of a finished one, else of one that has begun."""
    folder = path if path.is_dir() else path.parent
    places = [folder]
    if _WITHIN.fullmatch(folder.resolve().name):
        places += [folder.resolve().parent, folder.resolve().parent.parent]
    found = (place / name for place in places for name in (RUN, STARTED))
    return next((file for file in found if file.is_file()), None)


def extended(base: Path | None, name: str, identity: str, stems: Iterable[str | None]) -> list[Ancestor]:
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
