"""The same training for other stacks: data, configuration and command from one training file, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import UsageError
from reasonmed.export._install import check_folder, installing, manifest_text
from reasonmed.export._sinks import Sinks
from reasonmed.training.emit import axolotl, llamafactory, openrlhf, trl_cli, verl
from reasonmed.training.emit._case import Case, Emitted, readme, script

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.training.data import Data, Row
    from reasonmed.training.settings import Training

STACKS = {
    "llamafactory": llamafactory,
    "axolotl": axolotl,
    "verl": verl,
    "openrlhf": openrlhf,
    "trl-cli": trl_cli,
}


def emit(
    stack: str, data: Data[Row], settings: Training, folder: Path, *, devices: int = 1, force: bool = False
) -> Emitted:
    """Write what a stack needs for this training into a folder.

    Raises:
        UsageError: the stack cannot do this training, or the folder holds something and ``force`` is not set.
    """
    if stack not in STACKS:
        raise UsageError(f"--emit {stack}: there is no such stack; there are {', '.join(STACKS)}")
    check_folder(folder, force=force)
    case = Case(stack, data, settings, devices)
    with installing(folder) as draft, Sinks(draft) as sinks:
        command = STACKS[stack].write(case, sinks)
        told = Emitted(stack, STACKS[stack].VERSION, command, case.notes())
        sinks.text("run.sh", script(told))
        sinks.text("README.md", readme(told, case))
        files = [*sinks.rows, *sinks.texts]
        manifest = {"emitted": stack, "version": told.version, "data": data.sha, "notes": list(told.notes)}
        sinks.text("export.json", manifest_text({**manifest, "rows": dict(sinks.rows), "files": files}))
    return told
