"""lm-evaluation-harness in a process of its own: it warns, and its data sets go to a cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

NEEDED = "needs lm_eval to compare with: pip install lm_eval"


def started(folder: Path, *command: str | Path) -> str:
    """Standard output of a Python command, run in a folder that also is the cache."""
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder), "HF_HUB_DISABLE_TELEMETRY": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def lm_eval_choices(folder: Path, *arguments: str | Path) -> list[dict[str, Any]]:
    """What lm-eval asks and chooses; see ``lm_eval_choices.py``."""
    shown = started(folder, Path(__file__).with_name("lm_eval_choices.py"), *arguments)
    found: list[dict[str, Any]] = json.loads(shown.splitlines()[-1])
    return found
