"""What perturbations change: each model's answers to perturbed questions against its own to the same ones as they are.

Pairs of one question, with its copies, are one unit of every interval and test, as between two models.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.evaluation.compare import compare, settle
from reasonmed.evaluation.comparisons import Perturbed
from reasonmed.evaluation.metrics import rate
from reasonmed.evaluation.outcome import Qualified
from reasonmed.evaluation.perturbation import asks_for_best, unfit
from reasonmed.evaluation.tables import Table, points, probability, with_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.evaluation.answers import Result
    from reasonmed.evaluation.outcome import Results
    from reasonmed.evaluation.perturbation import Perturbation
    from reasonmed.types import Question

WHAT = {
    "nota": 'the key\'s text is replaced by "None of the other answers"',
    "rotate": "the options are shown in another order",
}
"""What each perturbation does, in words."""
REASONS = {
    "refers": "options or stem refer to other options or to a place",
    "two_options": "fewer than three options",
    "yes_no": "yes, no, maybe",
    "nested": "an option holds another one whole",
    "exception": "the stem asks for what is not so",
}
"""Why a question does not qualify, in words."""
_PLAIN, _CHANGED = "unperturbed", "perturbed"
_NOTE = (
    "Each model against itself, paired by question, on the questions that qualify; below 0 is a drop. Test, interval "
    "and correction as between models (Holm over this table). These answers are in no other table."
)
_ORDERS = " With several orders of the options, rotate is the other orders against the first."
_BEST = " Where a stem asks for the most or the best, the best of the options that remain may be argued for."


def qualified(questions: Sequence[Question], perturbation: Perturbation) -> Qualified:
    """How many questions qualify for a perturbation."""
    reasons = [unfit(question, perturbation) for question in questions]
    fit = [question for question, reason in zip(questions, reasons, strict=True) if reason is None]
    left_out = Counter(reason for reason in reasons if reason is not None)
    best = sum(map(asks_for_best, fit)) if perturbation == "nota" else 0
    return Qualified(len(fit), dict(sorted(left_out.items())), best)


def perturbed(model: str, results: Sequence[Result], wanted: Sequence[Perturbation], seed: int) -> Iterator[Perturbed]:
    """A model's answers to perturbed questions, by benchmark; none where no question qualifies."""
    for benchmark in dict.fromkeys(one.benchmark for one in results):
        for name in wanted:
            found = [
                pair
                for one in results
                if one.benchmark == benchmark
                for pair in one.perturbed
                if pair.perturbation == name
            ]
            if found:
                plain, changed = [pair.plain for pair in found], [pair.changed for pair in found]
                yield Perturbed(
                    perturbation=name,
                    model=model,
                    benchmark=benchmark,
                    answers=sum(len(one.statuses) for one in changed),
                    unperturbed=rate(plain),
                    perturbed=rate(changed),
                    compared=compare(plain, changed, seed),
                )


def settled(found: Sequence[Perturbed]) -> list[Perturbed]:
    """The same with p values corrected over all of them, and the words that those allow."""
    told = [{one.benchmark: one.compared} for one in found]
    settle([(_PLAIN, _CHANGED, compared) for compared in told])
    return [replace(one, compared=compared[one.benchmark]) for one, compared in zip(found, told, strict=True)]


def perturbation_tables(results: Results) -> Iterator[Table]:
    """What perturbations change, and how many questions qualified; no table where none was asked for."""
    if results.perturbations:
        yield _changes(results)
    yield from (one for one in [_questions(results)] if one.rows)


def _changes(results: Results) -> Table:
    rows = [
        (one.benchmark, one.model, one.perturbation, f"{one.compared.n:,}", with_interval(one.unperturbed),
         with_interval(one.perturbed), points(one.compared),
         f"{one.compared.only_first:,} / {one.compared.only_second:,}", probability(one.compared.p),
         probability(one.compared.p_holm), one.compared.words)
        for one in results.perturbations or ()
    ]  # fmt: skip
    columns = (
        "benchmark", "model", "perturbation", "n", "unperturbed % (95 %)", "perturbed % (95 %)", "difference (95 %)",
        "only one right", "p", "p (Holm)", "",
    )  # fmt: skip
    return Table("Perturbed questions", columns, rows, _NOTE + _remarks(results), words=True)


def _remarks(results: Results) -> str:
    asked = results.asked()
    best = any(fit.asking_for_best for one in results.benchmarks for fit in (one.perturbed or {}).values())
    return (_ORDERS if asked.rotate > 1 and "rotate" in asked.perturb else "") + (_BEST if best else "")


def _questions(results: Results) -> Table:
    rows = [
        (one.name, name, f"{one.n:,}", f"{found.n:,}", f"{found.asking_for_best:,}" if name == "nota" else "-",
         "; ".join(f"{count:,} {REASONS.get(reason, reason)}" for reason, count in found.left_out.items()))
        for one in results.benchmarks
        for name, found in (one.perturbed or {}).items()
    ]  # fmt: skip
    columns = ("benchmark", "perturbation", "questions", "qualified", "of these ask for the best", "excluded")
    note = " ".join(f"{name}: {WHAT[name]}." for name in results.asked().perturb if name in WHAT)
    return Table("Questions that qualify for a perturbation", columns, rows, note, words=True)
