"""Checks over a whole set: what is wrong with its questions and texts, listed and never deleted.

- ``inputs``: a run, an export, records, a question file as cases; ``instructions`` for rows of instruction and output.
- ``look``: what one question's rules find, in any of several processes; what is remembered stays in one.
- ``rules``: one small function each, by name; those with a memory are ``rules.duplicates`` and ``contamination``.
- ``rules.outside``: rules of other packages.
- ``findings``: the report file, and how it is read back.
- ``page``: the report for people.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from reasonmed.checks.cases import Case
from reasonmed.checks.findings import Checked, Counts, Coverage, Finding, Report, read_findings
from reasonmed.checks.look import Plan, looking
from reasonmed.checks.rules import PASSAGE_RULES, PHI_RULES, QUESTION_RULES, TEXT_RULES, outside
from reasonmed.checks.rules.duplicates import Duplicates
from reasonmed.errors import UsageError
from reasonmed.processes import in_order
from reasonmed.questions.contamination import METHODS, matcher_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from reasonmed.checks.inputs import Input

__all__ = ["RULES", "Case", "Finding", "Plan", "check", "find_rules", "plan", "read_findings", "refuse_empty", "unseen"]

RULES = (
    "input.bad_row",
    *(f"contamination.{method}" for method in METHODS),
    *("duplicates.question", "duplicates.question_near", "duplicates.chain", "duplicates.chain_near"),
    *QUESTION_RULES,
    *PASSAGE_RULES,
    *TEXT_RULES,
    *PHI_RULES,
)
"""All rules, in the order in which a report counts them."""

_ALONE = 6
"""Parts of a set up to which one process checks them all: to start others takes as long."""
_encode = msgspec.json.Encoder().encode


def unseen(count: int) -> None:
    """Nobody follows how far it is."""


def find_rules(names: Iterable[str]) -> tuple[outside.Outside, ...]:
    """The rules of other packages by these names.

    Raises:
        UsageError: there are none.
        PluginError: a module cannot be imported.
    """
    return tuple(outside.find(name, RULES) for name in dict.fromkeys(names))


def plan(
    against: Sequence[Path], licenses: Iterable[str], others: tuple[outside.Outside, ...] = (), *, exact: bool
) -> Plan:
    """What a set is checked for, from what a person gives.

    Args:
        against: the benchmarks that it should hold nothing of: indexes or question files.
        licenses: those that are wanted; any where none is named.
        others: rules of other packages.
        exact: only hashes and n-grams, which needs no extra and misses reworded copies.
    """
    matcher = matcher_of(against, ("exact", "ngram") if exact else None)
    return Plan(matcher, not exact, frozenset(name.casefold() for name in licenses), others)


def refuse_empty(report: Report, path: Path) -> None:
    """Raise where a set that was checked has no question.

    Raises:
        UsageError: it has none.
    """
    if not report.counts.questions:
        raise UsageError(f"{path} has no questions that can be read")


def check(
    source: Input, plan: Plan, sink: BinaryIO, tell: Callable[[Finding], None], done: Callable[[int], None] = unseen
) -> Report:
    """Go over a set once; every finding goes to the sink as a line, in the order of the input and of the rules.

    Args:
        source: what is checked; where it is large, several processes look at it.
        plan: what it is checked for.
        sink: an open file for the findings, one JSON object a line.
        tell: is given each finding too.
        done: called with the number of questions checked so far.
    """
    rules: Counter[str] = Counter()
    licenses: Counter[str] = Counter(dict.fromkeys(("row", "layout", "none"), 0))
    sizes: Counter[str] = Counter()
    matched: Counter[tuple[str, str]] = Counter()
    duplicates = Duplicates()
    try:
        for part in in_order(source.parts(), partial(looking, source.read, plan), alone=_ALONE):
            for looked in part:
                sizes.update(looked.sizes)
                licenses.update(looked.licensed)
                for finding in looked.findings(duplicates):
                    rules[finding.rule] += 1
                    if finding.rule.startswith("contamination."):
                        matched[finding.details["benchmark"], finding.rule] += 1
                    sink.write(_encode(finding) + b"\n")
                    tell(finding)
            done(sizes["questions"])
    finally:
        duplicates.close()
    known = (*RULES, *(rule for one in plan.outside for rule in one.rules))
    counted = {rule: rules[rule] for rule in known if rules[rule]}
    counts = Counts(
        questions=sizes["questions"],
        records=sizes["records"],
        chains=sizes["chains"],
        license_source=dict(licenses),
        findings=sum(rules.values()),
        rules=counted,
        not_checked=_left_out(plan),
    )
    checked = Checked(source.kind, source.path.name)
    return Report(input=checked, coverage=_coverage(plan, matched), counts=counts)


def _coverage(plan: Plan, matched: Counter[tuple[str, str]]) -> list[Coverage]:
    if plan.matcher is None:
        return []
    return [
        Coverage(
            benchmark=one.name,
            questions=len(one.entries),
            of=one.total,
            said=one.coverage,
            methods=plan.matcher.methods(one),
            matches={rule: count for (name, rule), count in sorted(matched.items()) if name == one.name},
        )
        for one in plan.matcher.benchmarks
    ]


def _left_out(plan: Plan) -> dict[str, str]:
    """Rules that had no say, with the reason."""
    told = {}
    if plan.matcher is None:
        told["contamination"] = "no --against was given"
    else:
        told |= {f"contamination.{name}": "--exact was given" for name in METHODS if name not in plan.matcher.wanted}
    if not plan.near:
        told |= dict.fromkeys((rule for rule in RULES if rule.endswith("_near")), "--exact was given")
    if not plan.licenses:
        told["license.not_allowed"] = "no --allow-license was given"
    return told
