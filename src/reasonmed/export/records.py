"""The native records, as JSON Lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.files import replacing
from reasonmed.ledger import encode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reasonmed.export import Settings
    from reasonmed.types import Record

FILE = "records.jsonl"


def write(rows: Iterable[Record], folder: Path, settings: Settings) -> list[str]:  # noqa: ARG001 - every format's shape
    """Write the records as they are."""
    with replacing(folder / FILE) as sink:
        for record in rows:
            sink.write(encode(record) + b"\n")
    return [FILE]
