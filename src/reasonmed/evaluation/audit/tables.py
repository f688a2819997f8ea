"""An audit as tables, which every report, command and card has from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.evaluation.audit.figures import FIGURES, MOST
from reasonmed.evaluation.tables import Table, percent, probability, with_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reasonmed.evaluation.audit.facts import Audit, Counted, Gap, JudgeCard, Mean, ModelAudit, Pair

_DIGITS = 1


def audit_tables(audit: Audit | None) -> Iterator[Table]:
    """All tables of an audit; none where there was none."""
    if audit is None:
        return
    yield _figures(audit)
    if audit.card is not None:
        yield _corrected(audit, audit.card)
    yield from pair_tables(audit.pairs)
    wrong = _wrong_reasons(audit)
    if wrong.rows:
        yield wrong


def _figures(audit: Audit) -> Table:
    rows = [
        (one.name, f"{one.judged:,} of {one.answers:,}", f"{one.undecided:,}", with_interval(one.wrong),
         with_interval(one.unsupported), f"{with_interval(one.severe)}, n = {one.right:,}",
         _mean(one.steps), _mean(one.words))
        for one in audit.models
    ]  # fmt: skip
    columns = ("model", "judged", "undecided", "wrong steps % (95 %)", "unsupported steps %",
               "right answers with a severe fault %", "steps an answer", "words an answer")  # fmt: skip
    return Table("Audit of steps", columns, rows, " ".join(_notes(audit)))


def _notes(audit: Audit) -> Iterator[str]:
    yield (
        f"The first answers to {audit.questions:,} questions, drawn by seed {audit.seed}, step by step before "
        f"{audit.judge}, which was not told whose they are. Intervals are by a bootstrap over "
        "questions. Undecided answers, for which no usable labels came, are in no figure."
    )
    if audit.demo:
        yield "The judge is a demo model without medical ability."
    for one in audit.models:
        if one.own:
            yield f"The judge is {one.name} itself, which may be lenient with its own answers."
        if one.empty:
            yield f"{one.name}: {one.empty:,} answers have no text to judge."
        if one.open:
            yield f"{one.name}: {one.open:,} answers are not judged yet; run evaluate with --audit-steps again."


def _mean(found: Mean | None) -> str:
    return "-" if found is None else f"{found.value:,.1f} ({found.low:,.1f}-{found.high:,.1f})"


def _corrected(audit: Audit, card: JudgeCard) -> Table:
    rows = [(one.name, with_interval(one.flagged), _fixed(one, card)) for one in audit.models]
    note = (
        f"By its card the judge flags {_counted(card.sensitivity)} planted faulty steps and passes "
        f"{_counted(card.specificity)} sound ones. Corrected by Rogan and Gladen, with an interval by the delta "
        "method over the three shares. It is right as far as faults of models are as easy to see as planted ones."
    )
    columns = ("model", "faulty steps as flagged % (95 %)", "corrected for the judge's errors % (95 %)")
    return Table("Faulty steps, corrected", columns, rows, note)


def _counted(one: Counted) -> str:
    return f"{one.count:,} of {one.of:,}"


def _fixed(one: ModelAudit, card: JudgeCard) -> str:
    if card.sensitivity.of == 0:
        return "cannot be corrected: the card has no planted faulty steps"
    if card.judge.informs <= 0:
        return "cannot be corrected: the judge flags sound steps as often as faulty ones"
    return with_interval(one.corrected)


def pair_tables(pairs: Iterable[Pair]) -> Iterator[Table]:
    """One table a pair of models."""
    for one in pairs:
        rows = [(FIGURES[gap.figure].title, *_numbers(gap), probability(gap.p), gap.words) for gap in one.gaps]
        note = f"Paired by question: {one.n:,} questions whose answers by both were judged; bootstrap and "
        note += "sign-flip test over questions, p for each figure alone."
        if one.undecided:
            note += f" {one.undecided:,} more are left out, because an answer has no labels."
        if one.trained_on:
            note += f" {one.trained_on:,} that one of the two was trained on are excluded."
        columns = ("figure", one.first, one.second, "difference (95 %)", "p", "")
        yield Table(f"Steps of {one.second} against {one.first}", columns, rows, note, words=True)


def _numbers(gap: Gap) -> tuple[str, str, str]:
    scale = 100 if FIGURES[gap.figure].kind == "share" else 1
    first, second, value, low, high = (
        scale * one for one in (gap.first, gap.second, gap.difference, gap.low, gap.high)
    )
    return f"{first:,.1f}", f"{second:,.1f}", f"{value:+,.1f} ({low:+,.1f} to {high:+,.1f})"


def _wrong_reasons(audit: Audit) -> Table:
    rows = [
        (model.name, f"{one.benchmark}/{one.id}", one.question, one.answer or "-", f"{one.place}. {one.step}",
         (one.type or "").replace("_", " "), one.note)
        for model in audit.models
        for one in model.wrong_reasons
    ]  # fmt: skip
    columns = ("model", "id", "question", "answer", "first severe step", "type", "note")
    note = f"Up to {MOST} answers a model; all of them are in answers/NAME.steps.jsonl. Texts are cut."
    return Table("Right for wrong reasons", columns, rows, note, brief=False)


def audit_words(one: ModelAudit, judge: str) -> str:
    """A model's audit in a sentence, as a card has it; empty where nothing was judged."""
    shares = (
        (one.wrong, "of its steps wrong"),
        (one.unsupported, "of them unsupported"),
        (one.severe, "of its right answers with a severe fault"),
    )
    told = [
        f"{percent(found.value)} % ({percent(found.low)}-{percent(found.high)}) {what}"
        for found, what in shares
        if found is not None
    ]
    return f"{one.judged:,} answers judged step by step by {judge}: {', '.join(told)}" if told else ""
