"""Plan: a pilot of a few questions through all stages, and from it what the whole will take, with intervals."""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from reasonmed.errors import QuestionError
from reasonmed.questions.ids import question_of
from reasonmed.runs.intake import Selection
from reasonmed.types import digest

Totals = defaultdict[tuple[str, str], float]
"""Amounts by stage and measure."""

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.engine.ledger import Ledger
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.sources import Source

VERSION = 1
_DRAWS = 1000
_LOW, _HIGH = 0.05, 0.95
_MEASURES = ("requests", "tokens_in", "tokens_out", "usd", "seconds")


class Range(msgspec.Struct, frozen=True):
    """An expected value with its 90 % interval."""

    expected: float
    low: float
    high: float


class StagePlan(msgspec.Struct, frozen=True):
    """What a stage will take; ``usd`` is None where a price is unknown."""

    requests: Range
    tokens_in: Range
    tokens_out: Range
    usd: Range | None
    seconds: Range
    """Seconds of answering, all requests together."""


class Plan(msgspec.Struct, frozen=True):
    """What the whole will take."""

    questions: int
    pilot: int
    strata: dict[str, int]
    stages: dict[str, StagePlan]
    total: StagePlan
    hours: Range
    """Wall time at the recipe's requests in flight, as fast as the pilot was answered."""
    records: Range
    batched: list[str] = []
    """Stages whose requests go into batch jobs, each a day at most; their money is at that rate, and ``hours`` has no
    part of theirs."""
    version: int = VERSION


def choose(source: Source, count: int, seed: int) -> tuple[Selection, dict[str, str], Counter[str]]:
    """A pilot that has of every source its share, drawn by a hash: the selection, the stratum of each, all sizes."""
    sizes: Counter[str] = Counter()
    lottery: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for story in source():
        if isinstance(story, QuestionError):
            continue
        stratum = story.question.source or "(no source)"
        sizes[stratum] += 1
        ticket = (-int(digest((seed, story.question.id), 8), 16), story.question.id)
        heapq.heappush(lottery[stratum], ticket)
        if len(lottery[stratum]) > count:
            heapq.heappop(lottery[stratum])
    shares = _shares(sizes, count)
    strata = {name: stratum for stratum, share in shares.items() for _, name in heapq.nlargest(share, lottery[stratum])}
    return Selection(ids=frozenset(strata)), strata, sizes


def _shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """Places by size, at least one for each stratum while there are places."""
    total = sum(sizes.values())
    shares = {name: min(size, max(1, round(count * size / total))) for name, size in sizes.items()} if total else {}
    while sum(shares.values()) > max(count, len(shares)):
        shares[max(shares, key=lambda name: shares[name])] -= 1
    return shares


def scaled(sizes: Mapping[str, int], questions: int) -> Counter[str]:
    """As many questions in the same shares of sources; the first takes what rounding leaves."""
    total = sum(sizes.values())
    found = Counter({name: questions * size // total for name, size in sizes.items()})
    found[next(iter(sizes))] += questions - found.total()
    return found


def estimate(folder: RunDirectory, recipe: Recipe, strata: Mapping[str, str], sizes: Mapping[str, int]) -> Plan:
    """What all questions will take, from the pilot's recorded calls; intervals by a stratified bootstrap."""
    with closing(folder.reader()) as ledger:
        shares = _shares_in_batches(recipe)
        used, unpriced = _used(ledger, strata, shares)
        records = {name: count for name, count in ledger.records() if name in strata}
    for name, count in records.items():
        used[name]["", "records"] = float(count)
    groups = {stratum: [name for name, own in strata.items() if own == stratum] for stratum in sizes}
    draws = [_draw(groups, used, sizes, seed) for seed in range(_DRAWS + 1)]
    wanted = recipe.stages.score.sample if recipe.stages.score else None
    for draw in draws:
        _scale_scores(draw, wanted)
    stages = sorted({stage for draw in draws for stage, _ in draw if stage})
    generate = recipe.stages.generate
    parallel = min(recipe.limits.in_flight, recipe.limits.alive * (generate.chains if generate else 1))
    return Plan(
        questions=sum(sizes.values()),
        pilot=len(strata),
        strata=dict(sizes),
        stages={stage: _stage(draws, (stage,), unpriced) for stage in stages},
        total=_stage(draws, stages, unpriced),
        hours=_range([sum(draw[stage, "seconds"] for stage in stages) / parallel / 3600 for draw in draws]),
        records=_range([draw["", "records"] for draw in draws]),
        batched=[stage for stage in stages if any(draw[stage, "batched"] for draw in draws)],
    )


def _shares_in_batches(recipe: Recipe) -> dict[str, float]:
    """What requests cost in batch jobs, as a share of the price, by model; of those that go there."""
    return {entry.identity: entry.batch_share for entry in map(recipe.model, recipe.used) if entry.collects}


def _used(
    ledger: Ledger, strata: Mapping[str, str], shares: Mapping[str, float]
) -> tuple[dict[str, Totals], Counter[str]]:
    """What each question of the pilot took, by stage and measure; and the calls without a price, by stage."""
    used: dict[str, Totals] = {name: defaultdict(float) for name in strata}
    unpriced: Counter[str] = Counter()
    for one in ledger.usage():
        name = question_of(one.question) if one.stage == "score" else one.question
        if name not in used:
            continue
        unpriced[one.stage] += one.unpriced
        share = shares.get(one.model, 1.0)
        used[name][one.stage, "batched"] += float(one.model in shares)
        seconds = 0.0 if one.model in shares else one.seconds
        values = (one.requests, one.tokens_in, one.tokens_out, (one.usd or 0.0) * share, seconds)
        for measure, value in zip(_MEASURES, values, strict=True):
            used[name][one.stage, measure] += value
    return used, unpriced


def _draw(
    groups: Mapping[str, Sequence[str]],
    used: Mapping[str, Mapping[tuple[str, str], float]],
    sizes: Mapping[str, int],
    seed: int,
) -> Totals:
    """Totals over all questions, from the pilot as it is (seed 0) or drawn anew within each stratum."""
    dice = random.Random(seed)  # noqa: S311 - a bootstrap
    totals: Totals = defaultdict(float)
    for stratum, names in groups.items():
        picked = dice.choices(names, k=len(names)) if seed and names else names
        for name in picked:
            for place, value in used[name].items():
                totals[place] += value * sizes[stratum] / len(names)
    return totals


def _scale_scores(draw: Totals, wanted: int | None) -> None:
    """Scores are wanted of so many records only, however many there will be."""
    scored = draw["score", "requests"]
    if wanted is None or scored <= wanted:
        return
    for measure in _MEASURES:
        draw["score", measure] *= wanted / scored


def _stage(draws: Sequence[Totals], stages: Sequence[str], unpriced: Mapping[str, int]) -> StagePlan:
    found = {
        measure: _range([sum(draw[stage, measure] for stage in stages) for draw in draws]) for measure in _MEASURES
    }
    priced = not any(unpriced[stage] for stage in stages)
    return StagePlan(
        requests=found["requests"],
        tokens_in=found["tokens_in"],
        tokens_out=found["tokens_out"],
        usd=found["usd"] if priced else None,
        seconds=found["seconds"],
    )


def _range(values: Sequence[float]) -> Range:
    """The first value, and the interval of the drawn ones behind it."""
    drawn = sorted(values[1:])
    return Range(values[0], drawn[int(_LOW * len(drawn))], drawn[int(_HIGH * (len(drawn) - 1))])
