"""The records that travel through the pipeline. All are frozen; all are plain data.

Vocabulary: a *question* has a stem and options; a *chain of thought* is one model's reasoning; a *verdict* is a
judge's word on it; the *tier* is the difficulty; a *kept* chain is one that goes into the data set, with its
*response*; a *story* is all of that for one question, and a *record* one row of the data set.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

_encode = msgspec.json.Encoder(order="sorted").encode


def digest(value: object, size: int = 16) -> str:
    """Hash of a value's canonical JSON, as ``2 * size`` hexadecimal digits."""
    return blake2b(_encode(value), digest_size=size).hexdigest()


class Question(Struct, frozen=True, omit_defaults=True):
    """A clinical question as asked, with 2 to 26 options; with none it is open-ended.

    ``answer`` is the 0-based index of the key, None when the question has none. ``reference`` is the answer of an
    open-ended question, in words. ``meta`` (explanations, long answers, subject) is for people and reports; it never
    reaches a prompt. ``license_source`` says who named the license: the question's own row, or whoever publishes
    files of this layout.
    """

    id: str
    stem: str
    options: tuple[str, ...]
    answer: int | None = None
    context: str | None = None
    source: str | None = None
    license: str | None = None
    split: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    answer_source: Literal["key", "consensus"] = "key"
    reference: str | None = None
    license_source: Literal["row", "layout", "none"] = "none"

    @property
    def key_text(self) -> str:
        """The key as every prompt and export shows it: ``C. Atrophy``; the reference of an open-ended question."""
        if not self.options and self.reference is not None:
            return self.reference
        if self.answer is None:
            raise ValueError(f"question {self.id} has no answer key")
        return f"{letter(self.answer)}. {self.options[self.answer]}"


def letter(index: int) -> str:
    """The letter of an option: 0 is A, 25 is Z."""
    return chr(ord("A") + index)


class Tier(StrEnum):
    """How hard a question is, by the number of wrong chains of thought."""

    EASY = "easy"
    MEDIUM = "medium"
    DIFFICULT = "difficult"


class Step(Struct, frozen=True, omit_defaults=True):
    """A judge's label of one step of a chain of thought: the characters from ``start`` up to ``end``.

    ``type`` is one of ``reasonmed.parsing.step_labels.TYPES``; it, ``severity`` and ``note`` are of faults.
    """

    start: int
    end: int
    label: Literal["ok", "error", "unsupported"]
    type: str | None = None
    severity: Literal["minor", "severe"] | None = None
    note: str = ""


class Opinion(Struct, frozen=True, omit_defaults=True):
    """What was said beside a verdict: by the judge itself where another decided, by a second judge, by a blind reader.

    Of a blind reader ``correct`` means that it reached the key; ``shuffled`` is the judge with the options reordered,
    ``steps`` the judge's second look at a chain that was about to be kept.
    """

    kind: Literal["judge", "second", "blind", "shuffled", "steps"]
    outcome: Literal["correct", "error", "undecided"]
    reason: str = ""
    model: str = ""
    sent: dict[str, Any] | None = None
    """As in its completion: the parameters that were sent, where they are not the recipe's."""
    steps: tuple[Step, ...] = ()
    """The labels of a second judge, and of a second look."""


class Verdict(Struct, frozen=True, omit_defaults=True):
    """A judge's word on a chain of thought.

    ``undecided`` means that no usable judgment came, not that the chain is wrong. ``conflict`` marks a judge who
    said Correct although the chain concludes another option than the key, or although it labelled a step a severe
    error; ``prechecked`` an error that was seen from the chain's answer, before or without a request. ``steps`` is
    empty where the judge was not asked for them.
    """

    outcome: Literal["correct", "error", "undecided"]
    reason: str = ""
    judge: str = ""
    conflict: bool = False
    prechecked: bool = False
    opinions: tuple[Opinion, ...] = ()
    sent: dict[str, Any] | None = None
    """As in the judge's completion."""
    steps: tuple[Step, ...] = ()

    @property
    def step_share(self) -> float | None:
        """The share of its steps that are ok; None where it has none."""
        return sum(step.label == "ok" for step in self.steps) / len(self.steps) if self.steps else None


class ChainOfThought(Struct, frozen=True, omit_defaults=True):
    """One model's reasoning on a question.

    ``answer`` is the 0-based index of the option that it concludes, None when none can be read. ``missing`` says
    why there is no text: such a chain is never judged and never exported.
    """

    text: str
    model: str
    answer: int | None = None
    temperature: float | None = None
    sample: int = 0
    truncated: bool = False
    missing: str | None = None
    verdict: Verdict | None = None
    score: int | None = None
    justification: str = ""
    unread: str = ""
    """The words of its ending that give an answer, where no single option can be read from them."""
    served: str | None = None
    sent: dict[str, Any] | None = None
    """Both as in its completion."""
    rank_sent: dict[str, Any] | None = None
    """As in the ranker's."""
    step_score: float | None = None
    """How likely its least likely step is ok, by a process reward model in the place of ``score``."""
    after: int = 0
    """Where in ``text`` the text after the thinking begins; 0 where no thinking is stored before it."""

    @property
    def outcome(self) -> str:
        """``correct``, ``error``, ``undecided`` or ``missing``; ``unjudged`` before verification."""
        if self.missing is not None:
            return "missing"
        return self.verdict.outcome if self.verdict else "unjudged"


class Rewrite(Struct, frozen=True, omit_defaults=True):
    """One attempt of an editor or a strong author. ``problem`` says why it was not taken; None means accepted."""

    stage: Literal["refine", "optimize"]
    round: int
    parent: int | None
    chain: ChainOfThought
    problem: str | None = None
    blind_answer: int | None = None
    blind_model: str | None = None


class Kept(Struct, frozen=True, omit_defaults=True):
    """A chain of thought on its way into the data set.

    ``parent`` is the 0-based index of the generated chain that it is or stems from; None for one written from scratch.
    People read the chain's id instead, which counts from 1: ``reasonmed.questions.ids.chain_id``.
    """

    text: str
    model: str
    parent: int | None = None
    origin: Literal["generate", "refine", "optimize"] = "generate"
    verdict: Verdict | None = None
    flags: tuple[str, ...] = ()
    response: str | None = None
    response_model: str | None = None
    score: int | None = None
    justification: str = ""
    scorer: str | None = None
    response_sent: dict[str, Any] | None = None
    score_sent: dict[str, Any] | None = None
    """As in the summarizer's completion, and in the scorer's."""

    @property
    def verified(self) -> bool:
        """Whether a judge called exactly this text correct, without a conflict."""
        return self.verdict is not None and self.verdict.outcome == "correct" and not self.verdict.conflict


class Dropped(Struct, frozen=True):
    """A branch that ended without a record, with the stage and the reason."""

    stage: str
    reason: str
    parent: int | None = None


Reason = Literal[
    "key_disputed", "no_consensus", "no_chain", "undecided", "unverified", "no_response", "no_optimizer", "contaminated"
]


class Failure(Struct, frozen=True):
    """Why a question has no record: a fixed word, and the detail in a sentence."""

    reason: Reason
    detail: str


class Probe(Struct, frozen=True, omit_defaults=True):
    """A chain of thought that tries the judge: its label is known, and it is never part of a data set.

    ``kind`` is ``original``, ``labelled`` or a mutation; ``known`` says where the label is from; ``place`` is where the
    fault stands, from 0 (the beginning) to 1; ``again`` is the verdict on a second asking. ``spans`` are the characters
    of a planted fault, and ``fault`` is the type of step label that it deserves, where the mutation determines these.
    """

    kind: str
    stratum: Literal["sound", "wrong_answer", "broken_reasoning", "injection"]
    known: Literal["given", "presumed", "planted", "human"]
    text: str
    model: str
    answer: int | None = None
    place: float | None = None
    detail: str = ""
    verdict: Verdict | None = None
    again: Verdict | None = None
    spans: tuple[tuple[int, int], ...] = ()
    fault: str | None = None


class Story(Struct, frozen=True, omit_defaults=True):
    """Everything that happened to one question. Stages take a story and return a longer one."""

    question: Question
    chains: tuple[ChainOfThought, ...] = ()
    unsampled: int = 0
    """Chains of thought that were not written, because the tier was decided without them."""
    tier: Tier | None = None
    rewrites: tuple[Rewrite, ...] = ()
    kept: tuple[Kept, ...] | None = None
    dropped: tuple[Dropped, ...] = ()
    flags: tuple[str, ...] = ()
    failure: Failure | None = None
    probes: tuple[Probe, ...] = ()
    """What tries the judge. No stage counts, ranks or keeps these; no record or failure is made of them."""
    rows: tuple[dict[str, Any], ...] = field(default=(), name="_rows")
    """The rows of the file that the story was read from, as they are there; only an agent's command keeps them."""


def unsound(story: Story) -> str | None:
    """Why a story that was read cannot be used, beyond what its types say: an index points at nothing."""
    options, chains = len(story.question.options), len(story.chains)
    concluded = [chain.answer for chain in (*story.chains, *(rewrite.chain for rewrite in story.rewrites))]
    concluded += [rewrite.blind_answer for rewrite in story.rewrites] + [probe.answer for probe in story.probes]
    for answer in (story.question.answer, *concluded):
        if answer is not None and not 0 <= answer < options:
            return f"answer is {answer}, and the question has {options} options"
    stemming: tuple[Kept | Rewrite | Dropped, ...] = (*(story.kept or ()), *story.rewrites, *story.dropped)
    for one in stemming:
        if one.parent is not None and not 0 <= one.parent < chains:
            return f"parent is {one.parent}, and there are {chains} chains of thought"
    return None


class Record(Struct, frozen=True, omit_defaults=True):
    """One row of the data set. ``answer`` is the key's text, ``answer_index`` its 0-based index.

    A record without options has no ``answer_index``; its ``answer`` is the reference, None where there is none.
    """

    id: str
    question_id: str
    question: str
    options: tuple[str, ...]
    answer: str | None
    answer_index: int | None
    context: str | None
    chain_of_thought: str
    response: str | None
    tier: Tier | None
    verified: bool
    flags: tuple[str, ...]
    answer_source: str
    score: int | None
    source: str | None
    license: str | None
    demo: bool
    provenance: dict[str, Any]
    meta: dict[str, Any] = {}
    """The question's own: what its file says besides, which no prompt sees."""
    steps: tuple[Step, ...] = ()
    """The judge's labels of the steps of ``chain_of_thought``, where the recipe asks for them."""
    step_share: float | None = None
    """The share of them that are ok."""
    pass_rate: float | None = None
    """The share of the question's judged chains that are correct; the counts are in ``provenance.pass_rate``."""
