"""``reasonmed push``: an export or a trained model to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._console import out, safe


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="push")(push)


def push(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an export, or of a trained model.")],
    to: Annotated[str, typer.Option("--to", metavar="USER/NAME", help="The data set or model on the hub.")],
    public: Annotated[bool, typer.Option("--public", help="For everybody to see; private by default.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go; no network, no token.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Push a demo, whose texts have no medical worth.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Into a data set that is there: replaces files of the same name.")
    ] = False,
) -> None:
    """Push an export or a trained model, with its card, to the Hugging Face hub.

    An export is refused while a source has no license. A model is pushed as weights, tokenizer, card and run.json.

    The token is read from HF_TOKEN only; the address of another hub from HF_ENDPOINT.

    \b
    Examples:
      reasonmed push medqa-data --to user/medqa-reasoning --dry-run
      HF_TOKEN=... reasonmed push medqa-data --to user/medqa-reasoning
      HF_TOKEN=... reasonmed push models/medqa-8b --to user/medqa-8b
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.export.push import is_model, model_shipment, shipment
    from reasonmed.export.push import push as send

    with options.working(f"checking {folder}"):
        load = (model_shipment if is_model(folder) else shipment)(folder, to, public=public, demo=demo)
    if dry_run:
        for name, size in load.files.items():
            out.print(safe(f"{size:>14,}  {name}"), soft_wrap=True)
        seen = "public" if public else "private"
        out.print(safe(f"{len(load.files)} files, {sum(load.files.values()):,} bytes, would go to {to} ({seen})"))
        return
    with options.working(f"pushing {len(load.files)} files to {to}"):
        address = send(load, force=force)
    out.print(safe(address), soft_wrap=True)
