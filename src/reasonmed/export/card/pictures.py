"""The pictures of a card, as SVG files; none where matplotlib (extra ``plots``) is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from reasonmed.report.plot import Bar, alone, bars

if TYPE_CHECKING:
    from reasonmed.export.card.facts import Tally
    from reasonmed.report.page import Html

_TIERS = ("easy", "medium", "difficult", "none")
_OUTCOMES = ("correct", "error", "undecided", "missing", "unjudged")
_MOST_BARS = 12
SCORES = tuple(str(score) for score in range(1, 11))


def draw(counts: Tally) -> dict[str, tuple[str, str]]:
    """File name, what it shows, and the SVG, for each picture that the counts have something for."""
    if find_spec("matplotlib") is None:
        return {}
    made: dict[str, tuple[str, Html]] = {"records.svg": ("Records by source and tier", _records(counts))}
    if counts.chains:
        made["verdicts.svg"] = ("Verdicts on the generated chains of thought, by model", _verdicts(counts))
    scored = {score: counts.by_score[score] for score in SCORES if score in counts.by_score}
    if scored:
        rows = {score: {"records": float(scored.get(score, 0))} for score in SCORES}
        made["scores.svg"] = ("Quality scores", bars("Quality scores (1 to 10)", rows, "records"))
    return {name: (title, alone(svg)) for name, (title, svg) in made.items()}


def _records(counts: Tally) -> Html:
    found: dict[str, dict[str, int]] = {}
    for one in sorted(counts.sources, key=lambda one: -one.records):
        tiers = found.setdefault(one.source or "unknown source", dict.fromkeys(_TIERS, 0))
        for tier, count in one.tiers.items():
            tiers[tier] += count
    shown = dict(list(found.items())[:_MOST_BARS])
    for name in list(found)[_MOST_BARS:]:
        rest = shown.setdefault(f"{len(found) - _MOST_BARS} other sources", dict.fromkeys(_TIERS, 0))
        for tier in _TIERS:
            rest[tier] += found[name][tier]
    used = [tier for tier in _TIERS if any(tiers[tier] for tiers in shown.values())]
    rows: dict[str, dict[str, Bar | float]] = {
        name: {tier: float(tiers[tier]) for tier in used} for name, tiers in shown.items()
    }
    return bars("Records by source and tier", rows, "records")


def _verdicts(counts: Tally) -> Html:
    models = list(counts.chains.items())[:_MOST_BARS]
    used = [outcome for outcome in _OUTCOMES if any(found.get(outcome) for _, found in models)]
    rows: dict[str, dict[str, Bar | float]] = {
        model: {outcome: float(found.get(outcome, 0)) for outcome in used} for model, found in models
    }
    return bars("Verdicts on the generated chains of thought", rows, "chains of thought")
