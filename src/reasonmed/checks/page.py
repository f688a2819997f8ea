"""The report for people: counts, coverage, a plot and findings to open, as one HTML page."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from reasonmed.checks.cases import Case
from reasonmed.questions.ids import question_of
from reasonmed.report import page as html
from reasonmed.report.plot import bars

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.checks.findings import Finding, Report
    from reasonmed.checks.inputs import Input
    from reasonmed.report.page import Html

_MOST = 200


class Shown:
    """The first findings of every rule, to be shown."""

    def __init__(self) -> None:
        self.by_rule: dict[str, list[Finding]] = defaultdict(list)

    def add(self, finding: Finding) -> None:
        """Keep a finding if its rule has not enough of them."""
        kept = self.by_rule[finding.rule]
        if len(kept) < _MOST:
            kept.append(finding)

    def stems(self, source: Input) -> dict[str, str]:
        """The stems of the questions that its findings name, by their ids."""
        findings = [one for kept in self.by_rule.values() for one in kept]
        sought = {name for one in findings for name in _named(one)}
        found: dict[str, str] = {}
        for case in source.cases() if sought else ():
            if isinstance(case, Case) and case.question.id in sought:
                found.setdefault(case.question.id, case.question.stem)
                if len(found) == len(sought):
                    break
        return found


def _named(finding: Finding) -> Iterator[str]:
    """The ids of the questions that a finding is about: its own, and the one that it is like."""
    if finding.question_id:
        yield finding.question_id
    if isinstance(other := finding.details.get("other"), str):
        yield other if finding.subject == "question" else question_of(other)


def report_page(report: Report, shown: Shown, stems: Mapping[str, str]) -> str:
    """The whole page; ``stems`` has the questions' texts by their ids."""
    return html.page(f"Checks of {report.input.name}", _parts(report, shown, stems))


def _parts(report: Report, shown: Shown, stems: Mapping[str, str]) -> Iterator[Html]:
    counts, rules = report.counts, report.counts.rules
    yield html.paragraph(f"{report.sizes}; {counts.findings:,} findings. Nothing was deleted.")
    yield html.paragraph(f"{report.licenses}.")
    yield html.heading("Benchmarks")
    yield from _benchmarks(report)
    yield html.heading("Findings by rule")
    if rules:
        yield bars("Findings by rule", {rule: {"findings": float(count)} for rule, count in rules.items()}, "findings")
        yield html.table(("rule", "findings"), list(rules.items()))
    else:
        yield html.paragraph("No rule found anything.")
    if counts.not_checked:
        yield html.heading("Not checked")
        yield html.table(("rule", "why"), list(counts.not_checked.items()))
    for rule in rules:
        yield html.heading(rule)
        for finding in shown.by_rule[rule]:
            about = stems.get(finding.question_id, "")
            yield html.details(f"{finding.subject} {finding.id}", _text(finding, stems), about)
        if rules[rule] > len(shown.by_rule[rule]):
            yield html.paragraph(f"{rules[rule] - len(shown.by_rule[rule]):,} more in the JSON report.", note=True)


def _benchmarks(report: Report) -> Iterator[Html]:
    if not report.coverage:
        yield html.paragraph("Checked against no benchmark: nothing is said about contamination.")
        return
    rows = [
        (one.benchmark, one.said, ", ".join(one.methods), f"{sum(one.matches.values()):,}") for one in report.coverage
    ]
    yield html.table(("benchmark", "coverage", "methods", "matches"), rows)


def _text(finding: Finding, stems: Mapping[str, str]) -> str:
    lines = [finding.evidence, *(f"{name}: {value}" for name, value in finding.details.items())]
    lines += [f"question {name}: {stems[name]}" for name in dict.fromkeys(_named(finding)) if name in stems]
    return "\n".join(lines)
