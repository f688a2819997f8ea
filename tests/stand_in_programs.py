"""A folder of programs that are called as engines are, and are the stand-in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

_STAND_IN = Path(__file__).with_name("stand_in.py")


def folder(parent: Path) -> Path:
    """The folder, made below another one."""
    made = parent / "programs"
    made.mkdir()
    for name in ("vllm", "sglang", "llama-server"):
        program = made / name
        program.write_text(f"#!{sys.executable} -IS\n{_STAND_IN.read_text(encoding='utf-8')}", encoding="utf-8")
        program.chmod(0o755)
    return made


def alive(mark: str) -> list[str]:
    """Processes with this on their command lines."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode().split("\0")
        except OSError:
            continue
        found += [" ".join(words)] if mark in words else []
    return found


def until(done: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something is so, for as long as processes take to end."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it is not so"
        time.sleep(0.02)
