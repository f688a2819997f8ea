"""What a base model was trained on itself, by the record in its folder: a chain of trainings has seen all of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from reasonmed.training.models import Base

RECORD = "run.json"


class Before(NamedTuple):
    """What was before a training."""

    record: dict[str, Any] | None
    """How the base model was trained, with how its own base was; None where no record is there."""
    stems: set[str] | None
    """Hashes of all stems that it was trained on, along the chain; None where some are not known."""


def of_base(base: Base) -> Before:
    """What the folder of a base model says; a GGUF file's folder speaks for the file.

    Raises:
        UsageError: the record cannot be read.
    """
    found = read(Path(base.place))
    if not found or "method" not in found:
        return Before(None, set())
    model, data = found.get("base_model") or {}, found.get("data") or {}
    record = {
        "method": found["method"],
        "data": {name: data.get(name) for name in ("hash", "kind", "trained_on")},
        "base_model": model,
    }
    stems = found.get("stems")
    return Before(record, set(stems) if isinstance(stems, list) else None)


def read(folder: Path) -> dict[str, Any]:
    """The record of a model folder; empty where there is none.

    Raises:
        UsageError: it cannot be read.
    """
    path = folder / RECORD
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as torn:
        raise UsageError(f"{path} cannot be read: {torn}; move it away to train without it") from torn
    return found if isinstance(found, dict) else {}
