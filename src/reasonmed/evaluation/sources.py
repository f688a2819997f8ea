"""Where the questions of an evaluation come from: files, or a benchmark's own files from the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.evaluation.folder import EvaluationFolder
from reasonmed.questions import read
from reasonmed.questions.benchmarks import registry, subject_of
from reasonmed.questions.benchmarks.fetching import Fetched, fetch, on_hub
from reasonmed.questions.benchmarks.published import published
from reasonmed.types import Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.errors import QuestionError
    from reasonmed.questions import Settings

_MMLU_FILE = re.compile(r"(\w+?)_(?:test|val|dev)", re.IGNORECASE)


class Source(NamedTuple):
    """What is asked: a file, or files of the hub."""

    file: Path
    """The file; of the hub's, what they are called."""
    name: str | None = None
    """The variant that it is said to be."""
    fetched: Fetched | None = None


def with_files(questions: Sequence[str | Path | Fetched], out: Path) -> list[str | Path | Fetched]:
    """What is asked, with the files of every ``hub:NAME`` at hand; of the commit that a folder has on record.

    Raises:
        UsageError: there is no such benchmark, or its files cannot be had.
        ReasonMedError: the hub did not answer.
    """
    folder = EvaluationFolder(out)
    held = folder.commits() if folder.exists else {}
    return [fetch(one, held) if on_hub(one) else one for one in questions]


def source_of(given: str | Path | Fetched) -> Source:
    """What something that is asked for stands for.

    Raises:
        UsageError: there is no such variant, or it is yet to be fetched.
    """
    if isinstance(given, Fetched):
        return Source(Path(given.label), given.name, given)
    name, equals, rest = str(given).partition("=")
    if not equals or Path(given).exists():
        return Source(given if isinstance(given, Path) else Path(given))
    if name not in registry():
        raise UsageError(f"{given}: there is no benchmark {name!r}; there are {', '.join(registry())}")
    return Source(Path(rest), name)


def rows_of(source: Source, settings: Settings) -> Iterator[Question | QuestionError]:
    """Its rows in their order.

    Raises:
        QuestionError: a file cannot be read.
    """
    if source.fetched is not None:
        yield from published(source.fetched, settings)
        return
    for one in read(source.file, settings):
        yield _with_subject(one, source.file) if isinstance(one, Question) else one


def _with_subject(question: Question, file: Path) -> Question:
    """The question with MMLU's subject from the file's name, where the row does not name it."""
    named = _MMLU_FILE.fullmatch(file.stem)
    if question.source == "MMLU" and subject_of(question) is None and named:
        return replace(question, meta={**question.meta, "subject": named[1].lower()})
    return question
