"""Sets of questions to make chains of thought of, by the publishers' own splits: which there are, which are wanted.

- ``fetching``: the sets' files, and the benchmarks whose questions are kept out.
- ``gathering``: from rows to one question file, every row accounted for.
- ``counts``: what became of the rows.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import yaml

from reasonmed.errors import UsageError
from reasonmed.questions import benchmarks
from reasonmed.questions.benchmarks.fetching import PREFIX, revision_in

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILE = Path(__file__).with_name("registry.yaml")
PAPER = "paper"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A publisher's split, as its files are named, and how many rows it was published with."""

    split: str
    rows: int
    folder: str = ""


class QuestionSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A set of questions; the file's head says what the fields are."""

    benchmark: str
    layout: str
    parts: dict[str, Part]
    splits: dict[str, tuple[str, ...]]
    refused: dict[str, str]


class Chosen(NamedTuple):
    """A set that is asked for."""

    name: str
    split: str
    """The split's name as it was asked for."""
    revision: str | None = None


@cache
def registry() -> dict[str, QuestionSet]:
    """The sets by name."""
    return msgspec.convert(yaml.safe_load(_FILE.read_text(encoding="utf-8")), dict[str, QuestionSet])


def chosen(given: Iterable[str], split: str = PAPER) -> list[Chosen]:
    """The sets that ``hub:NAME,NAME@REVISION`` asks for, each with its split.

    Args:
        given: one or several of these.
        split: a split of every set, or ``SET=SPLIT`` for one of them, with commas between.

    Raises:
        UsageError: no such set, split or revision; or one is named twice.
    """
    parts = [(one, part.strip()) for one in given for part in one.removeprefix(PREFIX).split(",")]
    named = [revision_in(one, part) for one, part in parts]
    names = [name for name, _ in named]
    for name in names:
        if name not in registry():
            raise UsageError(f"{PREFIX}{name}: {_no_set(name)}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"{PREFIX}{','.join(names)}: {', '.join(twice)} is given twice")
    splits = _splits(split, names)
    return [Chosen(name, _checked(name, splits[name]), revision) for name, revision in named]


def _no_set(name: str) -> str:
    there = f"the sets to make chains of thought of are {', '.join(registry())}"
    if name in benchmarks.registry():
        return f"this is a benchmark, for `reasonmed evaluate`; {there}"
    return f"there is no set {name!r:.100}; {there}"


def _splits(text: str, names: list[str]) -> dict[str, str]:
    """The split of every set."""
    found: dict[str, str] = {}
    rest: str | None = None
    for part in text.split(","):
        name, equals, split = (one.strip() for one in part.partition("="))
        if not equals:
            name, split = "", name
        if not split or (equals and name not in names) or name in found or (not equals and rest is not None):
            raise UsageError(
                f"--split {text!r:.200}: it must be a split of every set, or SET=SPLIT for one of {', '.join(names)}, "
                "with commas between, each given once"
            )
        if equals:
            found[name] = split
        else:
            rest = split
    return {name: found.get(name, rest or PAPER) for name in names}


def _checked(name: str, split: str) -> str:
    one = registry()[name]
    if split in one.splits:
        return split
    reason = one.refused.get(split, "there is no such split")
    raise UsageError(
        f"--split {split!r:.100} of {name}: {reason}; its splits are {', '.join(one.splits)}. Another split for one "
        f"set is --split {name}=SPLIT"
    )
