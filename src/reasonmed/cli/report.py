"""``reasonmed report``: a run as one file to read and to send."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli._console import err, out, safe
from reasonmed.errors import UsageError
from reasonmed.files import check_new_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SUFFIXES = (".html", ".htm")
_QUESTIONS = 100
_PATIENCE = 2.0
"""Seconds until progress is shown."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The page to write: FILE.html.")] = None,
    questions: Annotated[
        int | None, typer.Option("--questions", min=1, help=f"The first N questions; {_QUESTIONS} by default.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="N questions drawn by a hash of their ids instead.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of --sample.")] = 0,
    tier: Annotated[list[str] | None, typer.Option("--tier", help="Only questions of this tier; repeatable.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only questions that failed.")] = False,
    search: Annotated[str, typer.Option("--search", help="Only questions with these words, the best first.")] = "",
    calls: Annotated[bool, typer.Option("--calls", help="With every call, prompt and reply: a long file.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where it exists.")] = False,
) -> None:
    """Write a run as one HTML file: overview, questions with search and filters, every chain of thought.

    The file opens in any browser, needs no server and fetches nothing.

    \b
    Examples:
      reasonmed report runs/medqa -o medqa.html
      reasonmed report runs/medqa -o hard.html --tier difficult --sample 50
      reasonmed report runs/medqa -o failed.html --failed --questions 1000 --calls
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    page = _page(output, force=force)
    if questions is not None and sample is not None:
        raise UsageError("--questions and --sample exclude each other")
    from reasonmed.web.index import Wanted
    from reasonmed.web.onefile import Choice, OneFile

    chosen = {"tier": tuple(tier or ()), "state": ("failed",) if failed else ()}
    wanted = Wanted(search, chosen={facet: values for facet, values in chosen.items() if values})
    choice = Choice(wanted, questions or _QUESTIONS, sample, seed)
    with _progress(f"reading {folder}") as tell:
        written = OneFile(folder, calls=calls).write(page, choice, tell)
    out.print(safe(f"{page}: {written}"), soft_wrap=True)


def _page(output: Path | None, *, force: bool) -> Path:
    if output is None:
        raise UsageError("say where the page goes: -o FILE.html")
    if output.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"-o {output}: a report is an HTML page; give -o {output.with_suffix('.html')}")
    check_new_file(output, force=force)
    return output


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
