"""The product as a user runs it: one command line in a folder, with its exit code and what it prints."""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path

from killed_at import Commands, Done

__all__ = ["Done", "reasonmed_at"]


@cache
def _commands() -> Commands:
    """The one server of this process; it imports the package once, which is most of a command's time."""
    commands = Commands()
    atexit.register(commands.__exit__, None, None, None)
    return commands


def reasonmed_at(folder: Path, *words: str | Path, env: dict[str, str] | None = None) -> Done:
    """Run the command in a folder, with further variables if there are any."""
    return _commands().done(folder, [*map(str, words)], env or {})
