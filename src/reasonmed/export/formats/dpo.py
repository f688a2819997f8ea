"""Preference pairs for DPO: a chain of thought that the judge called correct against a wrong one of the same question.

The hardest wrong ones of a question come first (``rank`` 1): those that reach the right answer by broken reasoning,
then those whose wrong answer most chains share. Among the right chains the partner is the one that keeps the lengths of
chosen and rejected in balance over the file; a pair in which one is more than twice as long as the other is excluded.

Before them all stand chains with one faulty step against the same chain with that step rewritten: ``differs_in`` is the
step, from 0. Such a chain may be one that the judge called correct.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from reasonmed.export._chains import judged
from reasonmed.export._text import user
from reasonmed.parsing.steps import changed_step
from reasonmed.questions.normal import stem_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.export._chains import Judged
    from reasonmed.export._settings import Settings
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import Case, View

_LONGEST = log(2)


class Preference(TypedDict):
    """A row: what is asked, the chain that is preferred and the one that is not, and where they are from."""

    id: str
    question_id: str
    prompt: list[dict[str, str]]
    chosen: list[dict[str, str]]
    rejected: list[dict[str, str]]
    chosen_id: str
    rejected_reason: str
    tier: str | None
    source: str | None
    stem: str
    rank: int
    differs_in: int | None


class _Match(NamedTuple):
    """A chain that is not preferred, its possible partners, and the step in which they differ from it."""

    rejected: Judged
    right: Sequence[Judged]
    step: int | None = None


def write(view: View, sinks: Sinks) -> None:
    """Write ``SPLIT.jsonl``."""
    for split, row in rows(view, sinks):
        sinks.add(f"{split}.jsonl", row)


def rows(view: View, sinks: Sinks) -> Iterator[tuple[str, Preference]]:
    """Every pair with its split."""
    drift: dict[str, float] = {}
    for case in view.cases():
        for row, pull in pairs(case, view.settings, drift.get(case.split, 0.0), sinks):
            drift[case.split] = drift.get(case.split, 0.0) + pull
            yield case.split, row


def pairs(case: Case, settings: Settings, drift: float, sinks: Sinks) -> Iterator[tuple[Preference, float]]:
    """The pairs of a question, each with the logarithm of chosen's length over rejected's.

    Args:
        case: the question.
        settings: how texts end.
        drift: the sum of those logarithms over the pairs that the file has so far; pairs are chosen to keep it at 0.
        sinks: counts what is left out.
    """
    chains = judged(case)
    right = [one for one in chains if one.right and one.chain.answer == case.question.answer]
    twins = _twins(case, chains, right, settings)
    wrong = [one for one in chains if not one.right and one.id not in {twin.rejected.id for twin in twins}]
    if wrong and not right:
        sinks.left_out["no_right_chain"] += len(wrong)
        return
    others = (_Match(one, right) for one in sorted(wrong, key=lambda one: _ease(one, case)))
    for rank, match in enumerate((*twins, *others), 1):
        pulls = [log(len(one.chain.text) / len(match.rejected.chain.text)) for one in match.right]
        fitting = [(abs(drift + pull), place) for place, pull in enumerate(pulls) if abs(pull) <= _LONGEST]
        if not fitting:
            sinks.left_out["length"] += 1
            continue
        place = min(fitting)[1]
        drift += pulls[place]
        if match.step is not None:
            sinks.of_which["one_step_apart"] += 1
        yield _row(case, settings, match, match.right[place], rank), pulls[place]


def _twins(case: Case, chains: Sequence[Judged], right: Sequence[Judged], settings: Settings) -> list[_Match]:
    """Chains of which one faulty step was rewritten, each with what came of it."""
    known = {one.chain.text: one for one in chains}
    good = {one.chain.text: one for one in right}
    found: dict[str, _Match] = {}
    for rewrite in case.story.rewrites:
        twin = good.get(rewrite.chain.text)
        if rewrite.problem is not None or rewrite.parent is None or twin is None:
            continue
        one = known.get(case.story.chains[rewrite.parent].text)
        step = changed_step(one.chain.text, one.verdict.steps, twin.chain.text) if one else None
        if (
            one is not None
            and step is not None
            and one.text(case.question, settings) != twin.text(case.question, settings)
        ):
            found.setdefault(one.id, _Match(one, [twin], step))
    return list(found.values())


def _ease(one: Judged, case: Case) -> tuple[bool, int]:
    return one.chain.answer != case.question.answer, -one.votes


def _row(case: Case, settings: Settings, match: _Match, chosen: Judged, rank: int) -> Preference:
    question, rejected, step = case.question, match.rejected, match.step
    right, wrong = ([{"role": "assistant", "content": one.text(question, settings)}] for one in (chosen, rejected))
    return {
        "id": rejected.id,
        "question_id": question.id,
        "prompt": user(question),
        "chosen": right,
        "rejected": wrong,
        "chosen_id": chosen.id,
        "rejected_reason": rejected.verdict.reason if step is None else rejected.verdict.steps[step].note,
        "tier": case.story.tier,
        "source": question.source,
        "stem": stem_hash(question),
        "rank": rank,
        "differs_in": step,
    }
