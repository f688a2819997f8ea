"""What an export takes of a run: the questions, their records and their split, as often as a format goes over them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.export._manifest import Split
from reasonmed.export._splits import declared_split, split_of_questions
from reasonmed.export._text import ends_unread
from reasonmed.questions.ids import chain_id
from reasonmed.runs.records import outcomes, records_of, scores_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.engine.ledger import Ledger
    from reasonmed.export._settings import Settings
    from reasonmed.runs.records import OfRun
    from reasonmed.types import Question, Record, Story


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
    """The part of a run that an export takes. Goes over the ledger anew each time; counts once, when it is made.

    Args:
        ledger: of a run of the whole pipeline; of one that is under way, at one moment of it.
        facts: the run's manifest.
        settings: what is left out, and how questions are split.
    """

    def __init__(self, ledger: Ledger, facts: OfRun, settings: Settings) -> None:
        self.settings = settings
        self._ledger, self._facts = ledger, facts
        self.unfinished = ledger.count_pending()
        """How many questions of the run have no outcome yet."""
        self._splits = split_of_questions(outcomes(ledger), settings.shares, settings.seed, redraw=settings.redraw)
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
        """How many generated chains of questions that are taken are left out, by the finding."""
        self._unread: set[str] = set()
        for story, records, reason in self._told():
            self._unread.update(record.id for record in records if ends_unread(record))
            self._count(story, records, reason)

    def cases(self) -> Iterator[Case]:
        """The questions that are taken, in input order."""
        for story, records, reason in self._told():
            if reason is None:
                left = {record.id for record in records if self._of_record(record) is not None}
                barred = [record.chain_of_thought for record in records if record.id in left]
                barred += [text for text, rule in self._chains(story) if rule is not None]
                taken = tuple(record for record in records if record.id not in left)
                yield Case(story, self._splits[story.question.id], taken, frozenset(barred))

    def rows(self) -> Iterator[Row]:
        """The records that are taken, in input order."""
        for case in self.cases():
            for record in case.records:
                yield Row(record, case.split, case.story)

    def splits(self) -> dict[str, Split]:
        """The splits that have questions, with how much each has."""
        return {name: Split(self.questions[name], self.records[name]) for name in sorted(self.questions)}

    def _count(self, story: Story, records: list[Record], reason: str | None) -> None:
        split = self._splits[story.question.id]
        if reason is None:
            self.questions[split] += 1
            self.own_split += declared_split(story.question) is not None and not self.settings.redraw
            self.chains_left_out.update(rule for _, rule in self._chains(story) if rule is not None)
        else:
            self.questions_left_out[reason] += 1
        for record in records:
            left = reason or self._of_record(record)
            if left is None:
                self.records[split] += 1
            else:
                self.left_out[left] += 1

    def _told(self) -> Iterator[tuple[Story, list[Record], str | None]]:
        """Every story with its records, and why its question is left out."""
        for story in outcomes(self._ledger):
            records = records_of(story, self._facts, scores_of(self._ledger, story.question.id))
            yield story, records, self._of_question(story)

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
        return self._dropped(question.id)

    def _of_record(self, record: Record) -> str | None:
        if "key_disputed" in record.flags and not self.settings.disputed:
            return "key_disputed"
        if not record.verified and self.settings.verified_only:
            return "unverified"
        if record.id in self._unread:
            return "unread_ending"
        least = self.settings.min_score
        if least is not None and (record.score is None or record.score < least):
            return "unscored" if record.score is None else "score"
        share = self.settings.min_step_share
        if share is not None and (record.step_share is None or record.step_share < share):
            return "no_steps" if record.step_share is None else "step_share"
        return self._dropped(record.id)

    def _chains(self, story: Story) -> Iterator[tuple[str, str | None]]:
        """The texts of the generated chains, each with the finding that names it."""
        for number, chain in enumerate(story.chains, 1):
            yield chain.text, self._dropped(chain_id(story.question.id, number))

    def _dropped(self, name: str) -> str | None:
        rule = self.settings.drops.rules.get(name) if self.settings.drops else None
        return None if rule is None else f"finding:{rule}"
