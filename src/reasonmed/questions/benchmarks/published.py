"""The questions of a benchmark's own files, as the hub has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.questions import read
from reasonmed.questions.benchmarks import ids_of, registry
from reasonmed.types import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.errors import QuestionError
    from reasonmed.questions import Settings
    from reasonmed.questions.benchmarks.fetching import Fetched


def published(fetched: Fetched, settings: Settings) -> Iterator[Question | QuestionError]:
    """The rows of all files, of the variant's split; rows without an id are named by their file and number."""
    variant = registry()[fetched.name]
    wanted = ids_of(variant.files) if variant.files else None
    for _, one in rows_of(fetched, settings):
        if not isinstance(one, Question):
            yield one
        elif wanted is None or one.id in wanted:
            yield replace(one, split=one.split or variant.split)


def rows_of(fetched: Fetched, settings: Settings) -> Iterator[tuple[str, Question | QuestionError]]:
    """The rows of all files, each with its file's name there; rows without an id are named by file and number."""
    for name, path in fetched.paths.items():
        numbered = name.rpartition(".")[0].replace("/", "-")
        for one in read(path, settings._replace(numbered=numbered)):
            yield name, one
