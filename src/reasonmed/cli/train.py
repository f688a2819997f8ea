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
    from reasonmed.training.record import Record, Tried
    from reasonmed.training.settings import Training
    from reasonmed.training.tokens import Tokens

_GIB = 2**30
_SHOWN = 5
"""Rows with control tokens that are named."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    data: Annotated[
        Path | None, typer.Argument(help="An export's folder, a variant's folder, or one .jsonl file.")
    ] = None,
    config: Annotated[str | None, typer.Option("--config", "-c", help="A training file, or a preset's name.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The model folder.")] = None,
    variant: Annotated[str | None, typer.Option("--variant", help="reasonmed, cotmed, responsemed or answers.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="In place of the training file's.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check rows, lengths, template, memory; do not train.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start over, and replace the older run in this folder.")
    ] = False,
    override: Annotated[
        list[str] | None,
        typer.Option("--override", help="Resume with another value: learning_rate=X, clip=X or precision=X; repeat."),
    ] = None,
    emit: Annotated[
        str | None,
        typer.Option(
            "--emit", help="Do not train: write it for llamafactory, axolotl, verl, openrlhf or trl-cli into -o."
        ),
    ] = None,
    devices: Annotated[int, typer.Option("--devices", min=1, help="GPUs that the command of --emit is for.")] = 1,
    presets: Annotated[bool, typer.Option("--presets", help="Print the shipped training files.")] = False,
) -> None:
    """Train a model on an export: method sft, dpo, grpo or prm. Run it again to resume from the last checkpoint.

    \b
    Examples:
      reasonmed train medqa-data -c train.yaml --dry-run
      reasonmed train medqa-data -c lora-8b-24gb -o models/medqa-8b
      accelerate launch -m reasonmed train medqa-data -c huatuo-8b-full -o models/medqa-8b
      reasonmed train medqa-data -c train.yaml -o models/medqa-8b --override learning_rate=5e-6
      reasonmed train steps-data -c prm.yaml -o models/steps-prm
      reasonmed train medqa-data -c train.yaml --emit axolotl -o medqa-axolotl
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.training import settings as files

    if presets:
        for name, text in files.presets().items():
            out.print(safe(f"# {name}\n{text}"), soft_wrap=True)
        return
    if data is None or config is None:
        raise UsageError("training needs DATA and -c FILE; `reasonmed train --presets` shows the shipped files")
    overrides = files.overrides(override or [])
    changes = {"variant": variant, "seed": seed, **overrides}
    settings = files.changed(files.load(config), {name: value for name, value in changes.items() if value is not None})
    if emit is not None:
        _emit(emit, data, settings, output, devices=devices, force=force)
        return
    from reasonmed.training import dependencies as extra

    extra.need()
    from reasonmed.training.prepare import prepare

    first = extra.processes()[0] == 0
    with options.working(f"reading {data} and {settings.base_model}"):
        prepared = prepare(data, settings)
    if first:
        _show(prepared)
    if dry_run:
        _show_row(prepared)
        return
    from reasonmed.training import run as fit
    from reasonmed.training.progress import Progress

    folder = output or Path("models", f"{data.resolve().stem}-{settings.variant}-{settings.seed}")
    if fit.open_folder(folder, prepared, force=force, overrides={name: getattr(settings, name) for name in overrides}):
        say(f"{folder} holds the finished model; start over with --force")
        return
    if first:
        say(f"training into {folder}")
    told = fit.train(prepared, folder, Progress(say, prepared.method.WATCHED))
    if told is not None:
        _report(told, folder)


def _emit(stack: str, data: Path, settings: Training, output: Path | None, *, devices: int, force: bool) -> None:
    from reasonmed.training.emit import emit
    from reasonmed.training.methods import sft

    if output is None:
        raise UsageError("--emit needs -o DIR, the folder to write")
    if settings.method != "sft":
        raise UsageError(
            f"--emit writes fine-tuning (method: sft), not {settings.method}; `reasonmed export --format dpo,rl` "
            "writes the rows that other stacks read"
        )
    with options.working(f"reading {data}"):
        told = emit(stack, sft.read(data, settings), settings, output, devices=devices, force=force)
    say(f"different from `reasonmed train` ({len(told.notes)}):" if told.notes else "every field is mapped")
    for note in told.notes:
        say(f"  {note}", "yellow")
    out.print(safe(f"{output}: data, README.md, run.sh"), soft_wrap=True)
    out.print(safe(shlex.join(told.command)), soft_wrap=True)


def _show(prepared: Prepared) -> None:
    tokens, plan, choice, settings = prepared.train, prepared.plan, prepared.choice, prepared.settings
    held_out = len(prepared.validation.kept) if prepared.validation else 0
    spread = ", ".join(f"p{share:.0%}".rstrip("%") + f" {tokens.percentile(share):,}" for share in (0.5, 0.9))
    fill = f", {plan.fill:.0%} filled" if plan.fill is not None else ""
    laid = f"{'packed' if choice.packed else 'padded'}{fill}"
    how = f"{choice.attention}{', compiled' if choice.compiled else ''}"
    how += ", checkpointing" if choice.checkpointed else ""
    memory = f"{choice.estimate / _GIB:.1f} GiB of {prepared.machine.memory / _GIB:.0f} GiB ({prepared.machine.name})"
    rows = prepared.method.ROWS
    variant = f" of {settings.variant}" if settings.method == "sft" else f" for {settings.method}"
    say(f"{len(tokens.lengths):,} {rows}{variant}, {held_out:,} for validation")
    say(f"longest text of each, in tokens: {spread}, longest {max(tokens.lengths):,}; the limit is {prepared.limit:,}")
    say(f"left out: {_dropped(tokens, rows)} ({tokens.lost / len(tokens.lengths):.2%}); none is cut")
    for row, names in list(tokens.controls.items())[:_SHOWN]:
        say(f"  {row}: {', '.join(names)}", "yellow")
    if prepared.validation and prepared.validation.lost:
        say(f"left out of validation: {_dropped(prepared.validation, rows)}")
    if prepared.method.HEAD.labels:
        say(f"{tokens.total:,} tokens, and a label at the last one of each of {tokens.learned:,} steps")
    else:
        say(f"replies end with {_end(prepared)}")
    if tokens.learned and not prepared.method.HEAD.labels:
        say(f"{tokens.total:,} tokens, {tokens.learned:,} with a loss; the chat template keeps every reply whole")
    if settings.method == "grpo":
        wrote = settings.rollouts
        say(f"{wrote.replies} replies to each question, of at most {wrote.max_tokens:,} tokens, counted in the lengths")
    micros = f"{plan.accumulation} micro-batches of {plan.width or choice.tokens:,} tokens"
    say(f"{plan.steps:,} steps of {settings.batch} {rows} in {micros}, {laid}")
    say(f"{prepared.model.parameters / 1e6:,.0f} M parameters, {choice.precision}, {how}; about {memory}")
    if tokens.unlike:
        say(f"{tokens.unlike} prompts are rendered differently when a reply follows: see docs/training.md", "yellow")
    if choice.estimate > prepared.machine.memory:
        say("the estimate is over the memory: take lora, a smaller model, or several devices with FSDP", "yellow")


def _dropped(tokens: Tokens[Any], rows: str) -> str:
    found = f"{len(tokens.too_long)} {rows} too long, {len(tokens.masked)} without a loss"
    return f"{found}, {len(tokens.controls)} with control tokens in their texts" if tokens.controls else found


def _end(prepared: Prepared) -> str:
    end = prepared.end
    if not end.differs:
        return f"{end.text}, the tokenizer's own end token"
    return f"{end.text}; the tokenizer's end token is {end.base}. The saved model ends with either"


def _show_row(prepared: Prepared) -> None:
    """One row as the model sees it."""
    for number, (title, text) in enumerate(
        prepared.method.sample(prepared.train, prepared.data.train.rows, prepared.tokenizer)
    ):
        out.print(safe(title, "green" if number else "dim"))
        out.print(safe(text, "green" if number else "dim"), soft_wrap=True)


def _report(told: Record, folder: Path) -> None:
    from reasonmed.training.methods import METHODS
    from reasonmed.training.record import HeldOut, Tried

    loss, measured = told.loss, told.measured
    held_out = f", validation {loss.validation:.4f}" if loss.validation is not None else ""
    pace = f", {measured.tokens_per_second:,.0f} tokens/s" if measured.tokens_per_second else ""
    out.print(safe(f"loss {loss.first:.4f} to {loss.last:.4f}{held_out}; {measured.seconds:,.0f} s{pace}"))
    for name, words in METHODS[told.method].WATCHED.items():
        watched = told.watched[name]
        if watched.first is not None:
            held_out = f", validation {watched.validation:.3g}" if watched.validation is not None else ""
            out.print(safe(f"{words}: {watched.first:.3g} to {watched.last:.3g}{held_out}"))
    if told.accuracy:
        found, best = told.accuracy, told.best
        taken = f"; the model is that of step {best.step:,}, the best by {best.by}" if best else ""
        out.print(safe(f"accuracy on {found.questions} validation questions: {found.last:.1%}{taken}"))
    if isinstance(told.held_out, HeldOut):
        out.print(safe(f"steps of the validation rows: {told.held_out.sentence}"))
    if isinstance(told.ending, Tried):
        _say_ending(told.ending)
    out.print(safe(f"{folder}: the model, run.json, README.md, loss.svg"), soft_wrap=True)


def _say_ending(ending: Tried) -> None:
    """Whether the model ends its replies by itself."""
    if ending.stopped:
        say(f"asked a training prompt, the model ends its reply by itself, after {ending.tokens:,} tokens")
    elif ending.stopped is None:
        say(f"whether the model ends its replies was not tried: {ending.reason}", "yellow")
    else:
        say(
            f"WARNING: asked the training prompt {ending.row}, the model wrote {ending.limit:,} tokens without "
            f"{' or '.join(ending.ends or ())}: it has not learned to stop. Train longer, or look at the template",
            "bold yellow",
        )
