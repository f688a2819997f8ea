"""Plug-ins from outside: modules of other packages, found by an entry point's name or by their dotted name.

What ships is found by each room itself, in a folder, and is looked for first: no entry point takes its name, and none
is read where only shipped names are used.
"""

from __future__ import annotations

import hashlib
import re
import sys
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, distributions, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from reasonmed.errors import PluginError, ReasonMedError
from reasonmed.files import NO_ROOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

Kind = Literal["backends", "readers", "formats", "stages", "checks"]
"""Each is a group of entry points, ``reasonmed.KIND``."""

KINDS: tuple[Kind, ...] = get_args(Kind)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
_OURS = __name__.partition(".")[0]


class Plugin(NamedTuple):
    """Where a plug-in comes from. ``version`` of a module without a package is a hash of its file."""

    kind: Kind
    name: str
    package: str
    version: str

    def __str__(self) -> str:
        """How messages name it."""
        return f"{self.kind.removesuffix('s')} {self.name!r} of the package {self.package} {self.version}"

    @property
    def told(self) -> dict[str, str]:
        """What the identity of a run says of it."""
        return {"name": self.name, "package": self.package, "version": self.version}


class Loaded(NamedTuple):
    """A plug-in and its module."""

    plugin: Plugin
    module: Any


def is_dotted(name: str) -> bool:
    """Whether a name may be a module's of another package."""
    return _DOTTED.fullmatch(name) is not None and name.partition(".")[0] != _OURS


def installed(kind: Kind) -> list[Plugin]:
    """The plug-ins that installed packages offer by entry points, by name; their modules are not imported."""
    return sorted(_of_point(kind, one) for one in _points(kind, tuple(sys.path)))


def names(kind: Kind, shipped: Iterable[str] = ()) -> str:
    """All that can be named, for a message: what ships, and the plug-ins with their packages."""
    return ", ".join([*shipped, *(f"{one.name} (of {one.package})" for one in installed(kind))])


def load(kind: Kind, name: str) -> Loaded | None:
    """The plug-in of this name, imported; None where no package has one.

    Raises:
        PluginError: it cannot be imported, or several packages have one.
    """
    points = [one for one in _points(kind, tuple(sys.path)) if one.name == name]
    if len(points) > 1:
        packages = " and ".join(sorted(_of_point(kind, one).package for one in points))
        raise PluginError(f"{kind.removesuffix('s')} {name!r}: {packages} both have one; give its dotted name")
    if points:
        plugin = _of_point(kind, points[0])
        with _loading(str(plugin)):
            return Loaded(plugin, points[0].load())
    if not is_dotted(name):
        return None
    module = _imported(kind, name)
    return None if module is None else Loaded(Plugin(kind, name, *_origin(module.__name__, module.__file__)), module)


def _imported(kind: Kind, name: str) -> ModuleType | None:
    """A module by its dotted name; None where there is none."""
    try:
        with _loading(f"{kind.removesuffix('s')} {name!r}"):
            return import_module(name)
    except PluginError as failed:
        missing = failed.__cause__
        if isinstance(missing, ModuleNotFoundError) and missing.name and f"{name}.".startswith(f"{missing.name}."):
            return None
        raise


@contextmanager
def at_work(plugin: Plugin, where: str = "", known: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Whatever code of a plug-in raises that is none of our errors, nor one of ``known``, names the plug-in.

    A full disk stays what it is.
    """
    passing: tuple[type[Exception], ...] = (ReasonMedError, *known)
    try:
        yield
    except passing:
        raise
    except Exception as broken:
        if isinstance(broken, OSError) and broken.errno in NO_ROOM:
            raise
        raise PluginError(f"{plugin} failed{f' at {where}' if where else ''}: {_reason(broken)}") from broken


@contextmanager
def _loading(who: str) -> Iterator[None]:
    try:
        yield
    except ReasonMedError:
        raise
    except (Exception, SystemExit) as broken:
        raise PluginError(f"{who} cannot be imported: {_reason(broken)}") from broken


def _reason(broken: BaseException) -> str:
    said = " ".join(str(broken).split())
    return f"{type(broken).__name__}: {said}" if said else type(broken).__name__


def _of_point(kind: Kind, point: EntryPoint) -> Plugin:
    if point.dist is None:
        return Plugin(kind, point.name, point.module.partition(".")[0], "unknown")
    return Plugin(kind, point.name, point.dist.name, point.dist.version)


@cache
def _points(kind: Kind, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:  # noqa: ARG001 - where they were looked for
    return tuple(entry_points(group=f"{_OURS}.{kind}"))


@cache
def _origin(module: str, file: str | None) -> tuple[str, str]:
    """The package that a module belongs to, and its version."""
    top = module.partition(".")[0]
    own = next(iter(distributions(name=top)), None)
    if own is not None:
        return own.name, own.version
    if file is None:
        return top, "unknown"
    place = Path(file)
    depth = module.count(".") + (place.stem == "__init__")
    for one in distributions(path=[str(place.parents[depth])]):
        if any(part.parts[0] == top for part in one.files or ()):
            return one.name, one.version
    return top, f"sha256:{hashlib.sha256(place.read_bytes()).hexdigest()[:16]}"
