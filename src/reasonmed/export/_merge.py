"""Several runs in one export: a question that more than one of them has is taken once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.export._manifest import Duplicate
from reasonmed.questions.normal import normal, question_hash
from reasonmed.runs.records import before_and_after
from reasonmed.runs.stories import REFRESHED
from reasonmed.types import Question, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.manifest import Manifest
    from reasonmed.runs.reviews.rulings import Rulings
    from reasonmed.types import Story

_BLANK = {name: getattr(Question("", "", ()), name) for name in REFRESHED}
_SHOWN = 5


class Part(NamedTuple):
    """A run that an export takes from: its number from 1 among them, its ledger at one moment, its manifest.

    ``rulings`` are those of its reviewers; None where nobody voted.
    """

    number: int
    ledger: Ledger
    manifest: Manifest
    rulings: Rulings | None = None


class _Member(NamedTuple):
    run: int
    id: str
    has_records: bool
    has_key: bool
    """Whether its file gives the key: not where the models voted on it, or nobody knows it."""
    key: str | None
    """The key's text in normal form; None where there is none, or it is an answer in words."""


class _Known(NamedTuple):
    run: int
    content: str
    answer: int | None


class Copies:
    """Questions of several runs that an export leaves out, because another run's copy is taken or their keys differ.

    Questions are the same where context, stem and options are, in normal form and any order of options. The first run
    with a record of a question gives it, the first of all where none has one; a question whose keys differ between runs
    is left out of all. A copy with a key of its file goes before one whose key is a vote, and then no vote counts.

    Args:
        parts: the runs, in the order that was asked for; copies within one run are left as they are.

    Raises:
        UsageError: an id stands for different questions in two runs.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.duplicates: list[Duplicate] = []
        self.names: dict[str, list[str]] = {}
        """The ids of the copies that are left out, by the id of the one that is taken."""
        self._left: dict[tuple[int, str], str] = {}
        for members in _groups(parts) if len(parts) > 1 else ():
            if len({one.run for one in members}) > 1:
                self._settle(members)

    def left_out(self, run: int, question_id: str) -> str | None:
        """Why a run's question is left out; None where it is not."""
        return self._left.get((run, question_id))

    def _settle(self, members: list[_Member]) -> None:
        known = [one for one in members if one.has_key] or members
        first = next((one for one in known if one.has_records), known[0])
        differ = len({one.key for one in known if one.key is not None}) > 1
        for one in members:
            if differ:
                self._left[one.run, one.id] = "key_differs"
            elif one.run != first.run:
                self._left[one.run, one.id] = "duplicate"
                self.duplicates.append(Duplicate(one.id, one.run, first.id, first.run))
        taken = [] if differ else [one.id for one in members if one.run == first.run]
        self.names |= {name: [one.id for one in members if one.run != first.run] for name in taken}


def _groups(parts: Sequence[Part]) -> Iterable[list[_Member]]:
    """The finished questions of all runs, those together that are the same."""
    groups: dict[str, list[_Member]] = {}
    known: dict[str, _Known] = {}
    clashes: list[str] = []
    for part in parts:
        for row, story in before_and_after(part.ledger):
            question = row.question
            mine = _Known(part.number, digest(replace(question, **_BLANK)), question.answer)
            other = known.setdefault(question.id, mine)
            if other.content != mine.content:
                what = "another key" if other.answer != mine.answer else "another content"
                clashes.append(f"{question.id!r:.100} has {what} in run {part.number} than in run {other.run}")
            groups.setdefault(question_hash(question), []).append(_member(part.number, story))
    if clashes:
        more = f" and {len(clashes) - _SHOWN:,} more" if len(clashes) > _SHOWN else ""
        raise UsageError(
            f"these runs cannot be exported together: {'; '.join(clashes[:_SHOWN])}{more}. Correct keys with "
            "`reasonmed run ... --keys`, give different questions different ids, or export the runs apart"
        )
    return groups.values()


def _member(run: int, story: Story) -> _Member:
    question = story.question
    key = None if question.answer is None else normal(question.options[question.answer])
    has_key = not question.options or (key is not None and question.answer_source == "key")
    return _Member(run, question.id, story.failure is None and bool(story.kept), has_key, key)


def refuse_unlike(manifests: Sequence[Manifest], names: Sequence[str]) -> None:
    """Refuse runs that one export cannot describe.

    Raises:
        UsageError: a run is given twice, or runs have different formats.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{twice[0]} is given twice; give each run once")
    if len({one.format for one in manifests}) > 1:
        made = ", ".join(f"{name}: format {one.format}" for name, one in zip(names, manifests, strict=True))
        raise UsageError(
            f"these runs cannot be exported together ({made}); start runs of this version that reuse the older ones' "
            "replies: -o NEW --fork OLD"
        )
