"""Whoever plots writes nothing into the user's own folders, nor leaves anything in the temporary one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

HOOK = """
import os, sys

def hook(event, values):
    if event == "open":
        path, _, flags = values
        written = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not isinstance(path, int)
    else:
        path, written = values[0] if values else "", event in ("os.mkdir", "os.rename", "os.link", "os.symlink")
    if written:
        with_root = os.path.abspath(os.fsdecode(path))
        if not with_root.startswith((os.environ["ALLOWED"], os.environ["TMPDIR"], "/dev/", "/proc/self/")):
            os.write(2, f"WROTE {with_root}\\n".encode())

sys.addaudithook(hook)
from reasonmed.cli import main
main()
"""


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_pages_are_written_and_nothing_else(tmp_path: Path) -> None:
    words = ["evaluate", "questions.jsonl", "-r", "scripted", "-m", "one", "-m", "two", "-o", "evaluation"]
    work, home, temporary = tmp_path / "work", tmp_path / "home", tmp_path / "tmp"
    for folder in (work, home, temporary):
        folder.mkdir()
    row = '{"id": "q%d", "question": "Which drug %d?", "options": ["Heparin", "Warfarin"], "answer_index": 1}\n'
    (work / "questions.jsonl").write_text("".join(row % (n, n) for n in range(3)))
    (tmp_path / "hooked.py").write_text(HOOK)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPL", "PYTHONDONT"))}
    environment = {**kept, "HOME": str(home), "TMPDIR": str(temporary), "ALLOWED": str(work)}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, tmp_path / "hooked.py", *words],
        cwd=work, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    socket = f"WROTE {tempfile.gettempdir()}/reasonmed-"  # a private folder of its own, where the path is too long
    assert [line for line in done.stderr.splitlines() if "WROTE" in line and not line.startswith(socket)] == []
    assert any("<svg" in path.read_text() for path in work.rglob("*.html"))
    assert files(home) == set()
    assert files(temporary) == set()


def test_a_folder_that_the_user_names_is_used(tmp_path: Path) -> None:
    program = "from reasonmed.report.plot import lines; lines('t', {'a': [(0, 0), (1, 1)]}, 'x', 'y')"
    environment = {**os.environ, "MPLCONFIGDIR": str(tmp_path / "mine")}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert any(name.startswith("fontlist") for name in files(tmp_path / "mine"))
