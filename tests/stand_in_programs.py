"""A folder of programs that are called as engines are, and are the stand-in."""

from __future__ import annotations

import sys
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
