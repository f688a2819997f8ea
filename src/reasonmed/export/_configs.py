"""Which files of an export ``datasets.load_dataset(DIR)`` reads together: one config a format and variant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.export._settings import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPLIT_FILE = re.compile(rf"(?P<folder>.+)/(?P<split>{'|'.join(SPLITS)})\.(?:jsonl|parquet)")
_PUBLISHED = re.compile(r"(?P<folder>reasonmed-json)/(?P<name>\w+?)(?:\.(?P<split>validation|test))?\.json")
_FIRST = ("parquet", "trl-sft/reasonmed", "reasonmed-json/ReasonMed")


class DataFile(Struct):
    """A file of a config."""

    split: str
    path: str


class Config(Struct, kw_only=True, omit_defaults=True):
    """What ``datasets`` loads under one name."""

    config_name: str
    default: bool = False
    data_files: list[DataFile]


def configs(files: Iterable[str]) -> list[Config]:
    """The ``configs`` of a data card for these files of an export, names relative to its folder.

    Each variant is a config of its own, so that the three never load mixed; ``default`` is the canonical parquet, else
    the variant ReasonMed. ``datasets`` reads one kind of file a folder: parquet where the canonical form is there, else
    JSON. The native records (``records/``) are in none: their provenance has no fixed columns.
    """
    names = sorted(files)
    canonical = any(name.startswith("parquet/") for name in names)
    found: dict[str, dict[str, str]] = {}
    for name in names:
        place, split = _place(name)
        if place not in ("", "records") and name.endswith(".parquet") == canonical:
            found.setdefault(place, {})[split] = name
    first = next((place for place in _FIRST if place in found), None)
    return [
        Config(
            config_name=_config_name(place),
            default=place == first,
            data_files=[DataFile(split, paths[split]) for split in SPLITS if split in paths],
        )
        for place, paths in sorted(found.items(), key=lambda one: (one[0] != first, one[0]))
    ]


def _place(name: str) -> tuple[str, str]:
    """What a file is a part of, and its split; nothing for a file that is no split of a table."""
    published = _PUBLISHED.fullmatch(name)
    if published:
        return f"{published['folder']}/{published['name']}", published["split"] or "train"
    match = _SPLIT_FILE.fullmatch(name)
    return (match["folder"], match["split"]) if match else ("", "")


def _config_name(place: str) -> str:
    if place == "parquet":
        return "canonical"
    return place.removeprefix("parquet/").removeprefix("trl-sft/").replace("/", "-").lower()
