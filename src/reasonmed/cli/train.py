"""``reasonmed train``: fine-tune a model on an export."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._console import out, safe, say
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from reasonmed.training.prepare import Prepared
    from reasonmed.training.settings import Training

_GIB = 2**30
"""Seconds between two lines of progress."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    data: Annotated[
        Path | None, typer.Argument(help="An export's folder, a variant's folder, or one .jsonl file.")
    ] = None,
    config: Annotated[str | None, typer.Option("--config", "-c", help="A training file, or a preset's name.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The model folder.")] = None,
    variant: Annotated[str | None, typer.Option("--variant", help="reasonmed, cotmed or responsemed.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="In place of the training file's.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check rows, lengths, template, memory; do not train.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Begin anew over an older run of this folder.")] = False,
    emit: Annotated[
        str | None,
        typer.Option(
            "--emit", help="Do not train: write it for llamafactory, axolotl, verl, openrlhf or trl-cli into -o."
        ),
    ] = None,
    devices: Annotated[int, typer.Option("--devices", min=1, help="GPUs that the command of --emit is for.")] = 1,
    presets: Annotated[bool, typer.Option("--presets", help="Print the shipped training files.")] = False,
) -> None:
    """Fine-tune a model on the trl-sft files of an export. The same command again goes on from the last checkpoint.

    \b
    Examples:
      reasonmed train medqa-data -c train.yaml --dry-run
      reasonmed train medqa-data -c lora-8b-24gb -o models/medqa-8b
      accelerate launch -m reasonmed train medqa-data -c huatuo-8b-full -o models/medqa-8b
      reasonmed train medqa-data -c train.yaml --emit axolotl -o medqa-axolotl
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.training import settings as files  # noqa: PLC0415 - keeps --help fast

    if presets:
        for name, text in files.presets().items():
            out.print(safe(f"# {name}\n{text}"), soft_wrap=True)
        return
    if data is None or config is None:
        raise UsageError("training needs DATA and -c FILE; `reasonmed train --presets` shows the shipped files")
    changes = {"variant": variant, "seed": seed}
    settings = files.changed(files.load(config), {name: value for name, value in changes.items() if value is not None})
    if emit is not None:
        _emit(emit, data, settings, output, devices=devices, force=force)
        return
    from reasonmed.training import extra  # noqa: PLC0415 - the same

    extra.need()
    from reasonmed.training.prepare import prepare  # noqa: PLC0415 - the same

    first = extra.processes()[0] == 0
    with options.working(f"reading {data} and {settings.base_model}"):
        prepared = prepare(data, settings)
    if first:
        _show(prepared)
    if dry_run:
        _show_row(prepared)
        return
    from reasonmed.training import fit  # noqa: PLC0415 - the same
    from reasonmed.training.progress import Progress  # noqa: PLC0415 - the same

    folder = output or Path("models", f"{data.resolve().stem}-{settings.variant}-{settings.seed}")
    if fit.open_folder(folder, prepared, force=force):
        say(f"{folder} holds the finished model; begin anew with --force")
        return
    if first:
        say(f"training into {folder}")
    told = fit.train(prepared, folder, Progress(say))
    if first:
        _report(told, folder)


def _emit(stack: str, data: Path, settings: Training, output: Path | None, *, devices: int, force: bool) -> None:
    from reasonmed.training.data import read  # noqa: PLC0415 - keeps --help fast
    from reasonmed.training.emit import emit  # noqa: PLC0415 - the same

    if output is None:
        raise UsageError("--emit needs -o DIR, the folder to write")
    with options.working(f"reading {data}"):
        told = emit(stack, read(data, settings.variant), settings, output, devices=devices, force=force)
    say(f"different from `reasonmed train` ({len(told.notes)}):" if told.notes else "every field is mapped")
    for note in told.notes:
        say(f"  {note}", "yellow")
    out.print(safe(f"{output}: data, README.md, run.sh"), soft_wrap=True)
    out.print(safe(shlex.join(told.command)), soft_wrap=True)


def _show(prepared: Prepared) -> None:
    tokens, plan, choice = prepared.train, prepared.plan, prepared.choice
    lost = len(tokens.too_long) + len(tokens.masked)
    held_out = len(prepared.validation.kept) if prepared.validation else 0
    spread = ", ".join(f"p{share:.0%}".rstrip("%") + f" {tokens.percentile(share):,}" for share in (0.5, 0.9))
    through = plan.width or choice.tokens
    laid = f"{'packed' if choice.packed else 'padded'}, {plan.fill:.0%} filled"
    how = f"{choice.attention}{', compiled' if choice.compiled else ''}"
    how += ", checkpointing" if choice.checkpointed else ""
    memory = f"{choice.estimate / _GIB:.1f} GiB of {prepared.machine.memory / _GIB:.0f} GiB ({prepared.machine.name})"
    share = lost / len(tokens.lengths)
    say(f"{len(tokens.lengths):,} rows of {prepared.settings.variant}, {held_out:,} for validation")
    say(f"tokens a row: {spread}, longest {max(tokens.lengths):,}; the limit is {prepared.limit:,}")
    dropped = f"{len(tokens.too_long)} rows too long, {len(tokens.masked)} without a loss"
    say(f"left out: {dropped} ({share:.2%}); none is cut")
    say(f"{tokens.total:,} tokens, {tokens.learned:,} with a loss; the chat template keeps every reply whole")
    micros = f"{plan.accumulation} micro-batches of {through:,} tokens"
    say(f"{plan.steps:,} steps of {prepared.settings.batch} rows in {micros}, {laid}")
    say(f"{prepared.parameters / 1e6:,.0f} M parameters, {choice.precision}, {how}; about {memory}")
    if tokens.unlike:
        say(f"{tokens.unlike} prompts are rendered differently when a reply follows: see docs/training.md", "yellow")
    if choice.estimate > prepared.machine.memory:
        say("the estimate is over the memory: take lora, a smaller model, or several devices with FSDP", "yellow")


def _show_row(prepared: Prepared) -> None:
    """One row as the model sees it: what is masked, and what is learned."""
    one = prepared.train.kept[0]
    decode = prepared.tokenizer.decode
    masked, learned = (list(map(int, part)) for part in (one.ids[: one.start], one.ids[one.start :]))
    out.print(safe(f"row {prepared.data.train.rows[one.row].id}", "bold"))
    out.print(safe(f"without a loss, {len(masked)} tokens:", "dim"))
    out.print(safe(decode(masked), "dim"), soft_wrap=True)
    out.print(safe(f"with a loss, {len(learned)} tokens:", "green"))
    out.print(safe(decode(learned), "green"), soft_wrap=True)


def _report(told: dict[str, Any], folder: Path) -> None:
    loss, measured = told["loss"], told["measured"]
    held_out = f", validation {loss['validation']:.4f}" if loss["validation"] is not None else ""
    pace = f", {measured['tokens_per_second']:,.0f} tokens/s" if "tokens_per_second" in measured else ""
    out.print(safe(f"loss {loss['first']:.4f} to {loss['last']:.4f}{held_out}; {measured['seconds']:,.0f} s{pace}"))
    out.print(safe(f"{folder}: the model, run.json, README.md, loss.svg"), soft_wrap=True)
