"""A folder whose older run is being removed never claims to hold a finished model."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from reasonmed.training.folder import remove_older
from reasonmed.training.record import RUN, STARTED

REMOVALS = ("os.remove", "os.rmdir")


def _killed_at(step: int, folder: Path) -> bool:
    """Remove an older run in a process of its own that is killed before its K-th removal; whether it was."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    seen = 0

    def hook(event: str, values: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in REMOVALS:
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    try:
        remove_older(folder)
    finally:
        os._exit(0)


def _trained(folder: Path) -> set[str]:
    (folder / "checkpoints" / "step-1").mkdir(parents=True)
    names = {"model.safetensors", RUN, STARTED, "checkpoints/step-1/state", "zeta.json"}
    for name in names:
        (folder / name).write_text(name)
    return names


def test_a_kill_while_an_older_run_is_removed_leaves_no_finished_half(tmp_path: Path) -> None:
    kills = 0
    for step in range(1, 20):
        folder = tmp_path / str(step)
        names = _trained(folder)
        if not _killed_at(step, folder):
            assert list(folder.iterdir()) == []
            break
        kills += 1
        left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        assert RUN not in left or left == names
        assert STARTED in left, "what is left is known as an older run's, so that --force removes it"
        remove_older(folder)
        assert list(folder.iterdir()) == []
    assert kills == 7
