"""Perturbations: a question asked once more, changed so that who understands it answers as well as before.

``nota`` puts "None of the other answers" in the place of the key's text: whoever knows that the other options are wrong
still finds it, and whoever remembers the key does not. ``rotate`` shows the options in another order. A question that a
perturbation would spoil does not qualify, and the reason is counted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.evaluation.rotation import Presented, fixed, present, rotations
from reasonmed.questions.normal import normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reasonmed.types import Question

Perturbation = Literal["nota", "rotate"]
PERTURBATIONS: tuple[Perturbation, ...] = get_args(Perturbation)
VERSION = 1
"""Of the rules and texts here; it is part of an evaluation's identity."""
NOTA = "None of the other answers"

_LEAST = 3
"""Options that a question needs so that none of the others rules out more than one."""
_CLOSED = re.compile(
    r"(?:yes|no|maybe|perhaps|true|false|correct|incorrect|agree|disagree|uncertain|unsure|unknown|unclear|not|cannot"
    r"|can t)\b.*"
)
"""How options begin, in their normal form, that answer a question of yes or no."""
_EXCEPTION = re.compile(
    r"\b(?:except|excepting|excluding|not|cannot|never|false|incorrect|untrue|wrong|unlikely)\b|n['\u2019]t\b"
    r"|(?<!\bat )\bleast\b",
    re.IGNORECASE,
)
"""Words of a sentence that asks for what is not so: there "none of the others" denies twice."""
_SHOUTED = re.compile(r"\b(?:EXCEPT|NOT|LEAST|FALSE|INCORRECT)\b")
"""The same anywhere in a stem, where a capital letter says that the question turns on it."""
_BEST = re.compile(
    r"\b(?:most|best|first[-\s]line|greatest|highest|lowest|earliest|commonest|strongest|next)\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.?!])\s+")


class Draw(NamedTuple):
    """One answer that is asked of a question."""

    number: int
    """Which of the samples it is, so that equal requests of other settings are the same ones."""
    by: int = 0
    """By how much the options are rotated."""
    perturbation: Perturbation | None = None

    def present(self, question: Question) -> Presented:
        """The question as it is shown."""
        shown = present(question, self.by)
        return _without_key(shown) if self.perturbation == "nota" else shown


def perturbations(names: Iterable[str]) -> tuple[Perturbation, ...]:
    """Perturbations by their names, each once, in an order that does not depend on theirs.

    Raises:
        UsageError: one of them is no perturbation.
    """
    wanted = [name.strip() for name in names]
    for name in wanted:
        if name not in PERTURBATIONS:
            raise UsageError(f"--perturb {name!r}: it must be {' or '.join(PERTURBATIONS)}, or both with a comma")
    return tuple(name for name in PERTURBATIONS if name in wanted)


def unfit(question: Question, perturbation: Perturbation) -> str | None:
    """Why a question does not qualify for a perturbation; None where it does.

    ``refers``: options or stem speak of other options or of a place. ``two_options``: fewer than three options.
    ``yes_no``: the options are yes, no, maybe and their like. ``nested``: an option holds another one whole, as "fever
    and cough" does "fever", so that what remains may be half right. ``exception``: the stem asks for what is not so.
    """
    if fixed(question):
        return "refers"
    if perturbation == "rotate":
        return None
    options = [normal(option) for option in question.options]
    if len(options) < _LEAST:
        return "two_options"
    if all(_CLOSED.fullmatch(option) for option in options):
        return "yes_no"
    if _nested(question.options):
        return "nested"
    denied = _EXCEPTION.search(_asking(question.stem)) or _SHOUTED.search(question.stem)
    return "exception" if denied else None


def asks_for_best(question: Question) -> bool:
    """Whether the stem asks for the most or the best of the options: of those that remain, one is next to it."""
    return bool(_BEST.search(_asking(question.stem)))


def second_order(question: Question) -> int:
    """By how much ``rotate`` turns the options: as far from their own order as turning goes."""
    return rotations(question, 2)[-1]


def _asking(stem: str) -> str:
    """The last sentence of a stem, which asks; what precedes it is the case."""
    return _SENTENCE.split(stem.strip())[-1]


def _nested(options: tuple[str, ...]) -> bool:
    """Whether an option holds another one whole, in words; a copy does, too."""
    words = [f" {' '.join(_words(option))} " for option in options]
    return any(one in other for place, one in enumerate(words) for other in words[:place] + words[place + 1 :])


def _words(option: str) -> Iterator[str]:
    """The words of an option without marks at their ends: a number keeps its point, its sign and its unit."""
    return (word.strip(".,;:()[]\"'") for word in option.casefold().split())


def _without_key(shown: Presented) -> Presented:
    """The same with the text of the key's option replaced."""
    question = shown.question
    options = tuple(NOTA if place == question.answer else option for place, option in enumerate(question.options))
    return shown._replace(question=replace(question, options=options))
