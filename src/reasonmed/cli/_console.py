"""What all commands share: where they print, how untrusted text is shown, how errors end a command."""

from __future__ import annotations

import errno
import re
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from reasonmed.errors import ReasonMedError

BAD_PLACE = 2
INTERNAL = 70
INTERRUPTED = 130

out = Console(soft_wrap=False, highlight=False)
err = Console(stderr=True, highlight=False)

_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG}
"""What the system says of a path that somebody gave and that is no place to write or read."""
_LONGEST = 300
"""Characters of an error beside other things."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def safe(text: object, style: str = "") -> Text:
    """Text of a model or a file as plain characters: no markup, no terminal escapes."""
    return Text(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text)), style=style)


def clip(text: str) -> str:
    """The beginning of an error's text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def say(text: object, style: str = "") -> None:
    """A line to the person at the terminal; standard output stays for results."""
    err.print(safe(text, style), soft_wrap=True)


def fail(error: ReasonMedError) -> NoReturn:
    """End the command with the error's message and exit code."""
    err.print(Text("error: ", style="bold red") + safe(error), soft_wrap=True)
    raise typer.Exit(error.exit_code)


def crash(error: BaseException, folder: Path | None) -> NoReturn:
    """End the command after an error of our own, with the traceback in a file, or of a path that cannot be used."""
    if isinstance(error, OSError) and error.errno in _PLACE and error.filename is not None:
        say(f"error: {error.filename}: {error.strerror}; give another place", "red")
        sys.exit(BAD_PLACE)
    place = (folder if folder is not None and folder.is_dir() else Path(tempfile.gettempdir())) / "crash.txt"
    place.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    say(f"internal error: {type(error).__name__}: {error}", "bold red")
    say(f"The traceback is in {place}; please report it. What was done is on record.")
    sys.exit(INTERNAL)


def guarded(command: Callable[[], None]) -> None:
    """Run the whole command line so that every error ends it in its own way, and none with a traceback."""
    from reasonmed.errors import ReasonMedError  # noqa: PLC0415 - keeps --help fast

    try:
        command()
    except ReasonMedError as error:
        try:
            fail(error)
        except typer.Exit as leave:
            sys.exit(leave.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the last line of defense
        crash(error, None)
