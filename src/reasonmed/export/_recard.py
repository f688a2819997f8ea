"""The data card of an export, made again: after a check, with a judge card, under another name."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from reasonmed.backends._weights import sha256_of
from reasonmed.errors import UsageError
from reasonmed.export._configs import configs
from reasonmed.export._install import installing, manifest_text, read_manifest
from reasonmed.export._manifest import MANIFEST, whole_manifest
from reasonmed.export.card import render
from reasonmed.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.export.card import About


def read_export(folder: Path) -> dict[str, Any]:
    """The manifest of an export whose data files are all as they were written.

    Raises:
        UsageError: there is no export, it is of an older version or for another stack's training, or a file of it is
            missing or was changed.
    """
    told = read_manifest(folder)
    if told is None:
        raise UsageError(f"{folder} is no export: it has no {MANIFEST}")
    if "emitted" in told:
        raise UsageError(
            f"{folder} holds rows for {told['emitted']!s:.50} that `reasonmed train --emit` wrote, which have no card; "
            "give the export that they were made from"
        )
    told = whole_manifest(folder, told)
    for name, expected in told["sha256"].items():
        there = (folder / name).is_file()
        if not there or sha256_of(folder / name) != expected:
            what = "was changed after the export" if there else "is missing"
            raise UsageError(f"{folder / name} {what}, so a card would be wrong; export the run again with --force")
    return told


def card_into(folder: Path, told: dict[str, Any], data: Path) -> None:
    """Write the card of the tables in ``data``, and name its files in the manifest's ``files`` and ``card_sha256``."""
    made = render(data, told, configs(told["rows"]))
    for name, content in made.items():
        write_atomically(folder / name, content)
    told["card_sha256"] = {name: sha256(content.encode()).hexdigest() for name, content in sorted(made.items())}
    told["files"] = sorted({*told["sha256"], *made})


def recard(folder: Path, about: About, *, force: bool) -> dict[str, Any]:
    """Make the card of an export again; what is not given stays as it was. Returns the manifest.

    Raises:
        UsageError: there is no whole export, a file for the card is something else, or, without ``force``, the card was
            changed by hand.
    """
    told = read_export(folder)
    extra = about.told(told["card"]["roles"])
    told = {**told, **extra, "about": {**told["about"], **extra["about"]}}
    old = told["card_sha256"]
    edited = [
        name for name, expected in old.items() if (folder / name).is_file() and sha256_of(folder / name) != expected
    ]
    if edited and not force:
        raise UsageError(f"{folder / edited[0]} was changed by hand; keep your copy, then replace it with --force")
    foreign = [
        name for name in render(folder, told, configs(told["rows"])) if name not in old and (folder / name).exists()
    ]
    if foreign:
        raise UsageError(f"{folder / foreign[0]} is in the way and is no file of the card; move it away")
    with installing(folder) as draft:
        card_into(draft, told, folder)
        write_atomically(draft / MANIFEST, manifest_text(told))
    return told
