"""Train, validation and test, by question: seeded, stratified by source and tier, no stem in two of them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.export._settings import SPLITS
from reasonmed.questions.held_out import declared_split
from reasonmed.questions.normal import stem_hash
from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reasonmed.types import Question, Story


class _Group(NamedTuple):
    """Questions with one stem: they go together."""

    stratum: tuple[str, str]
    draw: str
    declared: str | None
    ids: list[str]


def split_of_questions(
    stories: Iterable[Story],
    shares: tuple[float, float, float],
    seed: int,
    *,
    redraw: bool = False,
    unfinished: Iterable[Question] = (),
) -> dict[str, str]:
    """The split of every question, by id.

    All questions of the run take part, whatever an export leaves out: other filters never move a question from one
    split to another. A question that its own file calls validation or test stays there, with all that share its stem,
    unless ``redraw``; questions of the run that are unfinished hold out those of their stem too.
    """
    groups: dict[str, _Group] = {}
    for story in stories:
        question = story.question
        stem = stem_hash(question)
        declared = None if redraw else declared_split(question)
        old = groups.get(stem)
        if old is None:
            stratum = (question.source or "", str(story.tier or ""))
            groups[stem] = _Group(stratum, digest((seed, stem)), declared, [question.id])
            continue
        old.ids.append(question.id)
        groups[stem] = _held_out(old, declared)
    for question in () if redraw else unfinished:
        stem = stem_hash(question)
        if stem in groups:
            groups[stem] = _held_out(groups[stem], declared_split(question))
    return dict(_assigned(groups.values(), shares))


def _held_out(group: _Group, declared: str | None) -> _Group:
    return group if declared is None or group.declared == "test" else group._replace(declared=declared)


def _assigned(groups: Iterable[_Group], shares: tuple[float, float, float]) -> Iterator[tuple[str, str]]:
    """Walk the strata one after another; each group goes where most is missing of what the shares promise."""
    counts = [0] * len(SPLITS)
    ordered = sorted(groups, key=lambda group: (group.stratum, group.draw))
    for _, stratum in groupby(ordered, key=lambda group: group.stratum):
        for group in stratum:
            split = group.declared
            if split is None:
                drawn = sum(counts) + 1
                missing = [share * drawn - count for share, count in zip(shares, counts, strict=True)]
                place = missing.index(max(missing))
                counts[place] += 1
                split = SPLITS[place]
            yield from ((name, split) for name in group.ids)
