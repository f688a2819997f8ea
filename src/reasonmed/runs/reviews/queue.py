"""A queue: which of a run's texts a person is asked about, in which order, and how each of them was drawn.

At random means by a hash of the seed and the text's id: a larger sample holds the smaller one, and nobody chooses. Only
a text whose place in the queue is due to that is called drawn for the audit; all such texts come in the order of their
lots, so that those which were read when a reviewer stops are a random sample too.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.questions.ids import question_of, record_id
from reasonmed.runs.reviews.states import disputed
from reasonmed.runs.reviews.targets import targets_of
from reasonmed.runs.stories import unpack_story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews.targets import Target
    from reasonmed.runs.reviews.votes import Drawn, Vote
    from reasonmed.types import Story, Verdict

MOST = 10_000
"""Texts of a queue: more than anybody reads."""


class QueueWanted(NamedTuple):
    """What a queue is to hold.

    ``kind`` is ``audit`` (drawn at random), ``disagreement``, ``uncertain`` or ``chosen`` (the texts of ``questions``,
    in that order). ``size`` is how many texts at most, and ``share`` which part of all texts an audit draws.
    ``audit_every`` puts a text drawn at random from the whole set into every so many-th place of another kind's queue.

    The texts are records; with ``chains`` they are the generated chains of thought instead, kept or not, none of them
    with a response that would give away that it was kept. A random sample of chains has as many of each outcome of the
    judge as there are (``Queued.stratum``), since a judge is measured on each of them.
    """

    kind: Drawn = "audit"
    size: int | None = None
    share: float | None = None
    seed: int = 0
    chains: bool = False
    questions: tuple[str, ...] = ()
    audit_every: int = 0


class Queued(NamedTuple):
    """A text of a queue. ``stratum`` is the judge's outcome, ``unjudged`` where there is none."""

    target: str
    question: str
    hash: str
    drawn: Drawn
    stratum: str


class Standing(NamedTuple):
    """Where a reviewer stands in a queue: how many texts are decided; what is left, with the deferred at its end."""

    done: int
    left: list[Queued]
    deferred: int


def queue_of(
    run: RunDirectory,
    wanted: QueueWanted,
    votes: Iterable[Vote] = (),
    said: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Queued]:
    """The queue of a run's finished questions, the same for the same seed.

    Args:
        run: its ledger is read page by page, so that a run goes on undisturbed.
        wanted: what is to be in the queue.
        votes: of all reviewers; texts on which they disagree come first where disagreement is wanted.
        said: hears how many questions have been read, of how many.
    """
    with closing(run.reader()) as ledger:
        limit = MOST if wanted.size is None else min(wanted.size, MOST)
        if wanted.kind == "audit":
            return _at_random(ledger, wanted, limit, said)
        first = _disputes(ledger, votes, wanted) if wanted.kind == "disagreement" else []
        taken = {one.target for one in first}
        found = [one for one in _sought(ledger, wanted, limit, said) if one.target not in taken]
        found = [*first, *found][:limit]
        return _mixed(found, ledger, wanted, said) if wanted.audit_every > 1 else found


def standing(queue: Sequence[Queued], votes: Iterable[Vote], reviewer: str) -> Standing:
    """Where a reviewer stands.

    A vote on a text that has changed decides nothing. Nor does one that was cast before the text was drawn at random:
    it would be missing among the votes that speak for the whole set.
    """
    own = {vote.target: vote for vote in votes if vote.reviewer == reviewer}
    valid = {one.target: own[one.target] for one in queue if one.target in own and _answers(own[one.target], one)}
    deferred = {name: vote.at for name, vote in valid.items() if vote.decision == "defer"}
    left = [one for one in queue if one.target not in valid]
    late = sorted((one for one in queue if one.target in deferred), key=lambda one: deferred[one.target])
    return Standing(len(valid) - len(deferred), [*left, *late], len(late))


def _answers(vote: Vote, one: Queued) -> bool:
    return vote.text_hash == one.hash and (one.drawn != "audit" or vote.drawn == "audit")


def strata_of(queue: Iterable[Queued]) -> dict[str, int]:
    """How many texts of each stratum were drawn at random."""
    return dict(sorted(Counter(one.stratum for one in queue if one.drawn == "audit").items()))


def _lot(seed: int, name: str) -> int:
    """A text's place in the random order."""
    return int.from_bytes(blake2b(f"{seed} {name}".encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _texts(story: Story, *, chains: bool) -> Iterator[Target]:
    return (one for one in targets_of(story) if (one.kind == "chain") == chains)


def _queued(target: Target, drawn: Drawn) -> Queued:
    outcome = target.verdict.outcome if target.verdict else "unjudged"
    return Queued(target.id, target.question.id, target.hash, drawn, outcome)


class _Best:
    """The items with the lowest keys of many; few more than these are held."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: list[tuple[tuple[float, int], Queued]] = []

    def offer(self, key: tuple[float, int], item: Queued) -> None:
        self._held.append((key, item))
        if len(self._held) > 2 * self._limit + 100:
            self._cut()

    def _cut(self) -> None:
        self._held = sorted(self._held)[: self._limit]

    def items(self) -> list[Queued]:
        self._cut()
        return [item for _, item in self._held]


def _stories(ledger: Ledger, said: Callable[[int, int], None]) -> Iterator[Story]:
    total = ledger.sums().done
    for number, seen in enumerate(ledger.finished_since(0), 1):
        said(number, max(total, number))
        yield ledger.read(seen.story, unpack_story)


def _named(ledger: Ledger, names: Sequence[str], said: Callable[[int, int], None]) -> Iterator[Story]:
    """The stories of finished questions by their ids."""
    for number, name in enumerate(names, 1):
        said(number, len(names))
        found = ledger.outcome(name, unpack_story)
        if found is not None:
            yield found


def _size(wanted: QueueWanted, limit: int, total: int) -> int:
    """How many texts an audit draws of so many."""
    share = total if wanted.share is None else round(wanted.share * total)
    return max(0, min(share, limit))


def _at_random(ledger: Ledger, wanted: QueueWanted, limit: int, said: Callable[[int, int], None]) -> list[Queued]:
    draw = _chains_at_random if wanted.chains else _records_at_random
    return draw(ledger, wanted, limit, said)


def _records_at_random(
    ledger: Ledger, wanted: QueueWanted, limit: int, said: Callable[[int, int], None]
) -> list[Queued]:
    """Without a look at any text but those that are drawn."""
    lots = [
        (_lot(wanted.seed, name), name)
        for question, count in ledger.records()
        for name in (record_id(question, number) for number in range(1, count + 1))
    ]
    names = [name for _, name in sorted(lots)[: _size(wanted, limit, len(lots))]]
    questions = list(dict.fromkeys(question_of(name) for name in names))
    found = {one.id: one for story in _named(ledger, questions, said) for one in targets_of(story)}
    return [_queued(found[name], "audit") for name in names if name in found]


def _chains_at_random(
    ledger: Ledger, wanted: QueueWanted, limit: int, said: Callable[[int, int], None]
) -> list[Queued]:
    """One of each stratum in turn, as long as there are any."""
    strata: dict[str, _Best] = {}
    total = 0
    for story in _stories(ledger, said):
        for target in _texts(story, chains=True):
            total += 1
            one = _queued(target, "audit")
            strata.setdefault(one.stratum, _Best(limit)).offer((0.0, _lot(wanted.seed, one.target)), one)
    rows = [(place, name, one) for name, best in strata.items() for place, one in enumerate(best.items())]
    return [one for _, _, one in sorted(rows)[: _size(wanted, limit, total)]]


def _sought(ledger: Ledger, wanted: QueueWanted, limit: int, said: Callable[[int, int], None]) -> list[Queued]:
    """The texts of the wanted kind that is not the audit, in order."""
    if wanted.kind == "chosen":
        stories = _named(ledger, wanted.questions, said)
        chosen = (_queued(one, "chosen") for story in stories for one in _texts(story, chains=wanted.chains))
        return list(islice(chosen, limit))
    measure = _MEASURES[wanted.kind]
    best = _Best(limit)
    for story in _stories(ledger, said):
        for target in _texts(story, chains=wanted.chains):
            size = measure(story, target)
            if size > 0:
                best.offer((-size, _lot(wanted.seed, target.id)), _queued(target, wanted.kind))
    return best.items()


def _mixed(found: list[Queued], ledger: Ledger, wanted: QueueWanted, said: Callable[[int, int], None]) -> list[Queued]:
    """The queue with texts that are drawn at random at regular places; one of these stands at no earlier place."""
    count = -(-len(found) // (wanted.audit_every - 1))
    audit = _at_random(ledger, wanted._replace(share=None), count, said)
    drawn = {one.target for one in audit}
    others, random = iter([one for one in found if one.target not in drawn]), iter(audit)
    mixed: list[Queued] = []
    while block := [*islice(others, wanted.audit_every - 1), *islice(random, 1)]:
        mixed += block
    return mixed


def _disputes(ledger: Ledger, votes: Iterable[Vote], wanted: QueueWanted) -> list[Queued]:
    """The texts on which reviewers disagree, as they are now."""
    by_target: dict[str, list[Vote]] = {}
    for vote in votes:
        by_target.setdefault(vote.target, []).append(vote)
    several = {name: given for name, given in by_target.items() if len(given) > 1}
    names = list(dict.fromkeys(question_of(name) for name in several))
    return [
        _queued(one, "disagreement")
        for story in _named(ledger, names, lambda _done, _total: None)
        for one in _texts(story, chains=wanted.chains)
        if disputed(several.get(one.id, ()), one.hash)
    ]


def _disagreement(story: Story, target: Target) -> float:
    """How much judges and models disagree: a judge that is contradicted counts more than any number of models."""
    answers = Counter(chain.answer for chain in story.chains if chain.answer is not None)
    models = 1 - max(answers.values()) / answers.total() if answers else 0.0
    return _contradicted(target.verdict) + models


def _contradicted(verdict: Verdict | None) -> int:
    if verdict is None:
        return 0
    others = [one.outcome for one in verdict.opinions if one.outcome != "undecided"]
    return int(verdict.conflict) + int(any(one != verdict.outcome for one in others))


def _uncertainty(_: Story, target: Target) -> float:
    """How unsure the judge was: no decision, a word against its own, steps that it did not call ok in a right text."""
    verdict = target.verdict
    if verdict is None or verdict.outcome == "undecided":
        return 3.0
    undecided = any(one.outcome == "undecided" for one in verdict.opinions)
    share = verdict.step_share
    faulty = 0.0 if share is None or verdict.outcome == "error" else 1 - share
    return int(verdict.conflict) + int(undecided) + faulty


_MEASURES: Mapping[Drawn, Callable[[Story, Target], float]] = {
    "disagreement": _disagreement,
    "uncertain": _uncertainty,
}
