"""The questions of an evaluation: files as benchmarks, each with what it is and in what it differs from its variant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.evaluation.ask import key_of
from reasonmed.evaluation.sources import Source, rows_of, source_of
from reasonmed.questions import Settings as FileSettings
from reasonmed.questions.benchmarks import Facts, Variant, differences, facts_of, recognize, registry, unpinned
from reasonmed.questions.benchmarks.fetching import PREFIX, Fetched
from reasonmed.questions.normal import stem_hash
from reasonmed.runs.intake import Selection, refuse_bad, take_in
from reasonmed.types import Question, Story

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from reasonmed.errors import QuestionError
    from reasonmed.runs.intake import Intake

_UNSAFE = re.compile(r"[^\w.-]+")


class Reading(NamedTuple):
    """Which rows of the files, and how they are read."""

    selection: Selection = Selection()
    files: FileSettings = FileSettings()
    skip_bad: bool = False
    context: bool = True


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A set of questions under the name that tables give it."""

    name: str
    file: Path
    questions: tuple[Question, ...]
    """As they are asked: without contexts where none are shown."""
    stems: tuple[tuple[str, ...], ...]
    """Hashes of each question's stem, with its context and without, whether it is shown or not."""
    facts: Facts
    variant: Variant | None
    left_out: int = 0
    """Bad rows that were left out."""
    fetched: Fetched | None = None
    """The hub's files that it was read from, if it was."""

    @property
    def differences(self) -> list[str]:
        """In what it differs from its variant."""
        return differences(self.facts, self.variant) if self.variant else []

    @property
    def caution(self) -> str | None:
        """What is not known about it."""
        if self.variant is None:
            return "not a pinned benchmark: its numbers compare only with others on this very file"
        return unpinned(self.facts, self.variant)

    @property
    def prompt(self) -> str | None:
        """The log-likelihood prompt that lm-eval has for it."""
        return self.variant.prompt if self.variant else None

    @property
    def whole(self) -> bool:
        """Whether nothing is known in which it differs from its variant."""
        return self.variant is not None and not self.differences


def benchmarks_of(files: Sequence[str | Path | Fetched], reading: Reading) -> list[Benchmark]:
    """The benchmarks that files hold; ``NAME=FILE`` says which variant a file is. The hub's are fetched before.

    Raises:
        UsageError: a name is no variant or stands twice, a file is empty, or a question has no key.
        QuestionError: a file cannot be read, or has bad rows.
    """
    found = [_benchmark(source_of(one), reading) for one in files]
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        shown = ", ".join(str(one.file) for one in found if one.name in twice)
        raise UsageError(f"{shown} are all {', '.join(twice)}; put them into one file, or evaluate them apart")
    return found


def _benchmark(source: Source, reading: Reading) -> Benchmark:
    def rows() -> Iterator[Story | QuestionError]:
        for one in rows_of(source, reading.files):
            yield Story(one) if isinstance(one, Question) else one

    file = source.file
    if source.fetched is not None:
        _check_context(source.fetched.name, reading)
    intake = take_in(file, rows, reading.selection)
    if not reading.skip_bad:
        refuse_bad(intake)
    whole = list(_wanted(intake))
    questions = tuple(one if reading.context else replace(one, context=None) for one in whole)
    if not questions:
        raise UsageError(f"{file} has no questions to ask")
    keyless = [one.id for one in questions if one.answer is None]
    if keyless:
        raise UsageError(f"{file}: {len(keyless):,} questions have no answer key, the first {keyless[0]}: no score")
    facts = facts_of(questions)
    found = source.name or recognize(facts)
    variant = registry()[found] if found else None
    label = found or _UNSAFE.sub("-", file.stem)
    return Benchmark(
        name=label,
        file=file,
        questions=questions,
        stems=tuple(_stems(one) for one in whole),
        facts=facts,
        variant=variant,
        left_out=intake.survey.bad_count,
        fetched=source.fetched,
    )


def _check_context(name: str, reading: Reading) -> None:
    """The files of a variant with contexts are those of the one without, so that its name must say which is meant."""
    variant = registry()[name]
    for other, one in registry().items():
        if other != name and (one.files, one.source) == (variant.files, variant.source) and one.n == variant.n:
            if variant.context and not reading.context:
                raise UsageError(f"{PREFIX}{name} without contexts is {PREFIX}{other}: name that with --no-context")
            if reading.context and not variant.context:
                raise UsageError(f"{PREFIX}{name} is asked without contexts: add --no-context, or name {PREFIX}{other}")


def _stems(question: Question) -> tuple[str, ...]:
    return tuple(dict.fromkeys((stem_hash(question), stem_hash(replace(question, context=None)))))


def _wanted(intake: Intake) -> Iterator[Question]:
    """The good rows that the selection wants, in the file's order."""
    limit, drawn = intake.selection.limit, intake.survey.drawn
    count = 0
    for one in intake.source():
        if isinstance(one, Story):
            count += 1
            if one.question.id in drawn if drawn is not None else limit is None or count <= limit:
                yield one.question


def stories_of(found: Sequence[Benchmark]) -> Iterator[Story]:
    """Every question of every benchmark as a story, under an id that names both."""
    for one in found:
        for question in one.questions:
            yield Story(replace(question, id=key_of(one.name, question)))
