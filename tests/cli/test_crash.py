"""The last line of defense never fails itself: whatever the error is, and wherever it could be written."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reasonmed.cli._console import INTERNAL, crash

BROKEN = """
import sys
from reasonmed.cli._console import guarded
{before}
guarded(lambda: 1 / 0)
"""


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def crashed(error: Exception, folder: Path | None) -> int:
    with pytest.raises(SystemExit) as ended:
        crash(error, folder)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "state" / "reasonmed"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("plain"), "ValueError: plain"),
        (Unspeakable(), "Unspeakable"),
        (ValueError("\udcff\udc00 name"), "\\udcff"),
        (ValueError("x" * 3_000_000), "[...]"),
        (ExceptionGroup("some", [Unspeakable(), KeyError(1)]), "KeyError: 1"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "UnicodeDecodeError"),
        (MemoryError(), "MemoryError"),
    ],
    ids=["plain", "no text", "surrogates", "huge", "a group", "bytes", "memory"],
)
def test_every_error_ends_with_its_traceback_in_a_private_file(
    error: Exception, said: str, state: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    for folder, place in ((tmp_path / "run", tmp_path / "run"), (tmp_path / "missing", state), (None, state)):
        assert crashed(error, folder) == INTERNAL
        file = place / "crash.txt"
        assert said in file.read_text(encoding="utf-8")
        assert file.stat().st_size < 500_000
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_where_no_file_can_be_written_the_traceback_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    monkeypatch.setenv("HOME", "/proc/nowhere")
    assert crashed(ValueError("said aloud"), Path("/proc")) == INTERNAL
    told = capsys.readouterr().err
    assert "cannot be written to a file" in told
    assert told.count("said aloud") > 1


def test_a_planted_link_is_replaced_and_not_followed(state: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "run" / "crash.txt").symlink_to(tmp_path / "victim")
    assert crashed(ValueError("planted"), tmp_path / "run") == INTERNAL
    assert (tmp_path / "victim").read_text() == "precious"
    assert "planted" in (tmp_path / "run" / "crash.txt").read_text()


def _program(tmp_path: Path, before: str, ending: str = "") -> subprocess.CompletedProcess[str]:
    (tmp_path / "broken.py").write_text(BROKEN.format(before=before))
    command = ["sh", "-c", f'"$0" broken.py {ending}', sys.executable]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


def test_a_closed_standard_error_does_not_hide_the_exit_code(tmp_path: Path) -> None:
    done = _program(tmp_path, "", ending="2>&-")
    assert done.returncode == INTERNAL
    assert "ZeroDivisionError" in (tmp_path / "state" / "reasonmed" / "crash.txt").read_text()


def test_a_full_disk_does_not_hide_the_error(tmp_path: Path) -> None:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, {resource.RLIM_INFINITY}))"
    ignore = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    done = _program(tmp_path, f"{limit}; {ignore}", ending="2>/dev/stderr")
    assert done.returncode == INTERNAL
    assert "ZeroDivisionError" in done.stderr
    assert not list((tmp_path / "state").rglob("crash*"))
