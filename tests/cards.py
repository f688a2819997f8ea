"""Judge cards made in a folder, of judges whose worth is known."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import judges
from reasonmed import recipe as recipes
from reasonmed.pipeline.judging.gate import read_card
from reasonmed.runs.commands.judge_card import CARD, Trial, card_job, case_source
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.pipeline.judging.card import Card
    from reasonmed.recipe.options import Recipe

OPTIONS = ["Heparin", "Warfarin", "Aspirin", "Alteplase"]


def judged_by(name: str, **verify: Any) -> Recipe:
    return recipes.parse(
        json.dumps(
            {
                "models": {"j": {"backend": "scripted", "model": name, "function": f"judges:{name}"}},
                "stages": {"verify": {"model": "j", **verify}},
            }
        )
    )


def row(number: int, *cots: dict[str, Any]) -> dict[str, Any]:
    stem = f"Case {number}: a 47-year-old patient with a long course. Which drug?"
    return {"id": f"q{number}", "question": stem, "options": OPTIONS, "answer": "B", "cots": list(cots)}


def rows(count: int) -> list[dict[str, Any]]:
    return [
        row(number, {"text": judges.sound(number), "model": f"writer-{number % 2}", "correct": True})
        for number in range(count)
    ]


def made(folder: Path, judge: str | Recipe, told: list[dict[str, Any]] | None = None, **trial: Any) -> Card:
    path = folder / "cots.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in told or rows(8)), encoding="utf-8")
    chosen = judged_by(judge) if isinstance(judge, str) else judge
    how = Trial(**{"retest": 0.5, **trial})
    intake = take_in(path, case_source(path, how), Selection())
    assert not intake.survey.bad_count, intake.survey.bad
    directory = RunDirectory(folder / "card")
    asyncio.run(execute(card_job(intake, chosen, how, directory), Watch()))
    return read_card(directory.path / CARD)
