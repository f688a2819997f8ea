"""Whole runs on a world that counts what is paid for."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from reasonmed.backends import scripted
from reasonmed.errors import Drained, Unavailable
from reasonmed.runs import intake as intakes
from reasonmed.runs.commands.run import synthesis, synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import as_it_is, execute
from reasonmed.runs.progress import Watch
from reasonmed.types import Question, Story
from support import question, recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from reasonmed.backends import ModelSettings
    from reasonmed.engine.ledger import Ledger
    from reasonmed.exchange import Completion, Request
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.intake import Intake


def questions(count: int) -> list[Question]:
    return [question(f"q{number}", number % 3, context=f"context {number}") for number in range(count)]


class World:
    """Counts what is paid for, fails at chosen requests, and answers in any order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, shuffle: int = 0) -> None:
        self.paid: Counter[bytes] = Counter()
        self.asked: set[tuple[str, str]] = set()
        self.refuse: Callable[[str, str], None] = lambda _name, _stage: None
        self.stop_after: int | None = None
        self._draw = random.Random(shuffle)
        world = self

        class Counting:
            async def complete(self, request: Request) -> Completion:
                if world.stop_after is not None and sum(world.paid.values()) >= world.stop_after:
                    raise Unavailable("the service went away")
                for _ in range(world._draw.randrange(3)):
                    await asyncio.sleep(0)
                world.refuse(request.question_id, request.stage)
                world.paid[request.key] += 1
                world.asked.add((request.question_id, request.stage))
                return await scripted.Scripted(scripted.made_up).complete(request)

            async def aclose(self) -> None:
                """Nothing to release."""

        def connect(settings: ModelSettings, connections: int) -> Counting:
            return Counting()

        monkeypatch.setattr(scripted, "connect", connect)

    @property
    def requests(self) -> int:
        return sum(self.paid.values())


def run(folder: Path, rows: list[Question], made: Recipe | None = None, **selection: Any) -> RunDirectory:
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in rows), Selection(**selection))
    directory = RunDirectory(folder)
    with contextlib.suppress(Unavailable, Drained):
        asyncio.run(execute(synthesis_job(intake, made or recipe(), directory), Watch()))
    return directory


def admit(ledger: Ledger, intake: Intake) -> int:
    """Take the rows of a question file into a ledger."""
    return intakes.admit(ledger, synthesis(recipe()), intake, as_it_is)


def content(directory: RunDirectory) -> tuple[bytes, bytes]:
    return directory.records_path.read_bytes(), directory.failures_path.read_bytes()


@cache
def untroubled(count: int) -> tuple[bytes, bytes]:
    """The files of a run of so many questions that nothing interrupts."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as name:
        World(patch)
        return content(run(Path(name, "run"), questions(count)))
