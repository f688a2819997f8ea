"""How far reviewers agree, with each other and with the judge: accept against reject or edit, without who defers."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from math import isnan
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.questions.ids import question_of
from reasonmed.report.statistics.agreement import kappa
from reasonmed.report.statistics.krippendorff import alpha_by_cluster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reasonmed.report.statistics.intervals import Interval
    from reasonmed.runs.reviews.placed import Placed
    from reasonmed.runs.reviews.votes import Vote

FEWEST = 10
"""Texts that two have both decided on below which their agreement beyond chance is not computed."""
_JUDGED_RIGHT = {"correct": True, "error": False}
_VARIES_NOT = "each of them always decides alike, so that chance alone explains it"


class Estimate(Struct, frozen=True):
    """A value with the bounds of its interval of 95 %."""

    value: float
    low: float
    high: float


class Between(Struct, frozen=True, kw_only=True):
    """How far two agree: on how many of the texts on which both decided. Without ``kappa``, ``why`` says why."""

    first: str
    second: str
    shared: int
    agreed: int
    kappa: Estimate | None = None
    why: str = ""


class Accepted(Struct, frozen=True):
    """Of so many texts with one outcome of the judge, how many a reviewer accepted."""

    decided: int
    accepted: int


class ReviewerSums(Struct, frozen=True, kw_only=True):
    """A reviewer's valid votes; ``by_judge`` has them by the judge's outcome, ``judge`` sets them beside it."""

    reviewer: str
    role: str
    votes: int
    deferred: int
    accepted: int
    by_judge: dict[str, Accepted]
    judge: Between


class Opinion(Struct, frozen=True, kw_only=True):
    """What one reviewer said of a text."""

    reviewer: str
    decision: str
    error_type: str | None
    reason: str
    note: str
    key_is_wrong: bool
    key: str


class Disagreement(Struct, frozen=True, kw_only=True):
    """A text on which reviewers disagree, about the ``text`` or whether the ``key`` is wrong."""

    target: str
    about: tuple[str, ...]
    judge: str
    said: tuple[Opinion, ...]


class Agreement(Struct, frozen=True, kw_only=True):
    """All of it. ``several`` is the number of texts on which two reviewers or more have decided."""

    votes: int
    stale: int
    reviewers: tuple[ReviewerSums, ...]
    pairs: tuple[Between, ...]
    several: int
    alpha: Estimate | None
    why: str
    disagreements: tuple[Disagreement, ...]


def agreement(rows: Sequence[Placed]) -> Agreement:
    """The agreement of the last votes of each reviewer; those on texts that have changed are only counted."""
    valid = [row for row in rows if not row.stale]
    by_text: dict[str, list[Placed]] = defaultdict(list)
    for row in sorted(valid, key=lambda one: one.vote.reviewer):
        if row.vote.says_right is not None:
            by_text[row.vote.target].append(row)
    several = {name: given for name, given in sorted(by_text.items()) if len(given) > 1}
    alpha, why = _alpha(several)
    return Agreement(
        votes=len(rows),
        stale=len(rows) - len(valid),
        reviewers=tuple(_sums(valid)),
        pairs=tuple(_pairs(several.values())),
        several=len(several),
        alpha=alpha,
        why=why,
        disagreements=tuple(_disagreements(several)),
    )


def between(first: str, second: str, decided: Iterable[tuple[bool, bool]]) -> Between:
    """The agreement of two, from what both said of each text."""
    counts = Counter(decided)
    table = [counts[said] for said in ((True, True), (True, False), (False, True), (False, False))]
    found = Between(first=first, second=second, shared=sum(table), agreed=table[0] + table[3])
    if found.shared < FEWEST:
        return _without(found, f"{found.shared} of at least {FEWEST} texts")
    value = kappa(*table)
    if isnan(value.value):
        return _without(found, _VARIES_NOT)
    return Between(first=first, second=second, shared=found.shared, agreed=found.agreed, kappa=_estimate(value))


def _without(found: Between, why: str) -> Between:
    return Between(first=found.first, second=found.second, shared=found.shared, agreed=found.agreed, why=why)


def _estimate(found: Interval) -> Estimate:
    return Estimate(found.value, found.low, found.high)


def _alpha(several: Mapping[str, Sequence[Placed]]) -> tuple[Estimate | None, str]:
    """Of all reviewers; the interval is that of resampled questions, whose texts are alike."""
    if len(several) < FEWEST:
        return None, f"{len(several)} of at least {FEWEST} texts"
    clusters: dict[str, list[list[bool | None]]] = defaultdict(list)
    for name, given in several.items():
        clusters[question_of(name)].append([row.vote.says_right for row in given])
    value = alpha_by_cluster(clusters.values())
    return (None, _VARIES_NOT) if isnan(value.value) else (_estimate(value), "")


def _pairs(texts: Iterable[Sequence[Placed]]) -> list[Between]:
    found: dict[tuple[str, str], list[tuple[bool, bool]]] = defaultdict(list)
    for given in texts:
        for one, other in combinations(given, 2):
            pair = (one.vote.reviewer, other.vote.reviewer)
            found[pair].append((bool(one.vote.says_right), bool(other.vote.says_right)))
    return [between(*pair, decided) for pair, decided in sorted(found.items())]


def _sums(valid: Iterable[Placed]) -> list[ReviewerSums]:
    by_reviewer: dict[str, list[Placed]] = defaultdict(list)
    for row in valid:
        by_reviewer[row.vote.reviewer].append(row)
    return [_sum(name, rows) for name, rows in sorted(by_reviewer.items())]


def _sum(name: str, rows: Sequence[Placed]) -> ReviewerSums:
    decided = [row for row in rows if row.vote.says_right is not None]
    outcomes = sorted({row.judged for row in decided})
    beside = [(bool(row.vote.says_right), _JUDGED_RIGHT[row.judged]) for row in decided if row.judged in _JUDGED_RIGHT]
    return ReviewerSums(
        reviewer=name,
        role=next((row.vote.role for row in reversed(rows) if row.vote.role), ""),
        votes=len(rows),
        deferred=len(rows) - len(decided),
        accepted=_accepted(decided).accepted,
        by_judge={one: _accepted([row for row in decided if row.judged == one]) for one in outcomes},
        judge=between(name, "judge", beside),
    )


def _accepted(decided: Sequence[Placed]) -> Accepted:
    return Accepted(len(decided), sum(row.vote.says_right is True for row in decided))


def _disagreements(several: Mapping[str, Sequence[Placed]]) -> list[Disagreement]:
    found = []
    for name, given in several.items():
        about = [
            what
            for what, said in (
                ("text", {row.vote.says_right for row in given}),
                ("key", {row.vote.key_is_wrong for row in given}),
            )
            if len(said) > 1
        ]
        if about:
            said = tuple(_opinion(row.vote) for row in given)
            found.append(Disagreement(target=name, about=tuple(about), judge=given[0].judged, said=said))
    return found


def _opinion(vote: Vote) -> Opinion:
    return Opinion(
        reviewer=vote.reviewer,
        decision=vote.decision,
        error_type=vote.error_type,
        reason=vote.reason,
        note=vote.note,
        key_is_wrong=vote.key_is_wrong,
        key=vote.key,
    )
