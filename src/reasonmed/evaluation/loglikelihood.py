"""The prompts of lm-evaluation-harness 0.4.13 for its log-likelihood tasks, and the choice that follows.

Tasks: ``medqa_4options``, ``medmcqa``, ``pubmedqa`` and ``mmlu_*``; with examples before the question in the form that
lm-eval gives them, of MMLU those of the question's subject. The choice is the continuation with the
highest log-likelihood, the first one where several are highest; lm-eval's ``acc``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed.errors import UnparsableReply, UsageError
from reasonmed.exchange import Message, Request, SamplingParameters
from reasonmed.questions.benchmarks import subject_of
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reasonmed.evaluation.shots import Shots
    from reasonmed.exchange import Completion
    from reasonmed.types import Question

FIELD = "loglikelihood"
"""The field of ``extra_body`` that asks a back end to score continuations instead of writing one."""

CUT = "cut_tokens"
"""The field of a completion's ``sent`` that counts the tokens which the context had no room for."""
_LABEL = re.compile(r"[A-Z][A-Z0-9 /,&()'-]*: ")


class Scored(NamedTuple):
    """A text and the continuations of which the likeliest is the answer."""

    text: str
    continuations: tuple[str, ...]


def prompt_of(question: Question, kind: str, shots: Shots | None = None) -> Scored:
    """What lm-eval asks for a question of this kind: ``medqa``, ``medmcqa``, ``pubmedqa`` or ``mmlu``.

    Raises:
        UsageError: the question does not fit the task (its number of options, no abstract, no subject), or too few
            examples do.
    """
    _check(question, kind)
    asked = _KINDS[kind](question)
    examples = () if shots is None else shots.drawn(question, lambda one: _fits(one, kind, question))
    text = _head(question, kind) + "".join(_answered(one, kind) for one in examples) + asked.text
    return Scored(text, asked.continuations)


def _answered(example: Question, kind: str) -> str:
    """An example with its answer."""
    shown = _KINDS[kind](example)
    return f"{shown.text}{shown.continuations[example.answer or 0]}\n\n"


def _fits(example: Question, kind: str, question: Question) -> bool:
    """Whether an example is of the question's kind, and of MMLU of its subject."""
    try:
        _check(example, kind)
    except UsageError:
        return False
    return kind != "mmlu" or subject_of(example) == subject_of(question)


def _check(question: Question, kind: str) -> None:
    wanted = 3 if kind == "pubmedqa" else 4
    if len(question.options) != wanted:
        raise UsageError(
            f"question {question.id} has {len(question.options)} options; lm-eval's {kind} prompt has {wanted}"
        )
    if kind == "pubmedqa" and not question.context:
        raise UsageError(f"question {question.id} has no abstract; lm-eval's pubmedqa prompt needs one")
    if kind == "mmlu" and subject_of(question) is None:
        raise UsageError(
            f"question {question.id} has no subject, and lm-eval's mmlu prompt names it: add meta.subject, or name the "
            "file as published, such as anatomy_test.csv"
        )


def _medqa(question: Question) -> Scored:
    return Scored(f"Question: {question.stem}\n{_listed(question.options)}Answer:", _LETTERS)


def _medmcqa(question: Question) -> Scored:
    return Scored(f"Question: {question.stem}\nChoices:\n{_listed(question.options)}Answer:", _LETTERS)


def _pubmedqa(question: Question) -> Scored:
    abstract = "\n".join(sections(question.context or ""))
    said = tuple(f" {option}" for option in question.options)
    return Scored(f"Abstract: {abstract}\nQuestion: {question.stem}\nAnswer:", said)


def _mmlu(question: Question) -> Scored:
    return Scored(f"{question.stem.strip()}\n{_listed(question.options)}Answer:", _LETTERS)


def _head(question: Question, kind: str) -> str:
    """What stands before the question and its examples."""
    if kind != "mmlu":
        return ""
    subject = (subject_of(question) or "").replace("_", " ")
    return f"The following are multiple choice questions (with answers) about {subject}.\n\n"


_LETTERS = tuple(f" {letter(place)}" for place in range(4))
_KINDS: dict[str, Callable[[Question], Scored]] = {
    "medqa": _medqa,
    "medmcqa": _medmcqa,
    "pubmedqa": _pubmedqa,
    "mmlu": _mmlu,
}


def _listed(options: Sequence[str]) -> str:
    return "".join(f"{letter(place)}. {option}\n" for place, option in enumerate(options))


def sections(context: str) -> list[str]:
    """The sections of an abstract without their labels, which our readers put before them and lm-eval leaves out."""
    parts = context.split("\n\n")
    labels = [_LABEL.match(part) for part in parts]
    return [part[label.end() :] if label and all(labels) else part for part, label in zip(parts, labels, strict=True)]


def request_of(question: Question, kind: str, model: str, revision: str | None, shots: Shots | None = None) -> Request:
    """The request that scores a question's continuations."""
    asked = prompt_of(question, kind, shots)
    body: dict[str, Any] = {FIELD: list(asked.continuations)}
    return Request(
        model=model,
        revision=revision,
        messages=(Message("user", asked.text),),
        sampling=SamplingParameters(max_tokens=1),
        extra_body=body,
        stage="evaluate",
        question_id=question.id,
    )


def scores_of(text: str) -> list[float]:
    """The log-likelihoods in a reply.

    Raises:
        UnparsableReply: it holds something else.
    """
    try:
        return msgspec.json.decode(text, type=list[float])
    except msgspec.DecodeError as wrong:
        raise UnparsableReply(f"it holds no log-likelihoods: {wrong}", "unparsable") from wrong


def choice(completion: Completion, options: int) -> int:
    """The option with the highest log-likelihood.

    Raises:
        UnparsableReply: the reply is not one number an option.
    """
    scores = scores_of(completion.text)
    if len(scores) != options:
        raise UnparsableReply(f"it holds {len(scores)} log-likelihoods for {options} options", "unparsable")
    return max(range(options), key=scores.__getitem__)
