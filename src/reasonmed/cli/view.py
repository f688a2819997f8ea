"""``reasonmed view``: pages over runs, evaluations and exports in a browser of this machine."""

from __future__ import annotations

import webbrowser
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer

from reasonmed.cli._console import out, safe, say
from reasonmed.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(view)


def view(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUN|EVALUATION|EXPORT...", help="Folders to look at, one or several.")
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 for any free one.")] = 8400,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Look at a run in a browser: overview, questions with search and filters, every chain of thought and call.

    Pages are served to this machine alone (127.0.0.1) until Ctrl-C, also while it runs; nothing leaves it.

    \b
    Examples:
      reasonmed view runs/medqa --open
      reasonmed view runs/first runs/second --port 8401
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    try:
        from reasonmed.web import server
    except ImportError as missing:
        raise UsageError(f"the viewer needs {missing.name}: pip install 'reasonmed[web]'") from missing

    with closing(server.Viewer(folders, port)) as viewer:
        out.print(safe(viewer.link), soft_wrap=True)
        say("Open this link; it is for you alone. Ctrl-C ends the viewer.")
        if open_browser and not webbrowser.open(viewer.link):
            say("no browser could be opened here", "yellow")
        with suppress(KeyboardInterrupt):
            viewer.run()
