"""Two models on the same questions: what differs, how sure that is, and the sentence that may be said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.evaluation.answers import always, replies
from reasonmed.evaluation.metrics import clean_of, told_interval
from reasonmed.report.statistics.paired import bootstrap, holm, mcnemar
from reasonmed.report.statistics.power import detectable_paired

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.evaluation.answers import Result

SIGNIFICANT = 0.05
NO_DIFFERENCE = "no answer differs"


def compare(first: Sequence[Result], second: Sequence[Result], seed: int) -> dict[str, Any]:
    """The second model against the first on the questions that both were asked, paired by their content.

    ``differing`` counts questions with any answer that is not the same or of the same kind; ``only_first`` and
    ``only_second`` those that one of the two gets right by its majority. The difference is in the mean share of right
    answers; its interval is a bootstrap over questions.

    Raises:
        ValueError: they have no question in common.
    """
    mine = {(one.benchmark, one.mark): one for one in first}
    pairs = [(mine[one.benchmark, one.mark], one) for one in second if (one.benchmark, one.mark) in mine]
    if not pairs:
        raise ValueError("the two have no question in common")
    only_first = sum(one.vote and not other.vote for one, other in pairs)
    only_second = sum(other.vote and not one.vote for one, other in pairs)
    found = bootstrap([other.right - one.right for one, other in pairs], seed=seed)
    n = len(pairs)
    return {
        "n": n,
        "unpaired": len(first) + len(second) - 2 * n,
        "first": sum(one.right for one, _ in pairs) / n,
        "second": sum(other.right for _, other in pairs) / n,
        "difference": told_interval(found),
        "differing": sum(replies(one) != replies(other) for one, other in pairs),
        "always": [always([pair[side] for pair in pairs]) for side in (0, 1)],
        "only_first": only_first,
        "only_second": only_second,
        "p": mcnemar(only_first, only_second),
        "detectable": detectable_paired(n, (only_first + only_second) / n),
    }


def compare_all(
    first: Sequence[Result],
    second: Sequence[Result],
    seed: int,
    stems: frozenset[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """A comparison for each benchmark that both were asked, with p values corrected by Holm over them.

    With ``stems`` only questions count whose stem is not among them; a benchmark without any is left out.
    """
    if stems is not None:
        first, second = clean_of(first, stems), clean_of(second, stems)
    shared = {(one.benchmark, one.mark) for one in first} & {(one.benchmark, one.mark) for one in second}
    names = [name for name in dict.fromkeys(one.benchmark for one in first) if any(name == held for held, _ in shared)]
    told = {
        name: compare(
            [one for one in first if one.benchmark == name], [one for one in second if one.benchmark == name], seed
        )
        for name in names
    }
    for one, p in zip(told.values(), holm([one["p"] for one in told.values()]), strict=True):
        one["p_holm"] = p
        one["words"] = in_words(one)
    return told


def in_words(found: Mapping[str, Any]) -> str:
    """What a comparison allows to be said."""
    points, n = 100 * found["difference"]["value"], found["n"]
    if not found["differing"]:
        return NO_DIFFERENCE
    if found["p_holm"] < SIGNIFICANT:
        return f"{'better' if points > 0 else 'worse'} by {abs(points):.1f} points"
    least = found["detectable"]
    if least is None:
        return f"not distinguishable at this n ({n:,}): the two differ on too few questions for any test"
    return (
        f"not distinguishable at this n ({n:,}): with this share of differing answers, a difference of "
        f"{100 * least:.1f} points is found four times in five"
    )
