"""Prompt and completion as chat messages, one folder a variant: what TRL's ``SFTTrainer`` reads.

Loss is on the completion alone. ``id`` and ``question_id`` say where a row comes from; ``stem`` is the hash of the
question's stem (``reasonmed.questions.normal``), to find the same question in a benchmark. Where steps are masked,
``masked`` says which characters of the reply are not to be learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

from reasonmed.export._said import said_in
from reasonmed.export._text import assistant, user
from reasonmed.questions.normal import stem_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.export._settings import Settings
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import Row, View


class Pair(TypedDict):
    """A row: what is asked, what is to be said, and where it is from."""

    id: str
    question_id: str
    prompt: list[dict[str, str]]
    completion: list[dict[str, str]]
    tier: str | None
    source: str | None
    stem: str
    masked: NotRequired[list[list[int]]]


MASKS = True


def write(view: View, sinks: Sinks) -> None:
    """Write ``VARIANT/SPLIT.jsonl``."""
    for row in view.rows():
        for variant, made in rows_of(row, view.settings):
            sinks.add(f"{variant}/{row.split}.jsonl", made)
            if made.get("masked"):
                sinks.of_which["with_masked_steps"] += 1


def rows_of(row: Row, settings: Settings) -> Iterator[tuple[str, Pair]]:
    """The rows of a record, by variant."""
    record, _, story = row
    for said in said_in(row, settings):
        made: Pair = {
            "id": record.id,
            "question_id": record.question_id,
            "prompt": user(story.question),
            "completion": [assistant(said.parts, settings.reasoning)],
            "tier": record.tier,
            "source": record.source,
            "stem": stem_hash(story.question),
        }
        if settings.mask_steps:
            made["masked"] = said.masked
        yield said.variant, made
