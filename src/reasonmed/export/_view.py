"""What an export takes of a run: the questions, their records and their split, as often as a format goes over them."""

from __future__ import annotations

from collections import Counter
from copy import copy
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.export._lengths import TooLong
from reasonmed.export._manifest import Split
from reasonmed.export._merge import Copies
from reasonmed.export._order import outside, place_of
from reasonmed.export._reviewed import Reviewed
from reasonmed.export._splits import split_of_questions
from reasonmed.export._text import unread_endings
from reasonmed.processes import in_order
from reasonmed.questions.held_out import declared_split
from reasonmed.questions.ids import chain_id
from reasonmed.runs.records import outcomes, records_of, scores_of
from reasonmed.runs.stories import unpack_story

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.export._merge import Part
    from reasonmed.export._settings import Settings
    from reasonmed.types import Question, Record, Story

_GROUP, _ALONE = 100, 20
"""Records whose endings one process reads at a time, and how many such groups are not worth another process."""


class Case(NamedTuple):
    """A question that an export takes: all that happened to it, the records that are taken, and its split.

    ``barred`` are the texts of its records that are left out and of chains that a finding names: they go into no
    format.
    """

    story: Story
    split: str
    records: tuple[Record, ...]
    barred: frozenset[str]

    @property
    def question(self) -> Question:
        """The question itself; it has a key, or no options."""
        return self.story.question


class Row(NamedTuple):
    """A record that an export takes, its split, and the story that it comes from."""

    record: Record
    split: str
    story: Story


class View:
    """What an export takes of its runs. Goes over the ledgers each time; counts once, when it is made.

    Args:
        parts: runs of the whole pipeline; of one that is under way, one moment of it.
        settings: what is left out, and how questions are split.

    Raises:
        UsageError: an id stands for different questions in two runs.
    """

    def __init__(self, parts: Sequence[Part], settings: Settings) -> None:
        self.settings = settings
        self._parts = parts
        self._given: Iterator[Case] | None = None
        self.unfinished = sum(part.ledger.count_pending() for part in parts)
        """How many questions of the runs have no outcome yet."""
        self._copies = Copies(parts)
        self._reviewed = {part.number: Reviewed(part.rulings, settings.reviewed) for part in parts}
        self.duplicates = self._copies.duplicates
        """Questions that are left out because another run's copy is taken."""
        stories = chain.from_iterable(outcomes(part.ledger) for part in parts)
        pending = chain.from_iterable(part.ledger.pending(unpack_story) for part in parts)
        self._splits = split_of_questions(
            stories,
            settings.shares,
            settings.seed,
            redraw=settings.redraw,
            unfinished=(story.question for story in pending),
        )
        self.of_runs: Counter[int] = Counter()
        """How many questions are taken of each run, by its number."""
        self.records_of_runs: Counter[int] = Counter()
        self.records: Counter[str] = Counter()
        """How many records each split has."""
        self.questions: Counter[str] = Counter()
        """How many questions each split has, with and without records."""
        self.own_split = 0
        """How many of them keep the validation or test split of their own file."""
        self.left_out: Counter[str] = Counter()
        """How many records are left out, by reason."""
        self.questions_left_out: Counter[str] = Counter()
        self.chains_left_out: Counter[str] = Counter()
        """How many generated chains of questions that are taken are left out, by the finding or the review."""
        self._unread: set[str] = set()
        for found in in_order(self._groups(), unread_endings, alone=_ALONE):
            self._unread.update(found)
        self._too_long = TooLong(settings.longest, self._texts())
        self._order: list[tuple[tuple[bool, float, str], int, str]] = []
        """The questions that are taken, each by its place, its run and its id; empty in the order of the runs."""
        for part in parts:
            for told in self._told_of(part):
                self._count(part, *told)
        self._order.sort()

    def cases(self) -> Iterator[Case]:
        """The questions that are taken, run by run, each in input order."""
        given, self._given = self._given, None
        return self._read() if given is None else given

    def given(self, cases: Iterator[Case]) -> View:
        """The same view, which whoever goes over it first finds read already."""
        made = copy(self)
        made._given = cases  # noqa: SLF001 - its own
        return made

    def _read(self) -> Iterator[Case]:
        if self.settings.order != "given":
            yield from self._in_order()
            return
        for part in self._parts:
            for story, records, reason in self._told_of(part):
                if reason is None:
                    yield self._case(part, story, records)

    def _in_order(self) -> Iterator[Case]:
        parts = {part.number: part for part in self._parts}
        for _, number, name in self._order:
            part = parts[number]
            story = part.ledger.outcome(name, unpack_story)
            if story is None:
                raise part.ledger.refuse(f"the outcome of {name!r:.100}", "it is gone")
            yield self._case(part, story, self._records_taken(part, story))

    def _case(self, part: Part, story: Story, records: list[Record]) -> Case:
        left = {record.id for record in records if self._of_record(part.number, record) is not None}
        barred = [record.chain_of_thought for record in records if record.id in left]
        barred += [text for text, rule in self._chains(part, story) if rule is not None]
        barred += [one.chain.text for one in story.rewrites if one.chain.text in self._too_long]
        taken = tuple(record for record in records if record.id not in left)
        return Case(story, self._splits[story.question.id], taken, frozenset(barred))

    def _groups(self) -> Iterator[list[Record]]:
        """The records of questions that are taken, without what no text says, in groups."""
        told = chain.from_iterable(map(self._told_of, self._parts))
        taken = chain.from_iterable(records for _, records, reason in told if reason is None)
        while group := [replace(one, provenance={}, meta={}, steps=()) for one in islice(taken, _GROUP)]:
            yield group

    def _texts(self) -> Iterator[str]:
        """Every chain of thought of the questions that are taken, and of their records."""
        for story, records, reason in chain.from_iterable(map(self._told_of, self._parts)):
            if reason is None:
                yield from (one.text for one in story.chains)
                yield from (one.chain.text for one in story.rewrites)
                yield from (one.chain_of_thought for one in records)

    def rows(self) -> Iterator[Row]:
        """The records that are taken, in input order."""
        for case in self.cases():
            for record in case.records:
                yield Row(record, case.split, case.story)

    def splits(self) -> dict[str, Split]:
        """The splits that have questions, with how much each has."""
        return {name: Split(self.questions[name], self.records[name]) for name in sorted(self.questions)}

    def _count(self, part: Part, story: Story, records: list[Record], reason: str | None) -> None:
        run = part.number
        split = self._splits[story.question.id]
        if reason is None:
            self.of_runs[run] += 1
            self.questions[split] += 1
            if self.settings.order != "given":
                place = place_of(story, self.settings.order, self.settings.seed)
                self._order.append((place, run, story.question.id))
            self.own_split += declared_split(story.question) is not None and not self.settings.redraw
            self.chains_left_out.update(rule for _, rule in self._chains(part, story) if rule is not None)
        else:
            self.questions_left_out[reason] += 1
        for record in records:
            left = reason or self._of_record(run, record)
            if left is None:
                self.records[split] += 1
                self.records_of_runs[run] += 1
            else:
                self.left_out[left] += 1

    def _told_of(self, part: Part) -> Iterator[tuple[Story, list[Record], str | None]]:
        """Every story of a run with its records, and why its question is left out."""
        for story in outcomes(part.ledger):
            name, review = story.question.id, self._reviewed[part.number]
            left = self._copies.left_out(part.number, name) or self._of_question(story) or review.of_question(name)
            yield story, self._records_taken(part, story), left

    def _records_taken(self, part: Part, story: Story) -> list[Record]:
        """The records of a story as reviewers edited them."""
        return list(map(self._reviewed[part.number].edited, self._records_of(part, story)))

    def _records_of(self, part: Part, story: Story) -> list[Record]:
        """The records of a story as its run has them."""
        return records_of(story, part.manifest, scores_of(part.ledger, story.question.id))

    def _of_question(self, story: Story) -> str | None:
        question, wanted = story.question, self.settings
        if question.options and question.answer is None:
            return "no_key"
        failed = story.failure is not None and story.failure.reason == "key_disputed"
        if (failed or "key_disputed" in story.flags) and not wanted.disputed:
            return "key_disputed"
        if question.answer_source == "consensus" and not wanted.consensus:
            return "consensus"
        kept = (
            ("tier", wanted.tiers, story.tier),
            ("source", wanted.sources, question.source),
            ("license", wanted.licenses, question.license),
        )
        for name, allowed, own in kept:
            if allowed and own not in allowed:
                return name
        rate = outside(story, wanted.pass_rate)
        if rate is not None:
            return rate
        names = (question.id, *self._copies.names.get(question.id, ()))
        return next(filter(None, map(self._dropped, names)), None)

    def _of_record(self, run: int, record: Record) -> str | None:
        if "key_disputed" in record.flags and not self.settings.disputed:
            return "key_disputed"
        return self._reviewed[run].of_record(record) or self._by_quality(record) or self._dropped(record.id)

    def _by_quality(self, record: Record) -> str | None:
        if not record.verified and self.settings.verified_only:
            return "unverified"
        if record.id in self._unread:
            return "unread_ending"
        if record.chain_of_thought in self._too_long:
            return "cot_tokens"
        least = self.settings.min_score
        if least is not None and (record.score is None or record.score < least):
            return "unscored" if record.score is None else "score"
        share = self.settings.min_step_share
        if share is not None and (record.step_share is None or record.step_share < share):
            return "no_steps" if record.step_share is None else "step_share"
        return None

    def _chains(self, part: Part, story: Story) -> Iterator[tuple[str, str | None]]:
        """The texts of the generated chains, each with the finding that names it or the review that contests it."""
        out = self._reviewed[part.number].texts_out(story.question.id, lambda: self._records_of(part, story))
        for number, one in enumerate(story.chains, 1):
            rule = self._dropped(chain_id(story.question.id, number)) or ("review" if one.text in out else None)
            yield one.text, rule or ("cot_tokens" if one.text in self._too_long else None)

    def _dropped(self, name: str) -> str | None:
        rule = self.settings.drops.rules.get(name) if self.settings.drops else None
        return None if rule is None else f"finding:{rule}"
