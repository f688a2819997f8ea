"""A run at a glance, as its first page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.figures import duration
from reasonmed.runs.progress import Snapshot
from reasonmed.web.views import View, bars
from reasonmed.web.views.flow import counts_of, flow_of
from reasonmed.web.views.sums import NO_TIER, TIERS, UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.runs.status import Effort
    from reasonmed.web.views.flow import Asked, Counts
    from reasonmed.web.views.sums import Sums

_STATES = {
    "running": ("running", "open", "This page follows it."),
    "finished": ("finished", "good", ""),
    "drained": ("stopped", "bad", "The command that started it resumes it."),
}
_CENT, _LEAST = 0.01, 0.0001


class Figure(NamedTuple):
    """A number at the top of the page; ``asked`` where it counts questions."""

    name: str
    value: str
    asked: Asked | None = None
    note: str = ""


def funnel_view(effort: Effort, sums: Sums, now: Snapshot | str | None) -> View:
    """The view of what a run took, the sums of its index, and what it says of itself while it goes."""
    counts = counts_of(sums)
    columns, judged = bars.columns_of(sums), bars.judged_in(sums)
    sources, models = bars.by_source(sums, columns), bars.by_generator(sums)
    flow, right = flow_of(counts), bars.by_temperature(sums, judged)
    column = {node.name: node.column for node in flow.nodes}
    scores = bars.by_score(sums)
    scored = {part.name for bar in scores for part in bar.parts if part.amount}
    word, tone, note = _STATES.get(effort.state, (effort.state, "", ""))
    return View(
        "overview",
        {
            "title": "Overview",
            "state": {"word": word, "tone": tone, "note": note},
            "follows": effort.state == "running" or not counts.has(effort.questions, effort.done),
            "demo": effort.demo,
            "figures": list(_figures(effort, counts)),
            "pace": list(_pace(effort, now)),
            "now": now if isinstance(now, Snapshot) else None,
            "silent": now if isinstance(now, str) else "",
            "flow": flow,
            "flows": [
                (flow.columns[column[one.source]], flow.columns[column[one.target]], one)
                for one in sorted(flow.flows, key=lambda one: column[one.source])
            ],
            "per_question": counts.per_question,
            "columns": [(bars.words(tier), bars.COLUMNS[tier]) for tier in columns],
            "sources": sources[: bars.MOST],
            "more_sources": max(0, len(sources) - bars.MOST),
            "tiers": [(tier, bars.COLUMNS[tier]) for tier in TIERS],
            "models": models[: bars.MOST],
            "more_models": max(0, len(models) - bars.MOST),
            "judged": [(name, bars.JUDGED[name]) for name in judged],
            "right": right[: bars.MOST],
            "more_right": max(0, len(right) - bars.MOST),
            "scores": scores,
            "scored": [(bars.words(tier), tone) for tier, tone in bars.COLUMNS.items() if bars.words(tier) in scored],
            "steps": bars.by_step_error(sums),
            "stages": bars.by_stage(effort.stages, sums),
            "paid": [*TIERS, bars.words(NO_TIER)],
            "total": effort,
            "failures": bars.by_reason(sums),
        },
    )


def _figures(effort: Effort, counts: Counts) -> Iterator[Figure]:
    def of(end: str) -> int:
        return sum(count for (_, one), count in counts.ends.items() if one == end)

    questions = counts.ends.total()
    yield Figure("Questions", f"{questions:,}", ())
    bare = of("finished") and not counts.records
    yield Figure("Finished" if bare else "With records", f"{of('finished'):,}", (("state", "finished"),))
    yield Figure("Failed", f"{of('failed'):,}", (("state", "failed"),))
    yield Figure("Unfinished", f"{of(UNFINISHED):,}", (("state", UNFINISHED),))
    yield Figure("Records", f"{counts.records:,}")
    yield Figure("Spent", dollars(effort.spent_usd), None, _spent_note(effort))


def _spent_note(effort: Effort) -> str:
    if effort.demo and not effort.spent_usd:
        return "no cost"
    if effort.spent_usd is None:
        return "a model has no price"
    return f"plus up to {dollars(effort.lost_usd)} for failed attempts" if effort.lost_usd else ""


def _pace(effort: Effort, now: Snapshot | str | None) -> Iterator[Figure]:
    if isinstance(now, Snapshot):
        yield Figure("Replies", f"{now.replies_per_s:,.1f}/s", None, f"{now.replies:,} in this session")
        yield Figure("Tokens written", f"{now.tokens_per_s:,.0f}/s", None, f"{now.tokens_written:,} in this session")
        yield Figure("Requests", f"{now.open:,} open", None, f"{now.waiting:,} waiting")
        yield Figure("Time", duration(now.elapsed_s), None, _left(now))
        yield Figure("Projected", dollars(now.projected_usd), None, "for all questions")
        return
    seconds = effort.seconds
    written = sum(one.completion_tokens for one in effort.stages.values())
    yield Figure("Requests", f"{effort.calls:,}", None, _rate(effort.calls, seconds))
    yield Figure("Tokens written", f"{written:,}", None, _rate(written, seconds))
    yield Figure("Tokens read", f"{effort.tokens - written:,}", None, _rate(effort.tokens - written, seconds))
    yield Figure("Time", duration(seconds), None, "all sessions together")


def _left(now: Snapshot) -> str:
    return "" if now.left_s is None else f"about {duration(now.left_s)} left"


def _rate(count: int, seconds: float) -> str:
    return f"{count / seconds:,.1f}/s on average" if seconds >= 1 else ""


def dollars(amount: float | None) -> str:
    """Money for people: cents, and more places below one."""
    if amount is None:
        return "unknown"
    if amount >= _CENT or not amount:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= _LEAST else f"under ${_LEAST}"
