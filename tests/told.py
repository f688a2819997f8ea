"""Run directories that hold given stories, whatever a pipeline would have made of their questions."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.engine.ledger import Call, Ledger, pack
from reasonmed.engine.ledger.corrections import Change, Corrected
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.stories import kept_of
from reasonmed.types import Question, Story
from runs import questions, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.errors import RequestRejected
    from reasonmed.exchange import Completion, Request

_PUT = "INSERT INTO items VALUES (?, ?, ?, ?)"


def told_run(folder: Path, stories: Sequence[Story], unfinished: Sequence[Question] = ()) -> RunDirectory:
    """A run of one ordinary question, ``q0``, with these stories and these open questions behind it."""
    made = run(folder, questions(1))
    rows = enumerate([*(story.question for story in stories), *unfinished], 1)
    items = [(place, one.id, b"hash", pack(Story(one))) for place, one in rows]

    async def keep(ledger: Ledger) -> None:
        await asyncio.gather(*(ledger.keep(kept_of(story)) for story in stories))

    with closing(Ledger(made.ledger_path)) as ledger:
        ledger.apply(lambda connection: connection.executemany(_PUT, items)).result()
        asyncio.run(keep(ledger))
    return made


def heard(folder: RunDirectory, request: Request, reply: Completion | RequestRejected) -> None:
    """Record a call."""

    async def record(ledger: Ledger) -> None:
        await ledger.record(request, reply, Call(1.5, 0.002))

    with closing(Ledger(folder.ledger_path)) as ledger:
        asyncio.run(record(ledger))


def corrected(folder: RunDirectory, former: Story, key: int) -> None:
    """Correct the key of a question that ended as this story."""
    question = replace(former.question, answer=key)
    told = Corrected(question.id, former.question.key_text, question.key_text, "A. Reader", "see the guideline")
    with closing(Ledger(folder.ledger_path)) as ledger:
        ledger.correct([Change(told, b"hash", pack(Story(question)), pack(former), [])])


def named(story: Story, name: str) -> Story:
    """A story of a question with another id."""
    return replace(story, question=replace(story.question, id=name))
