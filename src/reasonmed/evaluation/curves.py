"""What the answers that are there say beyond accuracy: of fewer samples, of a smaller limit, of the probabilities."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from reasonmed.evaluation.scores import Calibration, Limited, Samples
from reasonmed.report.statistics.calibration import bins, brier, expected_error, softmax
from reasonmed.report.statistics.samples import majority_at, pass_at, sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.evaluation.answers import Result

_SHORTEST = 32
"""The smallest limit of tokens that is looked at."""


def samples(results: Sequence[Result]) -> list[Samples]:
    """By numbers k of answers: the share of questions that the majority of k gets right, and that one of k does.

    Both are exact means over all choices of k out of the answers, orders of options among them; an even vote counts
    half. Empty where each question is asked once.
    """
    most = min((len(one.statuses) for one in results), default=0)
    if most < 2:  # noqa: PLR2004 - a curve takes two
        return []
    return [
        Samples(
            k=k,
            majority=fmean(majority_at(one.votes, one.key, k) for one in results),
            passed=fmean(pass_at(len(one.statuses), one.statuses.count("correct"), k) for one in results),
        )
        for k in sizes(most)
    ]


def budget(results: Sequence[Result]) -> list[Limited]:
    """Accuracy by a limit of tokens a reply, from the replies that are there: a longer one would have been cut.

    Empty where the tokens of a reply are not known.
    """
    if not results or any(len(one.tokens) != len(one.statuses) for one in results):
        return []
    longest = max(max(one.tokens) for one in results)
    limits = [_SHORTEST]
    while limits[-1] < longest:
        limits.append(2 * limits[-1])
    return [Limited(limit, fmean(_within(one, limit) for one in results)) for limit in limits]


def _within(one: Result, limit: int) -> float:
    """The share of a question's answers that are right and no longer than this."""
    pairs = zip(one.statuses, one.tokens, strict=True)
    return sum(status == "correct" and tokens <= limit for status, tokens in pairs) / len(one.statuses)


def calibration(results: Sequence[Result]) -> Calibration | None:
    """ECE and Brier score of the options' shares of likelihood; None by a protocol that takes none."""
    scored = [(softmax(one.scores), one) for one in results if one.scores]
    if not scored:
        return None
    found = bins([(max(shares), one.right) for shares, one in scored])
    return Calibration(
        n=len(scored),
        ece=expected_error(found),
        brier=fmean(brier(shares, ord(one.key) - ord("A")) for shares, one in scored),
        bins=[one._asdict() for one in found],
    )
