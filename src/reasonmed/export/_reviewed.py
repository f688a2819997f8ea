"""What reviewers decided on the records and chains of a run, as an export takes it.

A record is *accepted* where more reviewers accept or edit it than reject it, and *rejected* where more reject it. An
edit without a text, and any vote that calls the key wrong, count as a rejection. Votes on a text that has changed since
do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec.structs import replace

from reasonmed.parsing.answer import parse_answer
from reasonmed.runs.reviews.keys import wrong_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reasonmed.runs.reviews.rulings import Rulings
    from reasonmed.runs.reviews.votes import Vote
    from reasonmed.types import Record

Choice = Literal["any", "none-rejected", "accepted"]
CHOICES: tuple[Choice, ...] = ("any", "none-rejected", "accepted")
WRITER = "reviewer"
"""The writer of an edited text; people are not named."""
_OF_OLD_TEXT = frozenset(
    {"temperature", "served", "sent", "sample", "rank_score", "rank_step_score", "rank_sent", "verdict", "blind_reader"}
)
_OF_OLD_RESPONSE = frozenset({"responder", "response_sent"})
_OF_SCORE = frozenset({"scorer", "score_sent", "score_reason"})


class Decided(NamedTuple):
    """What reviewers decided on a record: why it is left out, and the edit that takes its place."""

    left_out: str | None
    edit: Vote | None = None


class Reviewed:
    """The decisions on a run's texts; none where nobody voted, or where they are not to be used.

    Args:
        found: the run's rulings.
        choice: ``any`` uses none, ``none-rejected`` leaves out what was rejected, ``accepted`` also what nobody
            accepted.
    """

    def __init__(self, found: Rulings | None, choice: Choice) -> None:
        self._choice = choice
        self._records: dict[str, Decided] = {}
        self._chains: dict[str, set[str]] = {}
        """Chains on which reviewers do not agree with the judge, by question."""
        self._edits: set[str] = set()
        """Questions with an edited record."""
        self._wrong_keys: set[str] = set()
        self._stale: set[str] = set()
        if found is None or choice == "any":
            return
        self._wrong_keys = {one.question.id for one in wrong_keys(found)}
        self._stale = {vote.target for vote in found.stale}
        contested = [one for one in found.texts if one.right != (one.outcome == "correct")]
        for one in (*contested, *found.tied):
            if one.target.kind == "chain":
                self._chains.setdefault(one.question, set()).add(one.target.text)
        for one in (*found.texts, *found.tied):
            if one.target.kind == "record":
                self._records[one.target.id] = _decided(one.votes)
                self._edits |= {one.question} if self._records[one.target.id].edit else set()

    def of_question(self, name: str) -> str | None:
        """Why a question is left out."""
        return "review_key" if name in self._wrong_keys else None

    def of_record(self, record: Record) -> str | None:
        """Why a record, as ``edited`` gives it, is left out."""
        found = self._records.get(record.id)
        if found is None:
            return self._unreviewed(record)
        if found.edit is not None and _says_another_option(record):
            return "review_edit_other_answer"
        return found.left_out

    def _unreviewed(self, record: Record) -> str | None:
        if record.chain_of_thought in self._chains.get(record.question_id, ()):
            return "review_rejected"
        if self._choice != "accepted":
            return None
        return "review_stale" if record.id in self._stale else "review_none"

    def edited(self, record: Record) -> Record:
        """The record with the reviewers' text in place of the model's, where they edited it."""
        found = self._records.get(record.id)
        return record if found is None or found.edit is None else _edited(record, found.edit)

    def texts_out(self, question: str, records: Callable[[], Sequence[Record]]) -> set[str]:
        """Texts that go into no format: reviewers contest the judge's verdict on them, or edited them.

        ``records`` gives the question's as its run has them.
        """
        return self._chains.get(question, set()) | (self._texts_edited(records()) if question in self._edits else set())

    def _texts_edited(self, records: Sequence[Record]) -> set[str]:
        return {one.chain_of_thought for one in records if self.edited(one).chain_of_thought != one.chain_of_thought}


def _decided(votes: Sequence[Vote]) -> Decided:
    edits = [vote for vote in votes if _is_edit(vote)]
    accepts = sum(vote.decision == "accept" and not vote.key_is_wrong for vote in votes)
    rejects = len(votes) - len(edits) - accepts
    if rejects >= accepts + len(edits):
        return Decided("review_rejected" if rejects > accepts + len(edits) else "review_tied")
    return Decided(None, edits[-1] if edits and len(edits) >= accepts else None)


def _is_edit(vote: Vote) -> bool:
    return vote.decision == "edit" and not vote.key_is_wrong and (vote.text or vote.response) is not None


def _edited(record: Record, edit: Vote) -> Record:
    """The record with an edit. What was said of the old text is dropped with it: verdict, labels of steps, score."""
    text, response = edit.text or record.chain_of_thought, edit.response or record.response
    new_text, new_response = text != record.chain_of_thought, response != record.response
    if not (new_text or new_response):
        return record
    gone = _OF_SCORE | (_OF_OLD_TEXT if new_text else set()) | (_OF_OLD_RESPONSE if new_response else set())
    told = {name: value for name, value in record.provenance.items() if name not in gone}
    told |= (
        {"edited": True} | ({"writer": WRITER} if new_text else {}) | ({"responder": WRITER} if new_response else {})
    )
    made = replace(record, chain_of_thought=text, response=response, score=None, provenance=told)
    return replace(made, verified=False, steps=(), step_share=None) if new_text else made


def _says_another_option(record: Record) -> bool:
    """Whether chain of thought or response concludes another option than the key."""
    if record.answer_index is None:
        return False
    said = (parse_answer(text, record.options) for text in (record.chain_of_thought, record.response) if text)
    return any(one is not None and one.option not in (None, record.answer_index) for one in said)
