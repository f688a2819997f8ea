"""``reasonmed view``: pages over runs, evaluations and exports in a browser of this machine."""

from __future__ import annotations

import signal
import webbrowser
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli._console import out, safe, say
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(view)


def view(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|EVALUATION|EXPORT...", help="Folders, or files of records, to look at: one or several."
        ),
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 for any free one.")] = 8400,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    findings: Annotated[
        Path | None,
        typer.Option("--findings", help="A report of `reasonmed check --json`: filter by its findings, and read them."),
    ] = None,
) -> None:
    """Look at runs, evaluations and exports in a browser: overview, questions with search and filters, every text.

    Pages are served to this machine alone (127.0.0.1) until Ctrl-C, also of a run under way; nothing leaves it.
    From another machine: `ssh -L 8400:127.0.0.1:8400 HOST`, then open the link there.

    \b
    Examples:
      reasonmed view runs/medqa --open
      reasonmed view runs/first runs/second --port 8401
      reasonmed view runs/medqa --findings check.json
      reasonmed view eval-medqa medqa-data
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    try:
        from reasonmed.web import server
    except ImportError as missing:
        raise UsageError(f"the viewer needs {missing.name}: pip install 'reasonmed[web]'") from missing

    with (
        suppress(KeyboardInterrupt),
        _stopped_by_a_signal(),
        closing(server.Viewer(folders, port, findings)) as viewer,
    ):
        for note in viewer.notes:
            say(note, "yellow")
        out.print(safe(viewer.link), soft_wrap=True)
        say("Open this link; it is for you alone. Ctrl-C ends the viewer.")
        if open_browser and not webbrowser.open(viewer.link):
            say("no browser could be opened here", "yellow")
        viewer.run()


@contextmanager
def _stopped_by_a_signal() -> Iterator[None]:
    """A service manager's wish to stop, as Ctrl-C; left as it is outside of the main thread, which alone gets it."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
