"""Checks over a whole set: what is wrong with its questions and texts, listed and never deleted.

- ``inputs``: a run, an export, records, a question file as cases; ``instructions`` for rows of instruction and output.
- ``rules``: one small function each, by name; those with a memory are ``rules.duplicates`` and ``contamination``.
- ``rules.outside``: rules of other packages.
- ``findings``: the report file, and how it is read back.
- ``page``: the report for people.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import msgspec

from reasonmed.checks.cases import BadRow, Case, Hit
from reasonmed.checks.findings import Checked, Counts, Coverage, Finding, Report, read_findings
from reasonmed.checks.rules import PASSAGE_RULES, PHI_RULES, QUESTION_RULES, TEXT_RULES, outside
from reasonmed.checks.rules.duplicates import Duplicates
from reasonmed.errors import UsageError
from reasonmed.questions.contamination import METHODS, matcher_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from reasonmed.checks.cases import Subject
    from reasonmed.checks.inputs import Input
    from reasonmed.questions.contamination import Matcher

__all__ = ["RULES", "Case", "Finding", "Plan", "check", "find_rules", "plan", "read_findings", "refuse_empty"]

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

_encode = msgspec.json.Encoder().encode


class Plan(NamedTuple):
    """What to check a set for."""

    matcher: Matcher | None = None
    near: bool = True
    """Whether near duplicates are looked for, which needs the extra ``check``."""
    licenses: frozenset[str] = frozenset()
    """The licenses that are wanted; empty for any."""
    outside: tuple[outside.Outside, ...] = ()
    """Rules of other packages."""


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


def check(source: Input, plan: Plan, sink: BinaryIO, tell: Callable[[Finding], None]) -> Report:
    """Go over a set once; every finding goes to the sink as a line, in the order of the input and of the rules.

    Args:
        source: what is checked.
        plan: what it is checked for.
        sink: an open file for the findings, one JSON object a line.
        tell: is given each finding too.
    """
    rules: Counter[str] = Counter()
    licenses: Counter[str] = Counter(dict.fromkeys(("row", "layout", "none"), 0))
    sizes: Counter[str] = Counter()
    matched: Counter[tuple[str, str]] = Counter()
    duplicates = Duplicates(near=plan.near)
    try:
        for case in source.cases():
            if isinstance(case, Case):
                sizes.update(["questions", *(f"{passage.subject}s" for passage in case.passages)])
                licenses[case.question.license_source] += 1
            for finding in _findings(case, plan, duplicates):
                rules[finding.rule] += 1
                if finding.rule.startswith("contamination."):
                    matched[finding.details["benchmark"], finding.rule] += 1
                sink.write(_encode(finding) + b"\n")
                tell(finding)
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


def _findings(case: Case | BadRow, plan: Plan, duplicates: Duplicates) -> Iterator[Finding]:
    if isinstance(case, BadRow):
        yield Finding(case.place, "input.bad_row", "row", "", case.problem)
        return
    for rule, hit in _hits(case, plan, duplicates):
        yield Finding(hit.id, rule, hit.subject, case.question.id, hit.evidence, dict(hit.details))
    for rules in plan.outside:
        yield from rules.findings(case)


def _hits(case: Case, plan: Plan, duplicates: Duplicates) -> Iterator[tuple[str, Hit]]:
    question = case.question
    if plan.matcher is not None:
        yield from _contamination(case, plan.matcher)
    yield from duplicates.hits(case)
    for name, rule in QUESTION_RULES.items():
        yield from _hit(name, question.id, "question", rule(case, plan.licenses))
    for name, screen in PHI_RULES.items():
        whole = "\n".join([question.context or "", question.stem, *question.options])
        yield from _hit(name, question.id, "question", screen(whole))
    for passage in case.passages:
        for name, look in PASSAGE_RULES.items():
            yield from _hit(name, passage.id, passage.subject, look(passage, question))
        for what, text in passage.texts():
            for name, read in TEXT_RULES.items():
                yield from _hit(name, passage.id, passage.subject, _in(what, read(text, question)))
            for name, screen in PHI_RULES.items():
                yield from _hit(name, passage.id, passage.subject, _in(what, screen(text)))


def _hit(rule: str, name: str, subject: Subject, evidence: str | None) -> Iterator[tuple[str, Hit]]:
    if evidence is not None:
        yield rule, Hit(name, subject, evidence)


def _in(what: str, evidence: str | None) -> str | None:
    return None if evidence is None else f"{what}: {evidence}"


def _contamination(case: Case, matcher: Matcher) -> Iterator[tuple[str, Hit]]:
    if not case.question.options:
        return
    for match in matcher.matches(case.question):
        details: dict[str, object] = {
            "benchmark": match.benchmark,
            "match": match.id,
            "similarity": match.similarity,
            "options": f"{match.options}/{match.of_options}",
        }
        yield f"contamination.{match.method}", Hit(case.question.id, "question", match.evidence, details)


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
