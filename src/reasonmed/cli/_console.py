"""What all commands share: where they print, how untrusted text is shown, how errors end a command."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO, cast

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from reasonmed.documents import OBEYED, visible
from reasonmed.errors import ReasonMedError
from reasonmed.files import NO_ROOM, no_room, write_atomically
from reasonmed.secrecy import conceal

if TYPE_CHECKING:
    from collections.abc import Callable

BAD_PLACE = 2
INTERNAL = 70
INTERRUPTED = 130

_PROXIED = "rich_proxied_file"
"""Where a stream that a live view has taken over keeps the real one."""


@cache
def _nowhere() -> TextIO:
    """In the place of a stream that was closed before the start."""
    return Path(os.devnull).open("w", encoding="utf-8")


class _Steady:
    """A standard stream whose reader may go away: what is written after that is dropped, and ends nothing."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def _stream(self) -> TextIO:
        found: TextIO | None = getattr(sys, self._name)
        return _nowhere() if found is None else getattr(found, _PROXIED, found)

    def write(self, text: str) -> int:
        """Write, if anybody reads."""
        try:
            return self._stream.write(text)
        except OSError:
            self._let_go()
            return len(text)

    def flush(self) -> None:
        """Hand on what was written, if anybody reads."""
        try:
            self._stream.flush()
        except OSError:
            self._let_go()

    def _let_go(self) -> None:
        """Point the stream to nowhere, also for whoever else writes to it, and for the interpreter's last flush."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> object:
        if name == _PROXIED:
            raise AttributeError(name)
        return getattr(self._stream, name)


out = Console(file=cast("TextIO", _Steady("stdout")), soft_wrap=False, highlight=False)
err = Console(file=cast("TextIO", _Steady("stderr")), highlight=False)

_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG}
"""What the system says of a path that somebody gave and that is no place to write or read."""
_LONGEST = 300
"""Characters of an error beside other things."""
_LONGEST_TRACEBACK = 100_000


def safe(text: object, style: str = "") -> Text:
    """Text of a model or a file as plain characters: no markup, no terminal escapes, no key."""
    return Text(visible(conceal(str(text))), style=style)


def json_of(value: object) -> str:
    """A value as JSON that a terminal shows and does not obey: what it would obey is escaped, as JSON allows."""
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", msgspec.json.encode(value).decode())


def clip(text: str, most: int = _LONGEST) -> str:
    """The beginning of an error's text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}..."


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
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        full = no_room(error.filename or "a file", error)
        say(f"error: {full}", "red")
        sys.exit(full.exit_code)
    say(f"internal error: {type(error).__name__}: {clip(_text_of(error))}", "bold red")
    say(f"{_kept(_traceback_of(error), folder)}; please report it. What was done is recorded.")
    sys.exit(INTERNAL)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - whatever an error's own text raises
        return f"(its text raises {type(second).__name__})"


def _traceback_of(error: BaseException) -> str:
    """The traceback, shortened in the middle where it is huge."""
    try:
        said = conceal("".join(traceback.format_exception(error)))
    except Exception as second:  # noqa: BLE001 - whatever a part of it raises
        return f"{type(error).__name__}: {_text_of(error)} (its traceback raises {type(second).__name__})\n"
    half = _LONGEST_TRACEBACK // 2
    return said if len(said) <= 2 * half else f"{said[:half]}\n[...]\n{said[-half:]}"


def _kept(said: str, folder: Path | None) -> str:
    """Where a traceback is: in the run's folder, else in the user's own folder for such things, else here."""
    from platformdirs import user_state_path

    for place in (folder, user_state_path("reasonmed")):
        try:
            if place is not None and (place is not folder or place.is_dir()):
                write_atomically(place / "crash.txt", said.encode(errors="backslashreplace").decode())
                return f"The traceback is in {place / 'crash.txt'}"
        except (OSError, ReasonMedError):
            continue
    return f"The traceback cannot be written to a file:\n{said}"


def guarded(command: Callable[[], None]) -> None:
    """Run the whole command line so that every error ends it in its own way, and none with a traceback."""
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
