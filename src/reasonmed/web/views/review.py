"""The review page: where to begin, one text at a time, what was hidden once the vote is cast, the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.questions.ids import chain_id, number_of
from reasonmed.types import digest, letter
from reasonmed.web.reviewing.ballot import shown, steps_of
from reasonmed.web.views import View
from reasonmed.web.views.votes import DECIDED, Marked, kinds, named, reviews_of, said_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.engine.job import Score
    from reasonmed.runs.reviews import Queued, Target, Vote
    from reasonmed.runs.reviews.queue import Standing
    from reasonmed.types import Story, Verdict
    from reasonmed.web.reviewing.asked import Reviewer

_WRITTEN = ("reason", "note", "text", "response")
Pairs = list[tuple[str, object]]


class Frame(NamedTuple):
    """What every page of a queue has: who reviews, the address, the reviewer's last vote in this run."""

    reviewer: Reviewer
    pairs: Pairs
    last: Vote | None
    last_time: str


class Ballot(NamedTuple):
    """A text before the vote, and the form as it is filled in.

    ``since`` is the time of the reviewer's vote on it that the form takes the place of, ``problem`` why nothing was
    cast, ``field`` where to go on, ``former`` what was written on the text before it changed, ``said`` a notice.
    """

    target: Target
    typed: Mapping[str, str]
    place: int
    total: int
    deferred: int
    since: str = ""
    problem: str = ""
    field: str = ""
    former: str = ""
    said: str = ""


def who_view(known: Sequence[Reviewer], pairs: Pairs, problem: str = "", name: str = "", role: str = "") -> View:
    """Who reviews."""
    values = {"title": "Review", "known": known, "pairs": pairs, "problem": problem, "name": name, "role": role}
    return View("review_who", values)


def start_view(frame: Frame, filtered: int | None, filter_pairs: Sequence[tuple[str, str]], votes: int) -> View:
    """Which queue; ``filtered`` is how many questions a filter of the list leaves."""
    values = {"title": "Review", "filtered": filtered, "filter_pairs": filter_pairs, "cast": votes}
    return View("review_start", {**values, **frame._asdict()})


def wait_view(frame: Frame, done: int, total: int) -> View:
    """A queue that is being built."""
    return View("review_wait", {"title": "Review", "done": done, "total": total, **frame._asdict()})


def end_view(frame: Frame, queue: Sequence[Queued], votes: Sequence[Vote], path: str) -> View:
    """A queue without anything left."""
    names = {one.target for one in queue}
    own = [vote for vote in votes if vote.reviewer == frame.reviewer.name and vote.target in names]
    counts = Counter(DECIDED[vote.decision] for vote in own)
    values = {"title": "Review", "total": len(queue), "counts": counts, "path": path}
    return View("review_end", {**values, **frame._asdict()})


def gone_view(frame: Frame, name: str, typed: Mapping[str, str]) -> View:
    """A vote on a text that the run does not have any more: what was typed is there to be copied."""
    written = "\n\n".join(value for field, value in typed.items() if field in _WRITTEN or field.startswith("said-"))
    return View("review_gone", {"title": "Review", "name": name, "written": written, **frame._asdict()})


def ballot_view(frame: Frame, ballot: Ballot) -> View:
    """One text with the form: nothing of its model, its scores or its verdict is in it."""
    target = ballot.target
    values = {
        "title": f"Review: {ballot.place:,} of {ballot.total:,}" if ballot.place else "Review",
        "question": target.question,
        "other_options": [
            (letter(place), option)
            for place, option in enumerate(target.question.options)
            if place != target.question.answer
        ],
        "steps": steps_of(target, ballot.typed),
        "kinds": kinds(),
        "plain": {"text": digest(shown(target.text)), "response": digest(shown(target.response or ""))},
        "own_text": ballot.typed.get("text", shown(target.text)),
        "own_response": None if target.response is None else ballot.typed.get("response", shown(target.response)),
        "edits": ballot.field in ("text", "response") or "text" in ballot.typed or "response" in ballot.typed,
    }
    return View("review", {**values, **ballot._asdict(), **frame._asdict()})


def cast_view(
    frame: Frame,
    standing: Standing,
    found: tuple[Story, Target],
    history: Sequence[tuple[Vote, float | None]],
    scored: Score | None,
) -> View:
    """A text after the vote, with all that was hidden; ``scored`` is a score that the ledger keeps apart."""
    story, target = found
    own = [vote for vote, gone in history if vote.reviewer == frame.reviewer.name and gone is None][-1]
    others = [(vote, gone) for vote, gone in history if vote.reviewer != frame.reviewer.name]
    score, why = _score(story, target) if scored is None else (scored.score, scored.justification)
    values = {
        "title": f"Review: {DECIDED[own.decision]}",
        "own": said_of(target, own),
        "own_at": own.at,
        "question": target.question,
        "target": target,
        "verdict": target.verdict,
        "verdict_word": _verdict_word(target.verdict),
        "judged": _judged(target),
        "agrees": _agrees(own, target.verdict),
        "score": score,
        "why": why,
        "others": reviews_of(target, others),
        "done": standing.done,
        "total": standing.done + len(standing.left),
        "deferred": standing.deferred,
    }
    return View("review_cast", {**values, **frame._asdict()})


def _score(story: Story, target: Target) -> tuple[float | None, str]:
    if target.kind == "record":
        number = number_of(target.id, story.question.id)
        kept = (story.kept or ())[(number or 1) - 1]
        return kept.score, kept.justification
    names = (chain_id(story.question.id, number) for number in range(1, len(story.chains) + 1))
    chain = next(one for name, one in zip(names, story.chains, strict=True) if name == target.id)
    return chain.score, chain.justification


def _verdict_word(verdict: Verdict | None) -> str:
    if verdict is None:
        return "unjudged"
    return "conflict" if verdict.conflict else verdict.outcome


def _judged(target: Target) -> list[Marked]:
    """The steps that the judge did not call ok."""
    steps = target.verdict.steps if target.verdict else ()
    faults = [one for one in steps if one.label != "ok"]
    return [Marked(target.text[one.start : one.end].strip(), named(one.type) or one.label, one.note) for one in faults]


def _agrees(own: Vote, verdict: Verdict | None) -> bool | None:
    """Whether reviewer and judge say the same; None where one of them does not decide."""
    if verdict is None or verdict.outcome == "undecided" or own.says_right is None:
        return None
    return own.says_right == (verdict.outcome == "correct")
