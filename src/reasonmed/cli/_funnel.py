"""The funnel at the end of a run, and one whole record."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from reasonmed.cli._console import out, safe
from reasonmed.report.figures import between, duration, percent
from reasonmed.runs.records import record_in
from reasonmed.runs.reviews.in_words import sentences
from reasonmed.runs.samples import warning
from reasonmed.types import letter

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.runs.status import Status
    from reasonmed.types import Record

_CLIP = 1500
_CHANGES = {
    "precheck": "The tier is the same; of easy questions these errors have no reasons of a judge.",
    "stop_when_decided": "The tier is the same; there are fewer chains to choose from, not of every generator.",
}
"""What else changes where requests are saved."""


def show_funnel(status: Status) -> None:
    """Questions, chains, verdicts, tiers, records; tokens, money and time."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_column(justify="left", style="dim")
    chains = status.chains
    table.add_row("questions", f"{status.questions:,}", _unfinished(status))
    table.add_row("chains of thought", f"{sum(chains.values()) - chains['missing']:,}", "")
    table.add_row("  missing", f"{chains['missing']:,}", "cut, refused or no reasoning; never judged")
    for name in ("correct", "error", "undecided"):
        label = {"correct": "  right", "error": "  wrong", "undecided": "  undecided"}[name]
        table.add_row(label, f"{chains[name]:,}", "no usable verdict" if name == "undecided" else "")
    for tier in ("easy", "medium", "difficult"):
        table.add_row(f"  {tier} questions", f"{status.tiers.get(tier, 0):,}", "")
    reasons = ", ".join(f"{name} {count}" for name, count in status.reasons.items())
    table.add_row("failures", f"{status.failures:,}", safe(reasons))
    wanted = "" if status.until_records is None else f"; --until-records {status.until_records:,}"
    table.add_row("records", f"{status.records:,}", f"of {status.succeeded:,} questions{wanted}", style="bold")
    tried = status.canaries
    if tried is not None:
        whole = partial(percent, digits=0)
        rate = f"{whole(tried.accepted_share)} ({between(tried.low, tried.high, whole)})"
        table.add_row("canaries", f"{tried.planted:,}", f"{tried.accepted} let pass by the judge: {rate}")
    checked = status.reviews.records if status.reviews else None
    if checked is not None and checked.wrong.share is not None:
        rate = f"{percent(checked.wrong.share)} ({between(checked.wrong.low, checked.wrong.high, percent)})"
        table.add_row("reviewed", f"{checked.wrong.of:,}", f"records at random; wrong in the whole set: {rate}")
    table.add_row(
        "requests", f"{status.calls:,}", f"{status.tokens:,} tokens, {_money(status)}, {duration(status.seconds)}"
    )
    read = sum(one.prompt_tokens for one in status.prefix_cache.values())
    if read:
        share = sum(one.cached_tokens for one in status.prefix_cache.values()) / read
        table.add_row("prefix cache", percent(share, digits=0), f"of {read:,} prompt tokens were not computed again")
    out.print(table)


def _unfinished(status: Status) -> str:
    if not status.unfinished:
        return ""
    not_begun = status.has_enough and status.state != "running"
    return f"{status.unfinished:,} {'not begun' if not_begun else 'unfinished'}"


def show_batches(status: Status) -> None:
    """Batch jobs that are open, and the results of those that have ended."""
    for one in status.batches:
        name = f"batch {one.id or '(not submitted yet)'} of {one.model} at {one.provider}"
        age = f", {duration(one.age_s)} old" if one.age_s is not None else ""
        done = f", {one.answered:,} answered, {one.failed:,} failed" if one.answered or one.failed else ""
        told = f": {one.told}" if one.told else ""
        out.print(safe(f"{name}: {one.state}, {one.requests:,} requests{done}{age}{told}"), soft_wrap=True)


def show_reviews(status: Status) -> None:
    """What reviewers found, where there are any."""
    if status.reviews is not None:
        out.print(safe("review", "bold"))
        for line in sentences(status.reviews):
            out.print(safe(f"  {line}"), soft_wrap=True)


def show_turns(status: Status) -> None:
    """Which models took turns in memory, where not all were there at once."""
    turns = status.turns
    if turns is None:
        return
    loading = sum(one.seconds for one in turns.openings)
    took = f", {duration(loading)} of loading" if loading >= 1 else ""
    out.print(safe(f"models in turn: {len(turns.openings)} openings, {turns.switches} switches{took}"))
    if status.state == "finished":
        return
    waits = ", ".join(f"{count:,} for {name}" for name, count in turns.waiting.items())
    last = f"; at the last switch questions waited: {waits}" if waits else ""
    out.print(safe(f"in memory {'now' if status.state == 'running' else 'last'}: {', '.join(turns.open)}{last}"))


def show_stages(status: Status) -> None:
    """Recorded calls, tokens and money by stage."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    told = bool(status.prefix_cache)
    for name in ("stage", "calls", "reused", "refused", "tokens in", *["cached"] * told, "tokens out", "USD"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for name, one in status.stages.items():
        cached = [one.cached_tokens] * told
        counts = (one.calls, one.reused, one.rejected, one.prompt_tokens, *cached, one.completion_tokens)
        usd = "unknown" if one.spent_usd is None else f"{one.spent_usd:.4f}"
        table.add_row(safe(name), *(f"{count:,}" for count in counts), usd)
    out.print(table)
    for model, use in status.prefix_cache.items():
        share = f"{percent(use.share)} of {use.prompt_tokens:,} prompt tokens"
        out.print(safe(f"prefix cache of {model}: {share}"), soft_wrap=True)
    for model, questions in status.equal_samples.items():
        out.print(safe(warning(model, questions)), soft_wrap=True, style="yellow")
    for name, saving in status.saved.items():
        tokens = "" if saving.tokens is None else f", about {saving.tokens:,} tokens"
        money = "" if not saving.usd else f", about {saving.usd:.4f} USD"
        out.print(safe(f"saved by {name}: {saving.calls:,} requests{tokens}{money}. {_CHANGES[name]}"), soft_wrap=True)
    if status.lost_usd:
        out.print(safe(f"and {status.lost_usd:.4f} USD at worst for tries whose usage nobody told"), soft_wrap=True)


def _money(status: Status) -> str:
    if status.demo:
        return "no cost"
    return f"{status.spent_usd:.4f} USD" if status.spent_usd is not None else "cost unknown (no price given)"


def first_record(path: Path) -> Record | None:
    """The first line of a record file."""
    with path.open(encoding="utf-8") as file:
        line = file.readline()
    return record_in(json.loads(line)) if line else None


def show_record(record: Record) -> None:
    """One record as a person reads it."""
    options = "\n".join(f"{letter(index)}. {text}" for index, text in enumerate(record.options))
    place = record.answer_index
    key = record.answer if place is None else f"{letter(place)}. {record.answer}"
    flags = ", ".join(record.flags) or "none"
    body = Text()
    for title, text in (
        ("question", f"{_clip(record.context)}{record.question}\n{options}"),
        ("answer", key),
        ("chain of thought", record.chain_of_thought),
        ("response", record.response or "(none)"),
        ("tier · verified · flags", f"{record.tier} · {record.verified} · {flags}"),
    ):
        body.append(f"{title}\n", style="bold cyan")
        body.append(safe(text))
        body.append("\n\n")
    body.rstrip()
    out.print(Panel(body, title=safe(f"record {record.id}"), title_align="left"))


def _clip(context: str | None) -> str:
    if not context:
        return ""
    shown = context if len(context) <= _CLIP else f"{context[:_CLIP]} ..."
    return f"{shown}\n\n"
