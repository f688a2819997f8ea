"""``reasonmed check`` and ``reasonmed index``: what is wrong with a set, and which benchmarks it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._console import out, safe, say
from reasonmed.errors import UsageError
from reasonmed.files import check_new_file, left_behind

if TYPE_CHECKING:
    from reasonmed.checks.findings import Report

_FOUND = 1


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="check")(check)
    app.command(name="index")(index)


def check(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_OR_DATA", help="A run, an export's folder, or a file of records, rows or questions."
        ),
    ],
    against: options.AgainstOption = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the whole report here.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a page for people here.")] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option("--fail-on", help="Exit 1 if this rule, or one that begins with it, finds anything; repeatable."),
    ] = None,
    allow_license: Annotated[
        list[str] | None, typer.Option("--allow-license", help="A license that is wanted; others are findings.")
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option("--rules", help="Rules of another package too: their name, or a module's; repeatable."),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Only hashes and n-grams: needs no extra, misses reworded copies.")
    ] = False,
    layout: options.LayoutOption = None,
    cop_base: options.CopOption = None,
    names: options.MapOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the report's files where they exist.")] = False,
) -> None:
    """Check a data set: benchmark contamination, duplicates, conflicting answers, leaks, licenses. Deletes nothing.

    \b
    Examples:
      reasonmed check runs/medqa --json report.json --html report.html
      reasonmed check mine.jsonl --against medqa-test.index.jsonl --fail-on contamination
      reasonmed check data/records.jsonl --allow-license MIT --allow-license apache-2.0
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.checks import RULES, find_rules, plan, refuse_empty
    from reasonmed.checks.inputs import find_input
    from reasonmed.checks.write import check_to_files
    from reasonmed.questions import Settings

    others = find_rules(rules or [])
    wanted = _known(fail_on or [], (*RULES, *(rule for one in others for rule in one.rules)))
    outputs = [file for file in (json_file, html_file) if file is not None]
    if json_file is not None and json_file == html_file:
        raise UsageError(f"--json and --html both name {json_file}; they are two files")
    for file in outputs:
        check_new_file(file, force=force or left_behind(file, outputs), other="name")
    with options.reading(against or []):
        wants = plan(against or [], allow_license or [], others, exact=exact)
    source = find_input(path, Settings(layout, cop_base, options.names_of(names)))
    with options.working(f"checking {path}") as done:
        report = check_to_files(source, wants, json_file, html_file, done)
    refuse_empty(report, path)
    _show(report)
    found = [rule for rule in report.counts.rules if any(_under(rule, name) for name in wanted)]
    if found:
        counts = report.counts.rules
        say(f"--fail-on: {', '.join(f'{rule} {counts[rule]:,}' for rule in found)}", "red")
        raise typer.Exit(_FOUND)


def index(
    files: Annotated[list[Path], typer.Argument(metavar="QUESTIONS...", help="The benchmark's question files.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The index to write.")],
    name: Annotated[str | None, typer.Option("--name", help="The benchmark's name; else the first file's.")] = None,
    total: Annotated[
        int | None, typer.Option("--total", min=1, help="How many questions the whole benchmark has.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the index where it exists.")] = False,
) -> None:
    """Index a benchmark for --against: hashes and signatures, no text.

    \b
    Examples:
      reasonmed index medqa-test.jsonl -o medqa-test.index.jsonl --total 1273
      reasonmed index part1.jsonl part2.jsonl -o mine.index.jsonl --name mine
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.questions.contamination import build, write_index

    check_new_file(output, force=force, other="name")
    with options.working(f"reading {', '.join(map(str, files))}"):
        made = build(files, name or files[0].stem, total)
    write_index(made, output)
    whole = f" of {total:,}" if total else ""
    out.print(safe(f"{output}: {len(made.entries):,}{whole} questions of {made.name}"), soft_wrap=True)
    if total is None:
        say(
            "the benchmark's size is not known (--total N): no report can call a set checked against all of it",
            "yellow",
        )


def _known(wanted: list[str], rules: tuple[str, ...]) -> list[str]:
    unknown = [name for name in wanted if not any(_under(rule, name) for rule in rules)]
    if unknown:
        raise UsageError(f"--fail-on {', '.join(unknown)}: there are {', '.join(rules)}")
    return wanted


def _under(rule: str, name: str) -> bool:
    return rule == name or rule.startswith(f"{name}.")


def _show(report: Report) -> None:
    from rich.table import Table

    counts = report.counts
    out.print(safe(f"{report.input.name} ({report.input.kind}): {report.sizes}"), soft_wrap=True)
    out.print(safe(report.licenses), soft_wrap=True)
    for one in report.coverage:
        matches = f"{sum(one.matches.values()):,} matches"
        out.print(safe(f"{one.benchmark}: {one.said} by {', '.join(one.methods)}: {matches}"), soft_wrap=True)
    table = Table("rule", "findings", box=None)
    for rule, count in counts.rules.items():
        table.add_row(rule, f"{count:,}")
    if counts.rules:
        out.print(table)
    else:
        out.print("no findings")
    for rule, why in counts.not_checked.items():
        say(f"not checked: {rule} ({why})", "yellow")
