"""``reasonmed export``: a run as files that others read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._console import out, safe, say
from reasonmed.types import Tier

if TYPE_CHECKING:
    from reasonmed.export import Export


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="export")(export)


def export(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="A run directory, or several.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", "-f", help="Formats, with commas between them; an unknown one lists all."),
    ] = None,
    split: Annotated[
        str, typer.Option("--split", help="Shares of train, validation and test, by question: 0.9,0.05,0.05.")
    ] = "1,0,0",
    seed: Annotated[int, typer.Option("--seed", help="Seed of --split and --order.")] = 0,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="Draw also questions that their own file calls validation or test.")
    ] = False,
    reasoning: Annotated[
        Literal["inline", "field"],
        typer.Option("--reasoning", help="The CoT in chat messages: in think tags, or in reasoning_content."),
    ] = "inline",
    mask_steps: Annotated[
        bool, typer.Option("--mask-steps", help="No loss on steps that the judge flagged (trl-sft, axolotl, parquet).")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Keep the texts' own endings: no answer line.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Export a demo run, whose texts have no medical worth.")] = False,
    with_disputed: Annotated[bool, typer.Option("--with-disputed", help="Also records whose key is disputed.")] = False,
    with_consensus: Annotated[
        bool, typer.Option("--with-consensus", help="Also records whose key is the models' consensus.")
    ] = False,
    verified_only: Annotated[bool, typer.Option("--verified-only", help="Only records that a judge accepted.")] = False,
    reviewed: Annotated[
        Literal["any", "none-rejected", "accepted"],
        typer.Option("--reviewed", help="By reviewers' votes: without rejected records, or only accepted ones."),
    ] = "any",
    min_score: Annotated[
        int | None, typer.Option("--min-score", min=1, max=10, help="Only records with at least this score.")
    ] = None,
    min_step_share: Annotated[
        float | None,
        typer.Option("--min-step-share", min=0, max=1, help="Only records with at least this share of steps ok: 0.9."),
    ] = None,
    pass_rate: Annotated[
        str | None,
        typer.Option("--pass-rate", help="Only questions whose share of correct chains is in this range: 0.1,0.9."),
    ] = None,
    order: Annotated[
        Literal["given", "easy-first", "hard-first", "random"],
        typer.Option("--order", help="The order of questions: as given, by pass rate, or by a hash of --seed."),
    ] = "given",
    max_cot_tokens: Annotated[
        int | None,
        typer.Option("--max-cot-tokens", min=1, help="No longer chains: in tokens of --tokenizer, else in words."),
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", help="A model's folder, or its tokenizer.json, for --max-cot-tokens.")
    ] = None,
    short: Annotated[
        bool, typer.Option("--short", help="Also the variant `short`: the text after the thinking alone.")
    ] = False,
    tier: Annotated[list[Tier] | None, typer.Option("--tier", help="Only these tiers; may be repeated.")] = None,
    source: Annotated[list[str] | None, typer.Option("--source", help="Only these sources; may be repeated.")] = None,
    license_: Annotated[
        list[str] | None, typer.Option("--license", help="Only sources under these licenses; may be repeated.")
    ] = None,
    findings: Annotated[
        Path | None,
        typer.Option("--findings", help="A report of `reasonmed check --json FILE`, for the card and --drop."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option("--drop", help="Exclude what a rule found (contamination.*); repeatable.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template", help="First check that this chat template (a file or a name) keeps CoT and response."
        ),
    ] = None,
    judge_card: Annotated[
        Path | None, typer.Option("--judge-card", help="A judge_card.json of this run's judge, for the card.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the files of an older export.")] = False,
) -> None:
    """Write a run, or several as one, in the formats that training and evaluation tools read, with its data card.

    By default: the three published files and the native records. The card is README.md and croissant.json;
    `reasonmed card` regenerates it.

    \b
    Examples:
      reasonmed export runs/medqa -o medqa-data
      reasonmed export runs/medqa -o medqa-data --format parquet,trl-sft,dpo,rl --split 0.9,0.05,0.05
      reasonmed export runs/medqa -o clean --findings check.json --drop 'contamination.*' --min-score 7
      reasonmed export runs/medqa -o reviewed --reviewed accepted
      reasonmed export runs/medqa -o rl-data --format rl --pass-rate 0.1,0.9 --order easy-first
      reasonmed export runs/medqa runs/medmcqa -o both --split 0.9,0.05,0.05
      reasonmed export runs/medqa -o steps-data --format prm,trl-sft --mask-steps
      reasonmed export runs/questions-1a2b3c4d -o demo-data --demo
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.export import DEFAULT_FORMATS, About, Settings, drops_of, limit_of, parse_pass_rate, parse_shares
    from reasonmed.export import export as write
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.layouts import refuse_agents_file

    for run in runs:
        refuse_agents_file(run)
    settings = Settings(
        plain=plain,
        demo=demo,
        disputed=with_disputed,
        consensus=with_consensus,
        verified_only=verified_only,
        min_score=min_score,
        min_step_share=min_step_share,
        tiers=tuple(tier or ()),
        sources=tuple(source or ()),
        licenses=tuple(license_ or ()),
        drops=drops_of(findings, drop or []),
        shares=parse_shares(split),
        seed=seed,
        redraw=redraw,
        template=template,
        reasoning=reasoning,
        mask_steps=mask_steps,
        reviewed=reviewed,
        pass_rate=None if pass_rate is None else parse_pass_rate(pass_rate),
        order=order,
        short=short,
        longest=limit_of(max_cot_tokens, tokenizer),
    )
    wanted = [name.strip() for given in formats or DEFAULT_FORMATS for name in given.split(",")]
    with options.working(f"exporting {', '.join(map(str, runs))}"):
        about = About(findings=findings, judge_card=judge_card)
        manifest = write([RunDirectory(run) for run in runs], output, settings, wanted, force=force, about=about)
    _show(manifest, output)


def _show(manifest: Export, output: Path) -> None:
    shown = ", ".join(f"{name} {one.questions:,}" for name, one in manifest.splits.items())
    out.print(safe(f"{manifest.records:,} records in {output}; questions: {shown}"), soft_wrap=True)
    for name in manifest.formats:
        rows = {file: count for file, count in manifest.rows.items() if file.startswith(f"{name}/")}
        out.print(safe(f"  {name}: {sum(rows.values()):,} rows in {len(rows)} files" if rows else f"  {name}: no rows"))
    _show_runs(manifest)
    _show_asked_for(manifest)
    if manifest.own_split:
        kept = "1 question keeps" if manifest.own_split == 1 else f"{manifest.own_split:,} questions keep"
        out.print(safe(f"{kept} the validation or test split of their own file; --redraw draws them too"))
    if "train" not in manifest.splits:
        say("no question is in train: their own file holds them all out; --redraw draws new splits", "yellow")
    if manifest.unfinished:
        say(
            f"{manifest.unfinished:,} questions of the run are unfinished and not in it; export again when they "
            "are finished: with --split, questions may change their split",
            "yellow",
        )
    by_format = {f"{name}: ": one for name, one in manifest.formats_left_out.items()}
    for what, left in {"": manifest.left_out, **by_format}.items():
        if left:
            say(f"{what}left out: {', '.join(f'{count} {reason}' for reason, count in left.items())}", "yellow")
    for pattern, count in (manifest.settings.drops.drop if manifest.settings.drops else {}).items():
        if count == 0:
            say(f"--drop {pattern}: the report has no finding of this rule", "yellow")


def _show_asked_for(manifest: Export) -> None:
    """What was asked for and is in no row."""
    from reasonmed.export._said import SHORT

    counted = {"trl-sft", "axolotl"} & set(manifest.formats) if manifest.settings.mask_steps else set[str]()
    if counted and not any("with_masked_steps" in manifest.of_which.get(name, {}) for name in counted):
        say("--mask-steps: no step is masked; labels are those of a run with `verify: {steps: true}`", "yellow")
    if manifest.settings.short and not any(SHORT in re.split(r"[/_.]", file) for file in manifest.rows):
        say("--short: no row; a CoT must hold the thinking and the text after it (`generate: {cot: both}`)", "yellow")


def _show_runs(manifest: Export) -> None:
    """What is taken of each of several runs."""
    for number, part in enumerate(manifest.card.parts, 1):
        named = part.run.input.file if part.run.input else "questions"
        out.print(safe(f"run {number}, {named}: {part.questions:,} questions, {part.records:,} records"))
    if manifest.duplicates:
        count = len(manifest.duplicates)
        say(f"{count:,} copies of questions are left out, each taken from another run (export.json lists them)")
    differ = manifest.questions_left_out.get("key_differs", 0)
    if differ:
        say(f"{differ:,} questions are left out: their keys differ between the runs", "yellow")
