"""What reviewers found in a run, in sentences: the same on the screen and on a data card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.report.figures import between, percent
from reasonmed.report.markdown import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.pipeline.judging.shares import Estimate, Share
    from reasonmed.runs.reviews.rates import JudgedChains, ReviewRates, WrongRecords


def who(found: ReviewRates) -> str:
    """How many reviewers of which roles; no names."""
    roles = ", ".join(f"{role} {number:,}" for role, number in found.roles.items())
    return f"{count(found.reviewers, 'reviewer')}{f' ({roles})' if roles else ''}"


def sentences(found: ReviewRates) -> list[str]:
    """Who read what, the error rate with its interval, and what does not count."""
    told = [f"{who(found)} decided on {count(found.texts, 'text')}, {found.at_random:,} of them drawn at random."]
    told += _of_records(found.records) if found.records else [_NO_RECORDS]
    told += _of_chains(found.chains) if found.chains else []
    left = (
        count(
            found.texts - found.at_random, "text that was not drawn at random", "texts that were not drawn at random"
        ),
        count(found.tied, "text on which reviewers are split", "texts on which reviewers are split"),
        count(found.stale, "vote on a text that has changed", "votes on a text that has changed"),
        count(found.gone, "vote on a text that is gone", "votes on a text that is gone"),
        count(found.deferred, "deferred vote"),
    )
    kept_out = ", ".join(line for line in left if not line.startswith("0 "))
    return [*told, *([f"In no rate: {kept_out}."] if kept_out else [])]


_NO_RECORDS = "No record that was drawn at random has a ruling, so the error rate of the records is not known."


def _of_records(found: WrongRecords) -> Iterator[str]:
    yield (
        f"Wrong, by the majority of its reviewers, as it was: {_share(found.wrong)} of {count(found.of, 'record')}, "
        f"from {found.wrong.count:,} of {found.wrong.of:,} drawn at random, weighted by tier."
    )
    yield from _beyond("record", found.beyond)


def _of_chains(found: JudgedChains) -> Iterator[str]:
    drawn = ", ".join(f"{one.count:,} of {one.of:,} {verdict}" for verdict, one in found.right.items())
    yield (
        f"Of {count(found.of, 'chain')} of thought the judge accepted {percent(found.accepted)}; corrected for its "
        f"errors, {_estimate(found.truly_right)} are right, and {_estimate(found.accepted_wrong)} of the accepted ones "
        f"are wrong. Its sensitivity is {_estimate(found.sensitivity)}, its specificity "
        f"{_estimate(found.specificity)}. Reviewers called right, by its verdict: {drawn}."
    )
    yield from _beyond("chain", found.beyond)


def _beyond(what: str, left: Mapping[str, int]) -> Iterator[str]:
    for name, number in left.items():
        yield f"This does not speak for {count(number, what)} ({name}), of which none was drawn."


def _share(one: Share) -> str:
    return "unknown" if one.share is None else f"{percent(one.share)} ({between(one.low, one.high, percent)})"


def _estimate(one: Estimate) -> str:
    return "unknown" if one.value is None else f"{percent(one.value)} ({between(one.low, one.high, percent)})"
