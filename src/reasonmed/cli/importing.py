"""``reasonmed import``: others' data in the canonical form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._console import out, safe, say
from reasonmed.errors import UsageError
from reasonmed.files import check_new_file


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="import")(import_)


def import_(
    file: Annotated[Path, typer.Argument(help="JSON, JSON Lines, CSV or parquet of a known layout.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A file (.jsonl or .parquet), or a folder for records.jsonl.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace the file where it exists.")] = False,
) -> None:
    """Convert reasoning data of other projects to records; fields that a row does not have are null.

    \b
    Known: ReasonMed, medical-o1, MedReason, m1 and II-Medical; sharegpt, messages, prompt/completion;
    questions with chains of thought in `cots`.

    Examples:
      reasonmed import medical_o1_sft.json -o o1.jsonl
      reasonmed import ReasonMed.json -o reasonmed.parquet
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.export.importing import import_file

    target = output if output.suffix in (".jsonl", ".parquet") and not output.is_dir() else output / "records.jsonl"
    if output.is_file() and target != output:
        raise UsageError(f"{output} is a file; -o names a folder, or a file that ends in .jsonl or .parquet")
    check_new_file(target, force=force)
    with options.working(f"reading {file}"):
        told = import_file(file, target)
    layouts = ", ".join(f"{name} {count:,}" for name, count in sorted(told.layouts.items()))
    out.print(safe(f"{told.records:,} records in {target} ({layouts})"), soft_wrap=True)
    if told.unread:
        say(f"{told.unread:,} rows skipped, listed in {target}.left_out.jsonl", "yellow")
