"""The product as a user runs it: one command line in a folder, with its exit code and what it prints."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from killed_at import PLAIN, Commands, Done

__all__ = ["Done", "reasonmed_at"]


@cache
def _commands() -> Commands:
    """The one server of this process; it imports the package once, which is most of a command's time."""
    commands = Commands()
    atexit.register(commands.__exit__, None, None, None)
    return commands


def reasonmed_at(folder: Path, *words: str | Path, env: dict[str, str] | None = None) -> Done:
    """Run the command in a folder; with variables of its own, in a process that starts from nothing."""
    line = [*map(str, words)]
    if env is None:
        return _commands().done(folder, line)
    command = [sys.executable, "-m", "reasonmed", *line]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, **PLAIN, **env}, check=False,
        timeout=120,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)
