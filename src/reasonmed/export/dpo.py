"""Preference pairs for DPO: a chain of thought that the judge called correct against a wrong one of the same question.

The hardest wrong ones of a question come first (``rank`` 1): those that reach the right answer by broken reasoning,
then those whose wrong answer most chains share. Among the right chains the partner is the one that keeps the lengths of
chosen and rejected in balance over the file; a pair in which one is more than twice as long as the other is left out.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

from reasonmed.export._chains import Judged, judged
from reasonmed.export._text import user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import Case, View

_LONGEST = log(2)


def write(view: View, sinks: Sinks) -> None:
    """Write ``SPLIT.jsonl``."""
    drift: dict[str, float] = {}
    for case in view.cases():
        for row, pull in _Pairs(case, view).rows(drift.get(case.split, 0.0), sinks):
            drift[case.split] = drift.get(case.split, 0.0) + pull
            sinks.add(f"{case.split}.jsonl", row)


class _Pairs:
    """The pairs of one question."""

    def __init__(self, case: Case, view: View) -> None:
        key = case.question.answer
        chains = judged(case)
        self._case, self._settings = case, view.settings
        self._chosen = [one for one in chains if one.right and one.chain.answer == key]
        wrong = [one for one in chains if not one.right]
        self._rejected = sorted(wrong, key=lambda one: (one.chain.answer != key, -one.votes, one.id))

    def rows(self, drift: float, sinks: Sinks) -> Iterator[tuple[dict[str, Any], float]]:
        """Each pair with the logarithm of its lengths' ratio, which is added to the drift of the file."""
        if not self._chosen:
            sinks.left_out["no_right_chain"] += len(self._rejected)
            return
        for rank, rejected in enumerate(self._rejected, 1):
            pulls = [log(len(one.chain.text) / len(rejected.chain.text)) for one in self._chosen]
            fitting = [(abs(drift + pull), place) for place, pull in enumerate(pulls) if abs(pull) <= _LONGEST]
            if not fitting:
                sinks.left_out["length"] += 1
                continue
            place = min(fitting)[1]
            drift += pulls[place]
            yield self._row(self._chosen[place], rejected, rank), pulls[place]

    def _row(self, chosen: Judged, rejected: Judged, rank: int) -> dict[str, Any]:
        question = self._case.question
        right, wrong = (
            [{"role": "assistant", "content": one.text(question, self._settings)}] for one in (chosen, rejected)
        )
        return {
            "id": rejected.id,
            "question_id": question.id,
            "prompt": user(question),
            "chosen": right,
            "rejected": wrong,
            "rank": rank,
            "chosen_id": chosen.id,
            "rejected_reason": rejected.verdict.reason,
            "tier": self._case.story.tier,
            "source": question.source,
        }
