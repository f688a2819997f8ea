"""One question of a run, as a page shows it: everything that happened to it, in the order in which it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.questions import figure_in
from reasonmed.questions.ids import chain_name, question_of, record_id
from reasonmed.runs.records import Scored, rejections_of, scores_of
from reasonmed.runs.stories import story_in, unpack_story
from reasonmed.types import letter
from reasonmed.web.views import View
from reasonmed.web.views.chain import chain_view, record_view, rewrite_view
from reasonmed.web.views.fates import fates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.engine.ledger import Ledger
    from reasonmed.engine.ledger.corrections import Corrected
    from reasonmed.types import ChainOfThought, Dropped, Failure, Probe, Question, Story
    from reasonmed.web.views.chain import ChainView, RecordView, RewriteView


class Option(NamedTuple):
    """An option, and how many chains conclude it."""

    letter: str
    text: str
    is_key: bool
    chosen: int


class Correction(NamedTuple):
    """A corrected key, with the story under the old one."""

    made: Corrected
    former: Told | None


class Told(NamedTuple):
    """A story. ``image`` has the words by which the question points to an image that no model saw."""

    question: Question
    key: str
    options: list[Option]
    image: str | None
    outcome: str
    chains: list[ChainView]
    unsampled: int
    rewrites: list[RewriteView]
    records: list[RecordView]
    dropped: Sequence[Dropped]
    flags: Sequence[str]
    failure: Failure | None
    probes: Sequence[Probe]
    tally: list[tuple[str, int]]


def story_view(ledger: Ledger, name: str) -> View | None:
    """The view of a question, by its own id or that of one of its records; None where the run has none of this id."""
    found = next((one for one in (name, question_of(name)) if ledger.has(one)), None)
    if found is None:
        return None
    values = {
        "title": found,
        "told": told_in(ledger, found),
        "rejections": rejections_of(ledger, found),
        "corrections": corrections_in(ledger, found),
        "usage": list(ledger.usage_of(found)),
    }
    return View("question", values)


def told_in(ledger: Ledger, name: str) -> Told | None:
    """The story of a question; None where the run has none of this id."""
    if not ledger.has(name):
        return None
    story, done = story_in(ledger, name)
    scores = {**own_scores(story), **scores_of(ledger, name)}
    return told(story, scores, tokens_of(ledger, name), done=done)


def corrections_in(ledger: Ledger, name: str) -> list[Correction]:
    """The corrections of a question's key."""
    return [
        Correction(made, None if former is None else told(former, own_scores(former), {}))
        for made, former in ledger.corrections_of(name, unpack_story)
    ]


def own_scores(story: Story) -> dict[str, Scored]:
    """The scores that a story has itself, as one that was put aside has them."""
    return {
        record_id(story.question.id, number): Scored(kept.score, kept.justification, kept.scorer, kept.score_sent)
        for number, kept in enumerate(story.kept or (), 1)
        if kept.scorer is not None
    }


def tokens_of(ledger: Ledger, name: str) -> dict[tuple[str, float | None, int], int | None]:
    """The tokens of the last reply of each generator, by model, temperature and sample."""
    return {
        (call.model, call.temperature, call.sample): call.completion_tokens
        for call in ledger.heard_of(name)
        if call.stage == "generate" and call.in_use and call.error is None
    }


def told(
    story: Story,
    scores: Mapping[str, Scored],
    tokens: Mapping[tuple[str, float | None, int], int | None],
    *,
    done: bool = True,
) -> Told:
    """A story with the scores of its records and the tokens of its chains."""
    question = story.question
    chains = [
        chain_view(chain_name(number), chain, question)._replace(
            tokens=_tokens(chain, tokens), fate=fate.why, kept=fate.kept
        )
        for number, (chain, fate) in enumerate(zip(story.chains, fates(story), strict=True), 1)
    ]
    kept = () if story.failure else story.kept or ()
    outcomes = [chain.outcome for chain in chains]
    return Told(
        question=question,
        key=_key(question),
        options=_options(story),
        image=figure_in("\n".join(filter(None, (question.stem, question.context)))),
        outcome=_outcome(story, done=done),
        chains=chains,
        unsampled=story.unsampled,
        rewrites=[rewrite_view(number, one, story) for number, one in enumerate(story.rewrites, 1)],
        records=[
            record_view(number, one, story, scores.get(record_id(question.id, number)))
            for number, one in enumerate(kept, 1)
        ],
        dropped=story.dropped,
        flags=story.flags,
        failure=story.failure,
        probes=story.probes,
        tally=[(one, outcomes.count(one)) for one in dict.fromkeys(sorted(outcomes))],
    )


def _tokens(chain: ChainOfThought, tokens: Mapping[tuple[str, float | None, int], int | None]) -> int | None:
    """A chain names its model with the revision, a call without it."""
    names = (chain.model, chain.model.rpartition("@")[0])
    found = (tokens.get((name, chain.temperature, chain.sample)) for name in names)
    return next((count for count in found if count is not None), None)


def _outcome(story: Story, *, done: bool) -> str:
    if not done:
        return "unfinished"
    return story.failure.reason if story.failure else str(story.tier or "no tier")


def _key(question: Question) -> str:
    return question.key_text if question.answer is not None or question.reference is not None else ""


def _options(story: Story) -> list[Option]:
    question, chosen = story.question, [chain.answer for chain in story.chains]
    return [
        Option(letter(place), text, place == question.answer, chosen.count(place))
        for place, text in enumerate(question.options)
    ]
