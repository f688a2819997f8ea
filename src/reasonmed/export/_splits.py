"""Train, validation and test, by question: seeded, stratified by source and tier, no stem in two of them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.export._settings import SPLITS
from reasonmed.questions.normal import stem_hash
from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reasonmed.types import Question, Story

_DECLARED = {
    "test": "test",
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
}
"""What question files call their held-out splits. Questions of any other split are drawn."""


def declared_split(question: Question) -> str | None:
    """The held-out split that a question's own file puts it in."""
    return _DECLARED.get((question.split or "").strip().lower())


class _Group(NamedTuple):
    """Questions with one stem: they go together."""

    stratum: tuple[str, str]
    draw: str
    declared: str | None
    ids: list[str]


def split_of_questions(
    stories: Iterable[Story], shares: tuple[float, float, float], seed: int, *, redraw: bool = False
) -> dict[str, str]:
    """The split of every question, by id.

    All questions of the run take part, whatever an export leaves out: other filters never move a question from one
    split to another. A question that its own file calls validation or test stays there, with all that share its stem,
    unless ``redraw``.
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
        if declared is not None and old.declared != "test":
            groups[stem] = old._replace(declared=declared)
    return dict(_assigned(groups.values(), shares))


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
