"""Few-shot examples: questions of a named split that are shown with their answers before the question that is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from math import gcd
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.errors import UsageError
from reasonmed.exchange import Message
from reasonmed.pipeline.agent import question_fields
from reasonmed.questions.normal import question_hash
from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reasonmed.recipe.templates import Prompt
    from reasonmed.types import Question


@dataclass(frozen=True, kw_only=True)
class Shots:
    """How many examples each question gets, and from where.

    Raises:
        UsageError: the number is not positive.
    """

    count: int
    source: str
    """``FILE`` or ``FILE/SPLIT``: a question file, and the split of its rows."""
    seed: int = 0
    """Which examples each question gets."""
    file: str = ""
    """The file's name, once it is read."""
    split: str | None = None
    """The split of the rows that are used, once they are read."""
    pool: tuple[Question, ...] = field(default=(), repr=False)
    """What examples are drawn from, once it is read: questions with a key that are not evaluated, each stem once."""

    def __post_init__(self) -> None:
        """Refuse a number that gives no example."""
        if self.count < 1:
            raise UsageError(f"--shots {self.count}: it must be 1 or more")

    def identity(self) -> dict[str, object]:
        """What decides which examples a question gets."""
        told = {"count": self.count, "file": self.file, "split": self.split, "seed": self.seed}
        contents = [(question_hash(one), one.key_text, one.stem, one.options) for one in self.pool]
        return {**told, "questions": len(self.pool), "hash": digest(contents)}

    def drawn(self, question: Question, fits: Callable[[Question], bool] = lambda _: True) -> tuple[Question, ...]:
        """The examples of a question: the same ones for the same content, whatever its id and its place.

        Raises:
            UsageError: too few fit.
        """
        found = tuple(islice(filter(fits, self._walk(question_hash(question))), self.count))
        if len(found) < self.count:
            raise UsageError(
                f"--shots {self.count}: question {question.id} can have only {len(found)} examples from {self.source} "
                "that have as many options as it and, for MMLU, its subject; give another file or fewer --shots"
            )
        return found

    def _walk(self, mark: str) -> Iterator[Question]:
        """Every question of the pool once, in an order of this mark's own."""
        size = len(self.pool)
        start, step = (int(digest((self.seed, mark, what)), 16) for what in ("start", "step"))
        while gcd(step, size) != 1:
            step += 1
        return (self.pool[(start + place * step) % size] for place in range(size))


def turns(examples: Sequence[Question], prompt: Prompt) -> Iterator[Message]:
    """Examples as turns of a conversation: each one asked like the question itself, and its answer."""
    for one in examples:
        yield Message("user", prompt.render(question_fields(one)))
        yield Message("assistant", f"Answer: {one.key_text}")


class Shown(Struct, frozen=True):
    """The examples, as results have them."""

    count: int
    file: str
    split: str | None
    seed: int
    questions: int


def in_words(found: Shown) -> str:
    """The examples in a sentence."""
    number = "1 example" if found.count == 1 else f"{found.count:,} examples"
    split = f", split {found.split}" if found.split else ""
    return (
        f"{number} before each question, drawn from {found.file}{split} ({found.questions:,} questions, none of them "
        f"evaluated, seed {found.seed})"
    )
