"""The judged chains of thought of a question, right and wrong ones."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.export._text import ended
from reasonmed.questions.ids import chain_id, rewrite_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.export._settings import Settings
    from reasonmed.export._view import Case
    from reasonmed.types import ChainOfThought, Question, Verdict


class Judged(NamedTuple):
    """A chain of thought with a usable verdict.

    ``id`` is ``QUESTION/chain-N`` (the Nth that was generated) or ``QUESTION/rewrite-N``. ``votes`` says how many of
    the question's chains conclude the same option.
    """

    id: str
    chain: ChainOfThought
    verdict: Verdict
    votes: int

    @property
    def right(self) -> bool:
        """Whether the judge called it correct."""
        return self.verdict.outcome == "correct"

    def text(self, question: Question, settings: Settings) -> str:
        """The text with the answer line of the option that it concludes itself; as it is where it concludes none."""
        return ended(self.chain.text, question.options, self.chain.answer, plain=settings.plain)


def judged(case: Case) -> list[Judged]:
    """The chains of a question whose verdict can be taught.

    Left out are chains that were cut, verdicts that are undecided or in conflict, texts of records that the export
    leaves out, and texts that were judged both ways; equal texts are taken once. Where a judge looked at the steps of
    a chain later, the verdict is the one of that look, which its labels go with.
    """
    votes = Counter(chain.answer for chain in case.story.chains if chain.answer is not None)
    outcomes: dict[str, set[str]] = {}
    taken: dict[str, Judged] = {}
    for name, chain in _named(case):
        verdict = chain.verdict and _settled(chain.verdict)
        if verdict is None or verdict.outcome == "undecided" or chain.missing is not None:
            continue
        outcomes.setdefault(chain.text, set()).add(verdict.outcome)
        if chain.truncated or verdict.conflict or chain.text in case.barred:
            continue
        count = votes[chain.answer] if chain.answer is not None else 0
        taken.setdefault(chain.text, Judged(name, chain, verdict, count))
    return [one for text, one in taken.items() if len(outcomes[text]) == 1]


def _settled(verdict: Verdict) -> Verdict:
    """The verdict; where a second look at the steps says otherwise, what that says."""
    look = next((one for one in reversed(verdict.opinions) if one.kind == "steps"), None)
    if look is None:
        return verdict
    return replace(verdict, outcome=look.outcome, reason=look.reason, judge=look.model, sent=look.sent)


def _named(case: Case) -> Iterator[tuple[str, ChainOfThought]]:
    yield from ((chain_id(case.question.id, number), chain) for number, chain in enumerate(case.story.chains, 1))
    yield from ((rewrite_id(case.question.id, number), one.chain) for number, one in enumerate(case.story.rewrites, 1))
