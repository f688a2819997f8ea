"""Votes on texts of runs, and texts with rulings that no run made."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.records import outcomes
from reasonmed.runs.reviews import FILE, Reviews, Target, Vote, targets_of
from reasonmed.runs.reviews.rulings import Ruling
from reasonmed.types import Story, Tier, Verdict
from support import question

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def vote_on(target: Target, decision: str = "accept", reviewer: str = "Dr. A", **others: Any) -> Vote:
    told = {"at": 1.0, "drawn": "audit", "role": "physician", **others}
    return Vote(target=target.id, text_hash=target.hash, reviewer=reviewer, decision=decision, **told)  # type: ignore[arg-type]


def copied(folder: RunDirectory, place: Path) -> RunDirectory:
    """A copy of a run, whose votes are its own."""
    shutil.copytree(folder.path, place)
    return RunDirectory(place)


def cast(folder: RunDirectory, votes: Iterable[Vote]) -> None:
    with closing(Reviews(folder.path / FILE)) as kept:
        kept.merge(votes)


def targets_in(folder: RunDirectory, kind: str) -> list[Target]:
    with closing(folder.reader()) as ledger:
        return [one for story in outcomes(ledger) for one in targets_of(story) if one.kind == kind]


def ruled(
    name: str,
    *,
    right: bool,
    kind: Literal["record", "chain"] = "record",
    outcome: str = "correct",
    tier: Tier | None = None,
) -> Ruling:
    """A text that one reviewer, who got it by a random draw, called right or not."""
    asked = question(name)
    target = Target(f"{name}#1", kind, asked, "text", None, "m", Verdict(outcome, judge="j"), "h")  # type: ignore[arg-type]
    return Ruling(target, Story(asked, tier=tier), (vote_on(target, "accept" if right else "reject"),), at_random=True)
