"""Two models on the same questions: what differs, and how sure that is. One difference has its sign, p and interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.evaluation.answers import Side, always, replies
from reasonmed.evaluation.comparisons import Comparison, Difference, Margin, Unread
from reasonmed.evaluation.forms import apart
from reasonmed.evaluation.metrics import clean_of, told_interval
from reasonmed.evaluation.verdict import in_words, subset
from reasonmed.report.statistics.paired import bootstrap, holm, no_worse, sign_flip, spread
from reasonmed.report.statistics.power import detectable_paired, detectable_spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reasonmed.evaluation.answers import Result


_DIGITS = 12
"""So that gaps of equal shares are equal, and those of alike models add up to nought."""


class _Pair(NamedTuple):
    """A question with its copies, in the answers of both."""

    first: list[Result]
    second: list[Result]


def compare(
    first: Sequence[Result], second: Sequence[Result], seed: int = 0, margin: float | None = None
) -> Difference:
    """The second model against the first on the questions that both were asked, paired by their content.

    The difference is in the mean share of right answers; sign, p and interval are all of it. ``differing`` counts
    questions with any answer that is not the same or of the same kind; ``only_first`` and ``only_second`` those that
    one of the two gets right more often.

    Args:
        first: the answers of one model.
        second: those of the other.
        seed: of the bootstrap, and of the signs that are drawn.
        margin: a loss of accuracy, as a share, that is no matter.

    Raises:
        ValueError: they have no question in common.
    """
    pairs = _paired(first, second)
    if not pairs:
        raise ValueError("the two have no question in common")
    both = [(one, other) for pair in pairs for one, other in zip(pair.first, pair.second, strict=True)]
    gaps = [round(other.right - one.right, _DIGITS) for one, other in both]
    marks = [one.mark for one, _ in both]
    n = len(both)
    only_first = sum(one.right > other.right for one, other in both)
    only_second = sum(other.right > one.right for one, other in both)
    repeated = any(len(one.statuses) > 1 or len(other.statuses) > 1 for one, other in both)
    simple = not repeated and len(pairs) == n
    return Difference(
        n=n,
        distinct=len(pairs),
        unpaired=len(first) + len(second) - 2 * n,
        first=sum(one.right for one, _ in both) / n,
        second=sum(other.right for _, other in both) / n,
        majority=[sum(pair[side].vote for pair in both) / n for side in (0, 1)] if repeated else None,
        difference=told_interval(bootstrap(gaps, marks, seed=seed)),
        differing=sum(replies(one) != replies(other) for one, other in both),
        always=[always([pair[side] for pair in both]) for side in (0, 1)],
        unread=_unread(both),
        only_first=only_first,
        only_second=only_second,
        p=sign_flip(gaps, marks, seed=seed),
        detectable=detectable_paired(n, (only_first + only_second) / n)
        if simple
        else detectable_spread(len(pairs), spread(gaps, marks)),
        margin=None if margin is None else _margin(gaps, marks, margin),
    )


def _paired(first: Sequence[Result], second: Sequence[Result]) -> list[_Pair]:
    """Questions that both were asked, by content; of copies as many as both have."""
    mine, theirs = _by_content(first), _by_content(second)
    found = []
    for mark, others in theirs.items():
        ones = mine.get(mark, [])
        size = min(len(ones), len(others))
        if size:
            found.append(_Pair(ones[:size], others[:size]))
    return found


def _count(pairs: Iterable[_Pair]) -> int:
    """The number of questions, copies among them."""
    return sum(len(pair.first) for pair in pairs)


def _by_content(results: Iterable[Result]) -> dict[tuple[str, str], list[Result]]:
    found: dict[tuple[str, str], list[Result]] = {}
    for one in results:
        found.setdefault((one.benchmark, one.mark), []).append(one)
    return found


def _unread(both: Sequence[tuple[Result, Result]]) -> Unread:
    """Shares of answers that were cut, unparsed or failed, and how much of the difference is against such answers."""
    n = len(both)
    return Unread(
        first=sum(one.unread for one, _ in both) / n,
        second=sum(other.unread for _, other in both) / n,
        difference=sum(one.unread * other.right - other.unread * one.right for one, other in both) / n,
    )


def _margin(gaps: Sequence[float], marks: Sequence[str], margin: float) -> Margin:
    low, p = no_worse(gaps, margin, marks)
    return Margin(margin, low, p)


def compare_all(
    first: Sequence[Result],
    second: Sequence[Result],
    seed: int = 0,
    stems: frozenset[str] | None = None,
    margin: float | None = None,
) -> dict[str, Difference]:
    """A comparison for each benchmark that both were asked, settled by themselves.

    With ``stems`` only questions count whose stem is not among them; ``trained_on`` says how many those are, and a
    benchmark without any other question is left out.
    """
    told = {}
    for name in dict.fromkeys(one.benchmark for one in first):
        mine, theirs = ([one for one in side if one.benchmark == name] for side in (first, second))
        shared = _count(_paired(mine, theirs))
        if stems is not None:
            mine, theirs = clean_of(mine, stems), clean_of(theirs, stems)
        if left := _count(_paired(mine, theirs)):
            told[name] = replace(compare(mine, theirs, seed, margin), trained_on=shared - left)
    settle([("the first", "the second", told)])
    return told


def against(first: Side, second: Side, seed: int = 0, margin: float | None = None) -> Comparison:
    """The second model against the first on the questions that neither was trained on, as far as that is known.

    The words are those of this pair alone until `settle` has seen all pairs of a table.
    """
    known = [side.stems for side in (first, second) if side.stems is not None]
    stems = frozenset().union(*known)
    shared = _paired(first.results, second.results)
    return Comparison(
        first=first.name,
        second=second.name,
        subset=subset(first, second),
        remarks=apart((first.name, first.form), (second.name, second.form)),
        trained_on=_count(pair for pair in shared if stems.intersection(pair.first[0].stems)),
        benchmarks=compare_all(first.results, second.results, seed, stems, margin),
    )


def settle(pairs: Sequence[tuple[str, str, dict[str, Difference]]]) -> None:
    """Correct the p values of all comparisons of a table by Holm, over models and benchmarks, and write their words.

    Each pair has the names of its models and its comparisons by benchmark.
    """
    places = [(first, second, told, name) for first, second, told in pairs for name in told]
    for (*_, told, name), p in zip(places, holm([told[name].p for *_, told, name in places]), strict=True):
        told[name] = replace(told[name], p_holm=p)
    limits = [(told, name, limit) for *_, told, name in places if (limit := told[name].margin) is not None]
    for (told, name, limit), p in zip(limits, holm([limit.p for *_, limit in limits]), strict=True):
        told[name] = replace(told[name], margin=replace(limit, p_holm=p))
    for first, second, told, name in places:
        told[name] = replace(told[name], words=in_words(told[name], first, second))
