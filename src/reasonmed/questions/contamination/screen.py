"""Questions of benchmarks, taken out of a run before anything is asked about them: failures with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import QuestionError
from reasonmed.types import Failure, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from reasonmed.questions.contamination.matcher import Matcher

    Source = Callable[[], Iterable[Story | QuestionError]]


def screened(source: Source, matcher: Matcher) -> Source:
    """The same rows, those that a benchmark holds with their failure."""

    def rows() -> Iterator[Story | QuestionError]:
        for one in source():
            yield one if isinstance(one, QuestionError) else _screen(one, matcher)

    return rows


def told(matcher: Matcher) -> list[dict[str, object]]:
    """What was screened against and how: part of a run's identity."""
    return [
        {
            "benchmark": one.name,
            "hash": one.hash,
            "questions": len(one.entries),
            "of": one.total,
            "methods": matcher.methods(one),
        }
        for one in matcher.benchmarks
    ]


def _screen(story: Story, matcher: Matcher) -> Story:
    found = matcher.matches(story.question)
    if not found:
        return story
    detail = "; ".join(f"contamination.{match.method}: {match.evidence}" for match in found)
    return replace(story, failure=Failure("contaminated", detail))
