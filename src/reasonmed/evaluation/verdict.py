"""The sentence that a comparison allows, and the questions that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasonmed.evaluation.answers import Side
    from reasonmed.evaluation.comparisons import Difference, Margin, Unread

SIGNIFICANT = 0.05
ONE_SIDED = 0.025
TOO_MANY = 0.1
"""Above this share of answers that were not read, a difference says little about what the models know."""
NO_DIFFERENCE = "no answer differs"


def in_words(found: Difference, first: str, second: str) -> str:
    """What a comparison allows to be said of the second model against the first."""
    if max(found.unread.first, found.unread.second) > TOO_MANY:
        return not_read(found.unread, found.difference.value, (first, second))
    if not found.differing:
        return NO_DIFFERENCE + _margin(found.margin)
    said = _difference(found) + _vote(found)
    return said if said.startswith("better") else said + _margin(found.margin)


def not_read(unread: Unread, value: float, names: tuple[str, str]) -> str:
    """Why nothing is said of which model is better."""
    first, second = names
    return (
        f"no headline: {100 * unread.first:.1f} % of the answers of {first} and {100 * unread.second:.1f} % of "
        f"{second} were not read (cut, unparsed or failed); {100 * unread.difference:+.1f} of the "
        f"{100 * value:+.1f} points are such unread answers"
    )


def _difference(found: Difference) -> str:
    points, n = 100 * found.difference.value, found.distinct
    if found.p_holm < SIGNIFICANT:
        return f"{'better' if points > 0 else 'worse'} by {abs(points):.1f} points"
    least = found.detectable
    if least is None:
        return f"not distinguishable at this n ({n:,}): the two differ on too few questions for any test"
    return (
        f"not distinguishable at this n ({n:,}): with this share of differing answers, a true difference of "
        f"{100 * least:.1f} points would be found four times in five"
    )


def _vote(found: Difference) -> str:
    """What the majority vote came to, where it went the other way."""
    if found.majority is None:
        return ""
    first, second = found.majority
    if (second - first) * found.difference.value >= 0:
        return ""
    return (
        f"; that is the mean over answers, while the majority vote went from {100 * first:.1f} to {100 * second:.1f} %"
    )


def _margin(found: Margin | None) -> str:
    if found is None:
        return ""
    ruled_out = found.p_holm < ONE_SIDED
    return f"; {'no' if ruled_out else 'not shown to be no'} worse than {100 * found.margin:g} points"


def subset(first: Side, second: Side) -> str:
    """Which questions a comparison of two models is about: ``clean``, or what is not known of them."""
    known = [one for one in (second, first) if one.stems is not None]
    partly = next((one for one in known if not one.whole), None)
    if not known:
        return "all questions; what the model was trained on is not known"
    if second.stems is None:
        return f"without what {first.name} was trained on; what {second.name} was trained on is not known"
    if partly is not None:
        return f"clean as far as known; of some rows that {partly.name} was trained on, the question is not recorded"
    return "clean"
