"""What is checked: a question with the texts that were written on it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.types import Question, Step, Story

Subject = Literal["question", "record", "chain"]


class Passage(NamedTuple):
    """A record's texts, or those of a chain of thought that became no record as it is."""

    id: str
    subject: Subject
    chain: str | None
    response: str | None = None
    truncated: bool = False
    """Whether a token limit is known to have cut it."""
    steps: tuple[Step, ...] = ()
    """A judge's labels of the steps of the chain of thought."""

    def texts(self) -> Iterator[tuple[str, str]]:
        """The texts that are there, by what they are."""
        if self.chain:
            yield "chain of thought", self.chain
        if self.response:
            yield "response", self.response


class Case(NamedTuple):
    """A question with its passages, and its story where there is one.

    A question that came without options (from a file of bare instructions) has none; rules that need them pass it by.
    """

    question: Question
    passages: tuple[Passage, ...] = ()
    story: Story | None = None
    disputed: bool = False
    """Whether the input says that the key is disputed."""


class BadRow(NamedTuple):
    """A row of the input that could not be read."""

    place: str
    problem: str


class Hit(NamedTuple):
    """What a rule found: on what, and the evidence in a sentence. ``details`` are plain data."""

    id: str
    subject: Subject
    evidence: str
    details: Mapping[str, object] = MappingProxyType({})
