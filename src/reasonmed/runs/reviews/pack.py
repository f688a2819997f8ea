"""A pack: texts for a reviewer who has nothing but a browser, without a word on who wrote them and what a judge said.

Who sends packs to several reviewers gives a share of the texts to all of them, so that their agreement is known, and
each of the others to one.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from reasonmed.documents import visible
from reasonmed.errors import UsageError
from reasonmed.parsing.step_labels import TYPES
from reasonmed.parsing.steps import split_steps
from reasonmed.runs.reviews.placed import texts_in
from reasonmed.runs.reviews.queue import QueueWanted, queue_of
from reasonmed.runs.reviews.votes import Drawn
from reasonmed.secrecy import conceal
from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews.queue import Queued
    from reasonmed.runs.reviews.targets import Target
    from reasonmed.runs.reviews.votes import Vote

VERSION = 1
_ID_BYTES = 8


class Piece(Struct, frozen=True):
    """A step of a text: its characters from ``start`` up to ``end``, as they are shown."""

    start: int
    end: int
    text: str


class PackedText(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a reviewer sees of a text, and what a vote on it bears. ``key`` is the index of the option that is right."""

    target: str
    text_hash: str
    drawn: Drawn
    stem: str
    options: tuple[str, ...]
    steps: tuple[Piece, ...]
    key: int | None = None
    reference: str | None = None
    context: str | None = None
    response: str | None = None


class Pack(Struct, frozen=True, kw_only=True):
    """The texts of one reviewer. ``pack`` is the same for the same texts; ``types`` are those of faults of a step."""

    pack_version: int = VERSION
    pack: str
    types: dict[str, str]
    texts: tuple[PackedText, ...]


class PackWanted(NamedTuple):
    """What is to be packed: a queue, only of some tiers if any are named, for so many reviewers.

    ``overlap`` is the share of the texts that every reviewer gets.
    """

    queue: QueueWanted
    tiers: tuple[str, ...] = ()
    reviewers: int = 1
    overlap: float = 0.0


def packs_of(run: RunDirectory, wanted: PackWanted, votes: Iterable[Vote] = ()) -> list[Pack]:
    """A pack for each reviewer.

    Raises:
        UsageError: there is no text for one of them.
    """
    with closing(run.reader()) as ledger:
        queue = _queue(run, ledger, wanted, votes)
        if not queue:
            raise UsageError(_nothing(run, wanted))
        parts = shared_out(queue, wanted)
        if not all(parts):
            raise UsageError(
                f"{len(queue)} texts are too few for {wanted.reviewers} reviewers; raise --sample or --overlap"
            )
        texts = texts_in(ledger, [one.target for one in queue])
    return [_pack([(one, texts[one.target]) for one in part if one.target in texts]) for part in parts]


def _queue(run: RunDirectory, ledger: Ledger, wanted: PackWanted, votes: Iterable[Vote]) -> list[Queued]:
    """The texts of a queue. Those of one tier, even if drawn at random, do not speak for the whole set: ``chosen``."""
    queue = wanted.queue
    if not wanted.tiers:
        return queue_of(run, queue, votes)
    names = frozenset(name for name, tier in ledger.tiers().items() if tier in wanted.tiers)
    found = [one for one in queue_of(run, queue._replace(size=None), votes) if one.question in names][: queue.size]
    return [one._replace(drawn="chosen") if one.drawn == "audit" else one for one in found]


def _lot(seed: int, name: str) -> str:
    return digest([seed, name], _ID_BYTES)


def _nothing(run: RunDirectory, wanted: PackWanted) -> str:
    what = "chain of thought" if wanted.queue.chains else "record"
    kind = "" if wanted.queue.kind == "audit" else f" for the queue {wanted.queue.kind!r}"
    tier = f" of tier {' or '.join(wanted.tiers)}" if wanted.tiers else ""
    other = "" if wanted.queue.chains else "; --chains packs chains of thought, kept or not"
    return f"{run.path} has no {what}{tier}{kind} to review{other}"


def shared_out(queue: Sequence[Queued], wanted: PackWanted) -> list[list[Queued]]:
    """The texts of each reviewer in the queue's order: some at random for all, each of the others for one."""
    if wanted.reviewers == 1:
        return [list(queue)]
    lots = sorted(queue, key=lambda one: _lot(wanted.queue.seed, one.target))
    common = {one.target for one in lots[: round(wanted.overlap * len(queue))]}
    rest = [one.target for one in queue if one.target not in common]
    return [
        [one for one in queue if one.target in common or one.target in own]
        for own in (frozenset(rest[place :: wanted.reviewers]) for place in range(wanted.reviewers))
    ]


def _pack(chosen: Sequence[tuple[Queued, Target]]) -> Pack:
    texts = tuple(_packed(one.drawn, target) for one, target in chosen)
    name = digest([[one.target, one.text_hash] for one in texts], _ID_BYTES)
    return Pack(pack=name, types=dict(TYPES), texts=texts)


def _packed(drawn: Drawn, target: Target) -> PackedText:
    question = target.question
    return PackedText(
        target=target.id,
        text_hash=target.hash,
        drawn=drawn,
        stem=_shown(question.stem),
        options=tuple(map(_shown, question.options)),
        steps=tuple(Piece(*span, _shown(span.of(target.text))) for span in split_steps(target.text)),
        key=question.answer,
        reference=None if question.reference is None or question.options else _shown(question.reference),
        context=None if question.context is None else _shown(question.context),
        response=None if target.response is None else _shown(target.response),
    )


def _shown(text: str) -> str:
    """A text as it may leave this machine: nothing that a page would obey, no key of a service."""
    return visible(conceal(text))
