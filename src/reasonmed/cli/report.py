"""``reasonmed report``: the tables of a run, and the run as one file to read and to send."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from reasonmed.cli._console import err, json_of, out, safe
from reasonmed.errors import UsageError
from reasonmed.files import check_new_file, write_atomically
from reasonmed.secrecy import conceal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reasonmed.runs.tables.reading import Tables
    from reasonmed.web.onefile import Choice

_PAGES, _MARKDOWN = (".html", ".htm"), (".md", ".markdown")
_QUESTIONS = 100
_PATIENCE = 2.0
"""Seconds until progress is shown."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the tables as FILE.md, or the run's page as FILE.html.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the tables as JSON here.")] = None,
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", help="Count tokens by the tokenizer of this model's folder.")
    ] = None,
    judge_card: Annotated[
        Path | None, typer.Option("--judge-card", help="A judge_card.json of the run's judge, for its table.")
    ] = None,
    findings: Annotated[
        Path | None, typer.Option("--findings", help="A report of `reasonmed check --json FILE`, for its table.")
    ] = None,
    questions: Annotated[
        int | None, typer.Option("--questions", min=1, help=f"Page: the first N questions; {_QUESTIONS} by default.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Page: N questions drawn by a hash of their ids instead.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of --sample.")] = 0,
    tier: Annotated[
        list[str] | None, typer.Option("--tier", help="Page: only questions of this tier; repeatable.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Page: only questions that failed.")] = False,
    search: Annotated[str, typer.Option("--search", help="Page: only questions with these words, best first.")] = "",
    calls: Annotated[bool, typer.Option("--calls", help="Page: with every prompt and reply: a long file.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Print the tables of a run, or write them as Markdown or JSON; or write the run as one HTML page.

    Tables: sources, right and wrong chains, tiers, lengths, scores, refinement, failures, flags, tokens and money, what
    routing saves, the judge. The page has the overview and questions with search and every chain of thought; it opens
    in any browser, needs no server and fetches nothing.

    \b
    Examples:
      reasonmed report runs/medqa
      reasonmed report runs/medqa -o tables.md --json tables.json
      reasonmed report runs/medqa -o medqa.html
      reasonmed report runs/medqa -o hard.html --tier difficult --sample 50
      reasonmed report runs/medqa -o failed.html --failed --questions 1000 --calls
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    of_page = {
        "--questions": questions,
        "--sample": sample,
        "--tier": tier,
        "--failed": failed,
        "--search": search,
        "--calls": calls,
    }
    of_tables = {"--json": json_file, "--tokenizer": tokenizer, "--judge-card": judge_card, "--findings": findings}
    if output is not None and output.suffix.lower() in _PAGES:
        _refuse(of_tables, f"goes with the tables, not with the page {output}: leave -o out, or give FILE.md")
        _page(folder, output, _choice(questions, sample, seed, tier, failed=failed, search=search), calls, force=force)
    else:
        _refuse(of_page, "chooses what is on the page: give -o FILE.html with it")
        given = _Given(output, json_file, tokenizer, judge_card, findings)
        _tables(folder, given, force=force)


class _Given(NamedTuple):
    """Where the tables go, and what else goes into them."""

    markdown: Path | None
    json: Path | None
    tokenizer: Path | None
    judge_card: Path | None
    findings: Path | None


def _refuse(options: Mapping[str, object], why: str) -> None:
    given = next((name for name, value in options.items() if value not in (None, False, "", [])), None)
    if given is not None:
        raise UsageError(f"{given} {why}")


def _tables(folder: Path, given: _Given, *, force: bool) -> None:
    from reasonmed.export.card.extras import read_report
    from reasonmed.pipeline.judging.gate import read_card
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.tables.reading import Beside, tables_of
    from reasonmed.runs.tables.rendering import as_json, as_markdown
    from reasonmed.runs.tables.tokens import tokenizer_in

    if given.markdown is not None and given.markdown.suffix.lower() not in _MARKDOWN:
        raise UsageError(f"-o {given.markdown}: give FILE.md for the tables, or FILE.html for the page")
    for file, option in ((given.markdown, "-o"), (given.json, "--json")):
        if file is not None:
            check_new_file(file, force=force, other=option)
    beside = Beside(
        tokenizer_in(given.tokenizer) if given.tokenizer else None,
        read_card(given.judge_card) if given.judge_card else None,
        read_report(given.findings).counts.rules if given.findings else None,
    )
    with _progress(f"reading {folder}") as tell:
        found = tables_of(RunDirectory(folder), beside, tell)
    name = folder.resolve().name
    if given.markdown is not None:
        _write(given.markdown, as_markdown(found, name))
    if given.json is not None:
        _write(given.json, f"{json_of(as_json(found, name))}\n")
    if given.markdown is None and given.json is None:
        _print(found)


def _write(file: Path, text: str) -> None:
    write_atomically(file, conceal(text))
    out.print(safe(file), soft_wrap=True)


def _print(found: Tables) -> None:
    from reasonmed.cli._tables import show
    from reasonmed.runs.tables.rendering import cells_of, columns_of, head_of

    out.print(safe(head_of(found)), soft_wrap=True)
    for table in found.tables:
        out.print()
        if table.rows:
            show(table.title, columns_of(table), list(cells_of(table)), table.notes)
        else:
            out.print(safe(f"{table.title}: none"), soft_wrap=True)


def _choice(
    questions: int | None, sample: int | None, seed: int, tier: list[str] | None, *, failed: bool, search: str
) -> Choice:
    if questions is not None and sample is not None:
        raise UsageError("--questions and --sample exclude each other")
    from reasonmed.web.index import Wanted
    from reasonmed.web.onefile import Choice

    chosen = {"tier": tuple(tier or ()), "state": ("failed",) if failed else ()}
    wanted = Wanted(search, chosen={facet: values for facet, values in chosen.items() if values})
    return Choice(wanted, questions or _QUESTIONS, sample, seed)


def _page(folder: Path, page: Path, choice: Choice, calls: bool, *, force: bool) -> None:
    from reasonmed.web.onefile import OneFile

    check_new_file(page, force=force)
    with _progress(f"reading {folder}") as tell:
        written = OneFile(folder, calls=calls).write(page, choice, tell)
    out.print(safe(f"{page}: {written}"), soft_wrap=True)


@contextmanager
def _progress(first: str) -> Iterator[Callable[[int, int], None]]:
    """Say how far it is, at a terminal, once it takes longer than a moment."""
    status = err.status(safe(first))
    timer = Timer(_PATIENCE, status.start)
    timer.daemon = True
    if err.is_terminal:
        timer.start()
    try:
        yield lambda done, total: status.update(f"{done:,} of {total:,} questions")
    finally:
        timer.cancel()
        status.stop()
