"""The parts of a story as a page shows them: a chain of thought, a rewrite of one, a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.questions.ids import chain_name, record_id
from reasonmed.types import letter
from reasonmed.web.views.diff import step_diff
from reasonmed.web.views.fates import points_of
from reasonmed.web.views.steps import Piece, Text, text_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.runs.records import Scored
    from reasonmed.types import ChainOfThought, Kept, Opinion, Question, Rewrite, Story, Verdict
    from reasonmed.web.views.diff import Changed

_OPINIONS = {
    "judge": "The judge itself",
    "second": "Second judge",
    "blind": "Blind reader",
    "shuffled": "The judge, options in another order",
    "steps": "Second look at the steps",
}


class Said(NamedTuple):
    """What somebody said of a chain: ``who`` in words, with the faults that it found."""

    who: str
    model: str
    outcome: str
    reason: str
    sent: str
    faults: list[Piece]


class ChainView(NamedTuple):
    """A chain of thought. ``key`` says what it concludes: ``right``, ``wrong`` or nothing where that is open."""

    name: str
    model: str
    temperature: str
    answer: str
    key: str
    outcome: str
    missing: str
    marks: list[str]
    text: Text
    whole: str
    said: list[Said]
    rank: str
    rank_reason: str
    rank_sent: str
    served: str
    sent: str
    tokens: int | None = None
    fate: str = ""
    kept: bool = False

    @property
    def brief(self) -> str:
        """The answer's letter, as short as a row of chips has it."""
        return self.answer.partition(".")[0] if self.answer else "-"


class RewriteView(NamedTuple):
    """An attempt at a better chain, and how it differs from the one that it began with."""

    name: str
    stage: str
    parent: str
    round: int
    problem: str | None
    chain: ChainView
    blind: str
    changes: list[Changed]


class RecordView(NamedTuple):
    """A record of the data set; ``source`` is the part of the story whose text it has."""

    id: str
    name: str
    origin: str
    source: str
    verified: bool
    flags: tuple[str, ...]
    text: Text
    whole: str
    response: str | None
    response_model: str
    response_sent: str
    score: int | None
    scorer: str
    justification: str
    score_sent: str


def sent_in_words(sent: Mapping[str, object] | None) -> str:
    """The parameters that were sent, where they are not the recipe's."""
    return "" if sent is None else ", ".join(f"{name} {value}" for name, value in sent.items())


def chain_view(name: str, chain: ChainOfThought, question: Question) -> ChainView:
    """A chain of thought, or the text of a rewrite."""
    return ChainView(
        name=name,
        model=chain.model,
        temperature="" if chain.temperature is None else f"{chain.temperature:g}",
        answer="" if chain.answer is None else f"{letter(chain.answer)}. {question.options[chain.answer]}",
        key=_against_key(chain, question),
        outcome="conflict" if chain.verdict and chain.verdict.conflict else chain.outcome,
        missing=chain.missing or "",
        marks=_marks(chain),
        text=text_in(chain.text, chain.verdict.steps if chain.verdict else (), name),
        whole=chain.text,
        said=[] if chain.verdict is None else _said(chain.text, chain.verdict, name),
        rank=points_of(chain),
        rank_reason=chain.justification,
        rank_sent=sent_in_words(chain.rank_sent),
        served=chain.served or "",
        sent=sent_in_words(chain.sent),
    )


def _against_key(chain: ChainOfThought, question: Question) -> str:
    if chain.answer is None or question.answer is None:
        return ""
    return "right" if chain.answer == question.answer else "wrong"


def _marks(chain: ChainOfThought) -> list[str]:
    cut = ["truncated"] if chain.truncated else []
    return [*cut, f'its ending cannot be read: "{chain.unread}"'] if chain.unread else cut


def _said(text: str, verdict: Verdict, name: str) -> list[Said]:
    """The verdict, then whatever was said beside it. The faults that a judge found lead to the steps."""
    outcome = f"{verdict.outcome} (conflict)" if verdict.conflict else verdict.outcome
    who = "Precheck of the answer" if verdict.prechecked and not verdict.judge else "Judge"
    faults, sent = text_in(text, verdict.steps, name).faults, sent_in_words(verdict.sent)
    first = Said(who, verdict.judge, outcome, verdict.reason, sent, faults)
    return [first, *(_heard(text, one, name) for one in verdict.opinions)]


def _heard(text: str, one: Opinion, name: str) -> Said:
    faults, sent = text_in(text, one.steps, name).faults, sent_in_words(one.sent)
    return Said(_OPINIONS[one.kind], one.model, one.outcome, one.reason, sent, faults)


def rewrite_view(number: int, rewrite: Rewrite, story: Story) -> RewriteView:
    """A rewrite; what it is compared with is the text of the chain that it stems from."""
    name = f"rewrite-{number}"
    blind = ""
    if rewrite.blind_model is not None:
        blind = "no option" if rewrite.blind_answer is None else letter(rewrite.blind_answer)
        blind = f"{rewrite.blind_model}: {blind}"
    return RewriteView(
        name=name,
        stage=rewrite.stage,
        parent="" if rewrite.parent is None else chain_name(rewrite.parent + 1),
        round=rewrite.round + 1,
        problem=rewrite.problem,
        chain=chain_view(name, rewrite.chain, story.question),
        blind=blind,
        changes=_changes(rewrite, story),
    )


def _changes(rewrite: Rewrite, story: Story) -> list[Changed]:
    if rewrite.parent is None or not rewrite.chain.text:
        return []
    parent, new = story.chains[rewrite.parent], rewrite.chain
    steps = [one.verdict.steps if one.verdict else () for one in (parent, new)]
    return step_diff(parent.text, new.text, *steps)


def record_view(number: int, kept: Kept, story: Story, scored: Scored | None) -> RecordView:
    """A record, with the score that it got last."""
    named = record_id(story.question.id, number)
    return RecordView(
        id=named,
        name=f"record-{number}",
        origin=kept.origin,
        source=_source(kept, story),
        verified=kept.verified,
        flags=kept.flags,
        text=text_in(kept.text, kept.verdict.steps if kept.verdict else (), f"record-{number}"),
        whole=kept.text,
        response=kept.response,
        response_model=kept.response_model or "",
        response_sent=sent_in_words(kept.response_sent),
        score=scored.score if scored else None,
        scorer=scored.model if scored else "",
        justification=scored.justification if scored else "",
        score_sent=sent_in_words(scored.sent) if scored else "",
    )


def _source(kept: Kept, story: Story) -> str:
    """The name of the rewrite, or of the chain, that has the same text."""
    for number, rewrite in enumerate(story.rewrites, 1):
        if kept.origin != "generate" and rewrite.problem is None and rewrite.chain.text == kept.text:
            return f"rewrite-{number}"
    return "" if kept.parent is None else chain_name(kept.parent + 1)
