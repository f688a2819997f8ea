"""The rows of an overview's tables: names, counts, and the parts of the bar in each row."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.stacked import Part
from reasonmed.web.views.flow import TIER_TONES, tier_filter
from reasonmed.web.views.sums import NANO, NO_TIER, TIERS, UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.report.svg import Tone
    from reasonmed.runs.status import StageTotals
    from reasonmed.web.views.flow import Asked
    from reasonmed.web.views.sums import Sums

COLUMNS: dict[str, Tone] = {**TIER_TONES, UNFINISHED: "faint"}
"""What questions are counted under side by side, with the tone of each."""
JUDGED: dict[str, Tone] = {
    "correct": "good",
    "error": "bad",
    "undecided": "open",
    "conflict": "mixed",
    "missing": "gray",
    "unjudged": "low",
}
REASONS = {
    "no_chain": "No chain of thought came.",
    "no_consensus": "The question has no key, and the models do not agree on one.",
    "key_disputed": "The models agree on another option than the key.",
    "undecided": "The tier stays open.",
    "unverified": "No rewrite passed.",
    "contaminated": "A benchmark of --against holds the question; no request was sent for it.",
    "no_optimizer": "The question is difficult, and the recipe has no optimize.",
    "no_response": "No response came for any kept chain.",
}
MOST = 40
"""Rows that a table has at most; it says how many more there are."""


class Cell(NamedTuple):
    """A count of questions, and what the list of questions is asked for exactly these."""

    number: int
    asked: Asked


class Bar(NamedTuple):
    """A row: its name, its bar, its counts. ``whole`` is the count that would fill the bar's width."""

    name: str
    parts: list[Part]
    whole: int
    cells: list[Cell]
    total: Cell


class Right(NamedTuple):
    """The chains of a generator at a temperature."""

    model: str
    temperature: str
    parts: list[Part]
    counts: list[int]
    chains: int
    share: float | None
    """The right ones among those that are right or wrong."""


class Generator(NamedTuple):
    """A generator in each tier: the share of its chains that are right, their number, and the questions."""

    model: str
    shares: list[tuple[float | None, int]]
    cells: list[Cell]


class Failures(NamedTuple):
    """A reason, and the questions that failed for it."""

    reason: str
    meaning: str
    questions: Cell


class Spent(NamedTuple):
    """A stage: the ledger's totals, and what of them went to questions of each tier."""

    stage: str
    total: StageTotals
    parts: list[Part]
    whole: int
    tiers: list[tuple[int, float]]
    """Tokens and USD by tier; the last is the rest, for questions that have none."""


def columns_of(sums: Sums) -> list[str]:
    """The tiers that have a column: the three, and what else there is."""
    there = {kind.tier for kind in sums.questions}
    return [tier for tier in COLUMNS if tier in TIERS or tier in there]


def by_source(sums: Sums, columns: list[str]) -> list[Bar]:
    """Questions by source and tier; the source with the most questions first."""
    found: dict[str, Counter[str]] = {}
    for kind, count in sums.questions.items():
        found.setdefault(kind.source, Counter())[kind.tier] += count
    whole = max((one.total() for one in found.values()), default=0)
    return [
        _bar(name, counts, whole, columns, (("source", name),))
        for name, counts in sorted(found.items(), key=lambda one: (-one[1].total(), one[0]))
    ]


def _bar(name: str, counts: Mapping[str, int], whole: int, columns: list[str], asked: Asked) -> Bar:
    parts = [Part(words(tier), counts.get(tier, 0), COLUMNS[tier]) for tier in columns]
    cells = [Cell(counts.get(tier, 0), (*asked, *tier_filter(tier))) for tier in columns]
    return Bar(name, parts, whole, cells, Cell(sum(counts.values()), asked))


def by_generator(sums: Sums) -> list[Generator]:
    """Each model's right chains in each tier, and the questions of which it has a chain."""
    judged: dict[str, dict[str, Counter[str]]] = {}
    for one, count in sums.chains.items():
        judged.setdefault(one.model, {}).setdefault(one.tier, Counter())[one.verdict] += count
    questions = sums.by_model()
    return [
        Generator(
            model,
            [_share(tiers.get(tier, Counter())) for tier in TIERS],
            [Cell(questions.get(model, Counter())[tier], (("model", model), ("tier", tier))) for tier in TIERS],
        )
        for model, tiers in sorted(judged.items())
    ]


def _share(counts: Mapping[str, int]) -> tuple[float | None, int]:
    """The right ones among chains that are right or wrong, and how many these are."""
    judged = counts.get("correct", 0) + counts.get("error", 0)
    return (counts.get("correct", 0) / judged if judged else None), judged


def judged_in(sums: Sums) -> list[str]:
    """The verdicts that have a column: right and wrong, and what else there is."""
    there = {"correct", "error", *(one.verdict for one in sums.chains)}
    return [verdict for verdict in JUDGED if verdict in there]


def by_temperature(sums: Sums, judged: list[str]) -> list[Right]:
    """Chains by generator and temperature."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for one, count in sums.chains.items():
        found.setdefault((one.model, one.temperature), Counter())[one.verdict] += count
    return [
        Right(
            model,
            heat,
            [Part(name, counts[name], JUDGED[name]) for name in judged],
            [counts[name] for name in judged],
            counts.total(),
            _share(counts)[0],
        )
        for (model, heat), counts in sorted(found.items(), key=lambda one: (one[0][0], _number(one[0][1])))
    ]


def by_score(sums: Sums) -> list[Bar]:
    """Records by score and tier, the highest score first; the total's filter has the questions with such a record."""
    found, questions = sums.scores(), sums.scored()
    whole = max((one.total() for one in found.values()), default=0)
    rows = []
    for score in sorted(found, key=_number, reverse=True):
        bar = _bar(score, found[score], whole, [*TIERS, NO_TIER], ())
        rows.append(bar._replace(total=Cell(questions.get(score, 0), (("score", score),))))
    return rows


def by_step_error(sums: Sums) -> list[Bar]:
    """Steps that a judge did not call ok, by their type; the total's filter has the questions."""
    found = sums.step_errors()
    whole = max((steps for _, steps, _ in found), default=0)
    return [
        Bar(kind, [Part("steps", steps, "bad")], whole, [], Cell(questions, (("step_error", kind),)))
        for kind, steps, questions in found
    ]


def by_reason(sums: Sums) -> list[Failures]:
    """Failures, the most frequent reason first."""
    found = Counter[str]()
    for kind, count in sums.questions.items():
        if kind.state == "failed":
            found[kind.end] += count
    return [
        Failures(reason, REASONS.get(reason, ""), Cell(count, (("failure", reason),)))
        for reason, count in sorted(found.items(), key=lambda one: (-one[1], one[0]))
    ]


def by_stage(stages: Mapping[str, StageTotals], sums: Sums) -> list[Spent]:
    """What each stage took, in all by the ledger and by tier from the questions."""
    usage = sums.usage()
    whole = max((one.prompt_tokens + one.completion_tokens for one in stages.values()), default=0)
    found = []
    for name, total in stages.items():
        tiers = [usage.get(name, {}).get(tier, Counter[str]()) for tier in TIERS]
        tokens = [one["in"] + one["out"] for one in tiers]
        money = [one["nano"] / NANO for one in tiers]
        tokens.append(max(0, total.prompt_tokens + total.completion_tokens - sum(tokens)))
        money.append(max(0.0, (total.spent_usd or 0.0) - sum(money)))
        parts = [Part(words(tier), count, COLUMNS[tier]) for tier, count in zip((*TIERS, NO_TIER), tokens, strict=True)]
        found.append(Spent(name, total, parts, whole, list(zip(tokens, money, strict=True))))
    return found


def words(tier: str) -> str:
    """A tier for people."""
    return "no tier" if tier == NO_TIER else tier


def _number(text: str) -> float:
    """A number in a name; what is none comes last among highest first."""
    try:
        return float(text)
    except ValueError:
        return float("-inf")
