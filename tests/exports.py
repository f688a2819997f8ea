"""A run to export, and exports of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reasonmed.questions import questions_in
from reasonmed.recipe.shipped import resource
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.types import Story
from support import recipe

Export = Callable[..., dict[str, Any]]


def run_examples(folder: Path, limit: int | None = None) -> RunDirectory:
    """A finished scripted run of the 26 example questions, or of the first ones."""
    path = resource("examples", "questions.json")
    intake = take_in(path, lambda: (Story(one) for one in questions_in(path)), Selection(limit))
    directory = RunDirectory(folder)
    asyncio.run(execute(synthesis_job(intake, recipe(), directory), Watch()))
    return directory


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
