"""The text of a data card: a template over the facts, in which whatever is not written there is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from reasonmed.export.card.head import is_english
from reasonmed.export.card.reviewers import not_clinical, reviews
from reasonmed.export.card.statements import (
    DEMO,
    biases,
    contents,
    filters,
    left_out,
    limits,
    savings,
    without_license,
)
from reasonmed.export.card.terms import terms_date, terms_of
from reasonmed.questions.licenses import OTHER, UNKNOWN, conflict, identifier, text_of
from reasonmed.report import markdown
from reasonmed.report.figures import decimal, interval, percent
from reasonmed.report.markdown import Markdown, code, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from reasonmed.export._configs import Config
    from reasonmed.export._manifest import Export
    from reasonmed.export.card.extras import Estimate, Share
    from reasonmed.export.card.facts import Source, Tally

_TEMPLATE = "card.md.jinja"
_NONE = "none"
_TIERS = ("easy", "medium", "difficult", _NONE)
_SPLITS = ("train", "validation", "test")
_OUTCOMES = ("correct", "error", "undecided", "missing", "unjudged")
_SAID_BY = {"row": ", as the question file says", "layout": ", as for published files of this layout"}
"""Who named a license, by ``license_source``."""
_ORDERS = {
    "easy-first": " In every file, questions with a higher pass rate come first.",
    "hard-first": " In every file, questions with a lower pass rate come first.",
    "random": " In every file, questions are in a random order.",
}
_UNMEASURED = "not measured"
_HOUR = 3600


def text(told: Export, configs: Sequence[Config], name: str, shown: Mapping[str, str]) -> str:
    """The card below its head.

    Args:
        told: the export's manifest.
        configs: what ``datasets`` loads, as in the head.
        name: the title.
        shown: what each picture shows, by its path.
    """
    facts, counts = told.card, told.card.counts
    scores = {int(score): found for score, found in counts.by_score.items() if score != _NONE}
    return _template().render(
        export=told,
        run=facts.run,
        parts=facts.parts,
        roles=facts.roles,
        counts=counts,
        checks=told.checks,
        judge_card=told.judge_card,
        name=name,
        demo=DEMO,
        warning=not_clinical(told).split(". ", 1),
        contents=contents(told),
        reviews=reviews(told),
        english=is_english(counts),
        loaded=[(one.config_name, _rows_of(told, one)) for one in configs],
        forms=[(f"{form}/", note, _rows_in(told, form)) for form, note in told.forms.items()],
        tiers=_tiers(counts),
        order=_ORDERS.get(told.settings.order, ""),
        splits={split: told.splits[split] for split in _SPLITS if split in told.splits},
        pictures={path.rpartition("/")[2]: Markdown(f"![{what}]({path})") for path, what in shown.items()},
        scores=dict(sorted(scores.items())),
        scored=sum(scores.values()),
        mean=sum(score * found for score, found in scores.items()) / max(1, sum(scores.values())),
        savings=savings(facts.run),
        terms=[(model, terms_of(model)) for model in facts.writers],
        terms_date=terms_date(),
        unlicensed=without_license(facts),
        judges=facts.judges,
        self_judged=facts.self_judged,
        outcomes=_OUTCOMES,
        dropped=list(told.settings.drops.drop) if told.settings.drops else [],
        reused=sum(one.reused for one in facts.run.stages.values()),
        left_out=left_out(told),
        filters=filters(told.settings),
        biases=[*biases(told), *limits(told)],
    )


@cache
def _template() -> Template:
    made = Environment(  # noqa: S701 - the values are escaped for Markdown, by finalize
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: value if isinstance(value, Markdown) else plain(value),
    )
    made.filters |= {
        "as_written": Markdown,
        "code": _marked(code),
        "count": markdown.count,
        "docstring": _docstring,
        "estimate": _estimate,
        "lasting": _lasting,
        "listed": _listed,
        "number": markdown.number,
        "options": _options,
        "percent": percent,
        "share": _share,
    }
    made.globals["license"] = _license
    return made.get_template(_TEMPLATE)


def _marked(make: Callable[[object], str]) -> Callable[[object], Markdown]:
    return lambda value: Markdown(make(value))


def _listed(names: Iterable[str]) -> Markdown:
    return Markdown(", ".join(map(plain, names)))


def _docstring(note: str) -> Markdown:
    """The first line of a format's docstring."""
    return Markdown("".join(code(part) if place % 2 else _spaced(part) for place, part in enumerate(note.split("``"))))


def _spaced(part: str) -> str:
    """Words between pieces of code, with the spaces that set them apart."""
    return f"{' ' * part.startswith(' ')}{plain(part)}{' ' * part.endswith(' ')}"


def _rows_in(told: Export, form: str) -> int:
    return sum(rows for file, rows in told.rows.items() if file.startswith(f"{form}/"))


def _rows_of(told: Export, config: Config) -> dict[str, int]:
    paths = {one.split: one.path for one in config.data_files}
    return {split: told.rows.get(paths.get(split, ""), 0) for split in _SPLITS}


def _tiers(counts: Tally) -> list[str]:
    return [tier for tier in _TIERS if any(tier in split for split in counts.tiers.values())]


def _license(source: Source) -> Markdown:
    """The license of a source with who says so, all of them where its publishers disagree."""
    said = conflict(source.source, source.license)
    named = _SAID_BY.get(source.license_source, "")
    if said:
        claims = (f"[{one.license}]({text_of(one.license)}) according to [this page]({one.where})" for one in said)
        return Markdown(f"**unclear:** {', '.join(claims)}{named}")
    found = identifier(source.license)
    if found == UNKNOWN:
        return Markdown(f"**unknown**{named}")
    if found == OTHER:
        return Markdown(f"{plain(source.license)} (not among the licenses that the hub knows){named}")
    where = text_of(source.license)
    return Markdown(f"{found if where is None else f'[{found}]({where})'}{named}")


def _options(options: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in options.items())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


def _share(found: Share | None) -> str:
    if not found or not found.of or found.share is None:
        return _UNMEASURED
    return f"{percent(found.share)} ({found.count:,} of {found.of:,}{interval(found.low, found.high, percent)})"


def _estimate(found: Estimate | None) -> str:
    if found is None or found.value is None:
        return _UNMEASURED
    return f"{decimal(found.value)}{interval(found.low, found.high, decimal)}"


def _lasting(seconds: float) -> str:
    if seconds < _HOUR:
        return f"{seconds / 60:,.1f} minutes"
    return f"{seconds / _HOUR:,.1f} hours"
