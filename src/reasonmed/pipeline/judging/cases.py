"""Cases for a judge: chains of thought whose label is known, and mutants of those that are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed.parsing.answer import parse_answer
from reasonmed.pipeline.judging.mutations import ANSWER, INJECTION, REASONING, Mutations, Source, dice_for
from reasonmed.types import Probe, Story

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reasonmed.pipeline.judging.mutations import Mutant
    from reasonmed.types import ChainOfThought, Question

FEW_WORDS = 40
"""A chain of fewer words may have a right answer, but holds too little reasoning to be called sound."""

Stratum = Literal["wrong_answer", "broken_reasoning", "injection"]
_STRATA: tuple[tuple[Stratum, Mutations], ...] = (
    ("wrong_answer", ANSWER),
    ("broken_reasoning", REASONING),
    ("injection", INJECTION),
)


class Labelled(NamedTuple):
    """A chain of thought with what is known of it: ``right`` is None where nobody labelled it.

    ``fault`` names what is wrong with the reasoning of a chain whose answer may be right.
    """

    text: str
    model: str
    right: bool | None = None
    fault: str | None = None


def labelled(told: dict[str, object]) -> Labelled:
    """A chain of a file's ``cots``: ``text``, ``model``, ``correct`` and ``fault``, the last three optional."""
    right = told.get("correct")
    fault = told.get("fault")
    return Labelled(
        str(told.get("text") or "").strip(),
        str(told.get("model") or "unknown"),
        False if fault else right if isinstance(right, bool) else None,
        str(fault) if fault else None,
    )


def unlabelled(chain: ChainOfThought) -> Labelled:
    """A chain of a run or of a stage's file; a judge's verdict on it is no label."""
    return Labelled(chain.text, chain.model)


def case(question: Question, one: Labelled, *, presume: bool) -> Probe | str:
    """A chain as a case, or the reason why it is none.

    Args:
        question: with its key.
        one: the chain.
        presume: whether a chain without a label and without a readable answer is taken as right.
    """
    read = parse_answer(one.text, question.options)
    answer = read.option if read else None
    problem = _no_case(question, one, answer, presume=presume)
    if problem is not None:
        return problem
    stratum: Literal["sound", "wrong_answer", "broken_reasoning"] = "sound"
    if one.right is False:
        stratum = "broken_reasoning" if one.fault else "wrong_answer"
    kind = one.fault or ("original" if stratum == "sound" else "labelled")
    return Probe(kind, stratum, "presumed" if one.right is None else "given", one.text, one.model, answer)


def _no_case(question: Question, one: Labelled, answer: int | None, *, presume: bool) -> str | None:
    if not one.text:
        return "empty"
    if one.right is False:
        agrees = one.fault is None and answer == question.answer
        return "labelled wrong, and reads as the key" if agrees else None
    if one.right is None and answer != question.answer and not (presume and answer is None):
        return "no label, and no readable answer" if answer is None else "no label, and another answer"
    return f"right, and shorter than {FEW_WORDS} words" if len(one.text.split()) < FEW_WORDS else None


def mutants(question: Question, probe: Probe, seed: int, other: str | None) -> Iterator[Probe]:
    """Every mutation of a sound chain that it offers a place for."""
    source = Source(question, probe.text, other)
    for stratum, mutations in _STRATA:
        for name, mutate in mutations.items():
            made = mutate(source, dice_for(seed, question.id, probe.model, probe.text, name))
            if made is not None:
                yield planted(question, name, stratum, made, probe.model)


def planted(question: Question, kind: str, stratum: Stratum, made: Mutant, model: str) -> Probe:
    """A mutant as a case."""
    read = parse_answer(made.text, question.options)
    answer = read.option if read else None
    return Probe(
        kind,
        stratum,
        "planted",
        made.text,
        model,
        answer,
        place=made.place,
        detail=made.detail,
        spans=made.spans,
        fault=made.fault,
    )


class CaseMaker:
    """Makes the cases of one question after the other; the reasoning on one serves the next as a foreign one.

    Args:
        seed: of the mutations.
        presume: whether a chain without a label and without a readable answer is taken as right.
    """

    def __init__(self, seed: int, *, presume: bool) -> None:
        self._seed, self._presume = seed, presume
        self._last: str | None = None

    def story(self, question: Question, chains: Iterable[Labelled]) -> Story:
        """A question with its cases: its chains, and the mutants of those that are right; flags say what is none."""
        made: list[Probe] = []
        none: list[str] = []
        other = self._last
        for one in chains:
            found = "its question has no key" if question.answer is None else case(question, one, presume=self._presume)
            if isinstance(found, str):
                none.append(found)
                continue
            made.append(found)
            if found.stratum == "sound":
                made += mutants(question, found, self._seed, other)
                self._last = found.text
        return Story(question, flags=tuple(none), probes=tuple(dict.fromkeys(made)))
