"""Keys that reviewers call wrong, and the file of fixes that ``run --keys`` takes.

A reviewer calls a question's key wrong where any vote of theirs on its texts says so. Most of those who voted must say
so; the option is the one that most of them name.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.engine.ledger import encode
from reasonmed.errors import UsageError
from reasonmed.files import write_atomically
from reasonmed.report.markdown import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from reasonmed.runs.reviews.rulings import Asked, Rulings
    from reasonmed.runs.reviews.votes import Vote
    from reasonmed.types import Question

_LONGEST = 500


class WrongKey(NamedTuple):
    """A question whose key most of its reviewers call wrong."""

    question: Question
    wrong: int
    reviewers: int
    key: str | None
    """The letter of the option that most of these name; None where they name none, or several equally often."""
    who: str
    why: str


class Written(NamedTuple):
    """How many fixes a file has, and the questions whose key is wrong without one option that takes its place."""

    fixes: int
    open: tuple[str, ...]


def wrong_keys(found: Rulings) -> list[WrongKey]:
    """The questions whose key is called wrong by most of those who voted on them."""
    return [made for one in found.asked for made in _wrong_key(one)]


def _wrong_key(asked: Asked) -> Iterator[WrongKey]:
    saying = [vote for vote in asked.votes if vote.key_is_wrong]
    reviewers, wrong = ({vote.reviewer for vote in votes} for votes in (asked.votes, saying))
    if 2 * len(wrong) <= len(reviewers):
        return
    question = asked.story.question
    named = Counter({vote.reviewer: vote.key for vote in saying if _names(question, vote.key)}.values())
    first = named.most_common(2)
    key = first[0][0] if first and (len(first) == 1 or first[0][1] > first[1][1]) else None
    agreed = f", {named[key]:,} of them name {key}" if key else ""
    said = dict.fromkeys(" ".join(f"{vote.reason} {vote.note}".split()) for vote in saying)
    reasons = "; ".join(filter(None, said))
    why = f"{len(wrong):,} of {count(len(reviewers), 'reviewer')} call the key wrong{agreed}"
    yield WrongKey(
        question, len(wrong), len(reviewers), key, _roles(saying), f"{why}: {reasons}"[:_LONGEST] if reasons else why
    )


def _names(question: Question, key: str) -> bool:
    """Whether a letter names an option of the question that is not its key."""
    place = ord(key) - ord("A") if key else -1
    return 0 <= place < len(question.options) and place != question.answer


def _roles(votes: Sequence[Vote]) -> str:
    """Reviewers by role: the file goes into a run's corrections, and from there into data cards."""
    last = {vote.reviewer: " ".join(vote.role.split()) or "reviewer" for vote in votes}
    return ", ".join(
        f"{role} {number:,}" if number > 1 else role for role, number in sorted(Counter(last.values()).items())
    )


def write_keys(found: Rulings, path: Path, *, force: bool = False) -> Written:
    """Write the file of fixes, JSON Lines with ``id``, ``key``, ``who`` and ``why``.

    Raises:
        UsageError: there is no fix to write, or, without ``force``, the file exists.
    """
    wrong = wrong_keys(found)
    fixes = [one for one in wrong if one.key is not None]
    unnamed = tuple(one.question.id for one in wrong if one.key is None)
    if not fixes:
        named = f"; {len(unnamed):,} are called wrong, and no one option is named: {unnamed[0]}" if unnamed else ""
        raise UsageError(f"no key is called wrong by most of its reviewers with another option named{named}")
    if path.exists() and not force:
        raise UsageError(f"{path} exists; give another -o, or replace it with --force")
    write_atomically(path, "".join(_line(one) for one in fixes))
    return Written(len(fixes), unnamed)


def _line(one: WrongKey) -> str:
    """A fix; letter and text of the option, since a letter alone may be the text of another option."""
    letter_ = one.key or ""
    key = f"{letter_}. {one.question.options[ord(letter_) - ord('A')]}"
    return encode({"id": one.question.id, "key": key, "who": one.who, "why": one.why}).decode() + "\n"
