"""``reasonmed view`` as a person starts it: what is printed, how it ends, what is said of what cannot be."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from builtins import __import__ as imported
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner, Result

from reasonmed.cli import app
from reasonmed.errors import ReasonMedError
from reasonmed.runs.directory import RunDirectory
from reasonmed.web.server import Viewer
from web_pages import Client


def _message(*words: str | Path) -> tuple[int, str]:
    """The exit code and the error of a command, as the entry point ends it."""
    done = CliRunner().invoke(app, ["view", *map(str, words)])
    assert isinstance(done.exception, ReasonMedError), done.exception
    return done.exception.exit_code, str(done.exception)


def test_a_port_in_use_is_named_with_the_way_out(run26: RunDirectory) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = _message(run26.path, "--port", str(port))
    assert code == 2
    assert f"port {port} cannot be used" in said
    assert "--port 0" in said


def test_what_is_no_folder_of_ours_ends_with_a_sentence_and_lets_go_of_the_port(tmp_path: Path) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for _ in range(2):
        code, said = _message(tmp_path / "nothing", "--port", str(port))
        assert (code, "is not there" in said) == (2, True)


def test_one_bad_folder_beside_a_good_one_lets_go_of_the_good_one(run26: RunDirectory, tmp_path: Path) -> None:
    assert _message(run26.path, tmp_path, "--port", "0")[0] == 2
    with closing(Viewer([run26.path], 0)) as viewer:
        assert not viewer.notes


def test_a_report_that_is_none_is_named(run26: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "check.json").write_text("{}")
    code, said = _message(run26.path, "--findings", tmp_path / "check.json", "--port", "0")
    assert code == 2
    assert "check.json is no report of `reasonmed check --json`" in said


def test_without_the_extra_the_line_that_installs_it_is_said(
    run26: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "starlette":
            raise ModuleNotFoundError("No module named 'starlette'", name="starlette")
        return imported(name, *rest)

    for name in [name for name in sys.modules if name.startswith(("reasonmed.web.", "starlette"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("reasonmed.web.server")
    monkeypatch.setattr("builtins.__import__", without)
    code, said = _message(run26.path, "--port", "0")
    assert (code, said) == (2, "the viewer needs starlette: pip install 'reasonmed[web]'")


def _viewed_until(run: Path, number: signal.Signals, *, opens: bool = True) -> tuple[Result, str]:
    """The command in this very process, whose main thread gets a signal once a page has come; and the link."""
    links: list[str] = []

    def look(link: str) -> None:
        with suppress(HTTPError), urlopen(link, timeout=20):  # noqa: S310 - loopback
            pass
        os.kill(os.getpid(), number)

    def opened(link: str) -> bool:
        links.append(link)
        Thread(target=look, args=[link]).start()
        return opens

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("webbrowser.open", opened)
        done = CliRunner().invoke(app, ["view", str(run), "--port", "0", "--open"])
    return done, links[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_trace(run26: RunDirectory, number: signal.Signals) -> None:
    before = signal.getsignal(signal.SIGTERM)
    done, link = _viewed_until(run26.path, number)
    assert done.exit_code == 0, done.exception
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?key=[\w-]+", link)
    assert link in done.stdout
    assert "Ctrl-C" in done.stderr
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_browser_that_cannot_be_opened_is_said_and_the_pages_are_there(run26: RunDirectory) -> None:
    done, _ = _viewed_until(run26.path, signal.SIGINT, opens=False)
    assert (done.exit_code, "no browser could be opened" in done.stderr) == (0, True)


def test_the_link_of_a_later_start_is_the_same_so_that_a_bookmark_stays_good(run26: RunDirectory) -> None:
    with closing(Viewer([run26.path], 0)) as first:
        key = first.link.partition("?key=")[2]
    with closing(Viewer([run26.path], 0)) as second:
        assert second.link.endswith(key)
        assert Client(second).link == second.link
