"""The figures of an audit, with intervals by a bootstrap over questions: of a model, of two paired by question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed.evaluation.audit.facts import Gap, JudgeCard, Mean, ModelAudit, Pair, Row, WrongReason
from reasonmed.evaluation.scores import Rate
from reasonmed.evaluation.verdict import SIGNIFICANT
from reasonmed.report.statistics.ratios import Of, corrected, ratio, ratio_difference, ratio_p, share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reasonmed.report.statistics.intervals import Interval

OPEN = "not judged yet"
EMPTY = "no text to judge"
MOST = 20
"""Right answers with a severe fault that are shown of a model."""
_LONGEST = 300


class Figure(NamedTuple):
    """A figure of an audit: so much, of so many, of one judged answer."""

    title: str
    kind: Literal["share", "mean"]
    of: Callable[[Row], Of]


def _labelled(row: Row, *labels: str) -> Of:
    return Of(sum(step.label in labels for step in row.steps), len(row.steps))


FIGURES = {
    "wrong": Figure("wrong steps %", "share", lambda row: _labelled(row, "error")),
    "unsupported": Figure("unsupported steps %", "share", lambda row: _labelled(row, "unsupported")),
    "flagged": Figure("faulty steps %", "share", lambda row: _labelled(row, "error", "unsupported")),
    "severe": Figure(
        "right answers with a severe fault %", "share", lambda row: Of(row.right and row.severe is not None, row.right)
    ),
    "steps": Figure("steps an answer", "mean", lambda row: Of(len(row.steps), 1)),
    "words": Figure("words an answer", "mean", lambda row: Of(row.words, 1)),
}


def model_audit(
    name: str, file: str, rows: Sequence[Row], seed: int, card: JudgeCard | None, *, own: bool
) -> ModelAudit:
    """What the answers of a model come to; those without labels are counted and are in no figure."""
    judged = [row for row in rows if row.steps]
    problems = [row.problem for row in rows if not row.steps]
    fixed = corrected(_counts("flagged", judged), card.judge) if card is not None else None
    return ModelAudit(
        name=name,
        file=file,
        answers=len(rows),
        judged=len(judged),
        undecided=len(problems) - problems.count(OPEN) - problems.count(EMPTY),
        empty=problems.count(EMPTY),
        open=problems.count(OPEN),
        right=sum(row.right for row in judged),
        own=own,
        wrong=_rate("wrong", judged, seed),
        unsupported=_rate("unsupported", judged, seed),
        flagged=_rate("flagged", judged, seed),
        severe=_rate("severe", judged, seed),
        steps=_mean("steps", judged, seed),
        words=_mean("words", judged, seed),
        corrected=None if fixed is None else Rate(*fixed),
        wrong_reasons=[_wrong_reason(row) for row in judged if row.right and row.severe][:MOST],
    )


def _counts(key: str, rows: Sequence[Row]) -> list[Of]:
    return [FIGURES[key].of(row) for row in rows]


def _rate(key: str, rows: Sequence[Row], seed: int) -> Rate | None:
    found = share(_counts(key, rows), seed=seed)
    return None if found is None else Rate(*found)


def _mean(key: str, rows: Sequence[Row], seed: int) -> Mean | None:
    found = ratio(_counts(key, rows), seed=seed)
    return None if found is None else Mean(*found)


def _wrong_reason(row: Row) -> WrongReason:
    place, step = next((place, step) for place, step in enumerate(row.steps, 1) if step.severity == "severe")
    return WrongReason(
        benchmark=row.benchmark,
        id=row.id,
        answer=row.answer,
        question=_short(row.question),
        place=place,
        step=_short(row.text[step.start : step.end]),
        type=step.type,
        note=_short(step.note),
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 4]} ..."


class Audited(NamedTuple):
    """A model with its judged answers, and the stems that it was trained on as far as they are known."""

    name: str
    rows: Sequence[Row]
    stems: frozenset[str] | None


def pair(first: Audited, second: Audited, seed: int) -> Pair:
    """The second model against the first, on the questions whose answers by both were judged."""
    seen = (first.stems or frozenset()) | (second.stems or frozenset())
    mine = {row.mark: row for row in first.rows}
    shared = [(mine[row.mark], row) for row in second.rows if row.mark in mine]
    clean = [both for both in shared if not seen.intersection(both[0].stems)]
    judged = [both for both in clean if both[0].steps and both[1].steps]
    return Pair(
        first=first.name,
        second=second.name,
        n=len(judged),
        undecided=len(clean) - len(judged),
        trained_on=len(shared) - len(clean),
        gaps=[gap for key in FIGURES if (gap := _gap(key, judged, seed)) is not None],
    )


def _gap(key: str, pairs: Sequence[tuple[Row, Row]], seed: int) -> Gap | None:
    figure = FIGURES[key]
    counts = [(figure.of(one), figure.of(other)) for one, other in pairs]
    found = ratio_difference(counts, seed=seed)
    if found is None:
        return None
    first, second, difference = found
    p = ratio_p(counts, seed=seed)
    return Gap(key, first, second, *difference, p, _words(difference, p, figure.kind))


def _words(found: Interval, p: float, kind: Literal["share", "mean"]) -> str:
    if found.low <= 0 <= found.high:
        return "not distinguishable: the interval holds 0"
    if p >= SIGNIFICANT:
        return "not distinguishable: p is 0.05 or more"
    amount = f"{100 * abs(found.value):.1f} points" if kind == "share" else f"{abs(found.value):.1f}"
    return f"{amount} {'more' if found.value > 0 else 'fewer'}"
