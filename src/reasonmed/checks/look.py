"""What the rules find on one question and its texts, and what is remembered of them: no case needs to know another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.checks.cases import BadRow, Case, Hit
from reasonmed.checks.findings import Finding
from reasonmed.checks.rules import PASSAGE_RULES, PHI_RULES, QUESTION_RULES, TEXT_RULES
from reasonmed.checks.rules.duplicates import Marker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from reasonmed.checks.cases import Subject
    from reasonmed.checks.rules.duplicates import Duplicates, Marks
    from reasonmed.checks.rules.outside import Outside
    from reasonmed.questions.contamination import Matcher


class Plan(NamedTuple):
    """What to check a set for."""

    matcher: Matcher | None = None
    near: bool = True
    """Whether near duplicates are looked for, which needs the extra ``check``."""
    licenses: frozenset[str] = frozenset()
    """The licenses that are wanted; empty for any."""
    outside: tuple[Outside, ...] = ()
    """Rules of other packages."""


class Looked(NamedTuple):
    """What was found on a case; its duplicates are found where all marks come together."""

    sizes: tuple[str, ...] = ()
    licensed: tuple[str, ...] = ()
    before: tuple[Finding, ...] = ()
    marks: Marks | None = None
    question_id: str = ""
    after: tuple[Finding, ...] = ()

    def findings(self, duplicates: Duplicates) -> Iterator[Finding]:
        """All findings, in the order of the rules."""
        yield from self.before
        for rule, hit in duplicates.hits(self.marks) if self.marks else ():
            yield _finding(rule, hit, self.question_id)
        yield from self.after


@contextmanager
def looking(
    read: Callable[[object], Iterable[Case | BadRow]], plan: Plan
) -> Iterator[Callable[[object], list[Looked]]]:
    """What every process does with a part of a set."""
    marker = Marker(near=plan.near)
    yield lambda part: [_looked(case, plan, marker) for case in read(part)]


def _looked(case: Case | BadRow, plan: Plan, marker: Marker) -> Looked:
    if isinstance(case, BadRow):
        return Looked(before=(Finding(case.place, "input.bad_row", "row", "", case.problem),))
    name = case.question.id
    found = [] if plan.matcher is None else _contamination(case, plan.matcher)
    return Looked(
        sizes=("questions", *(f"{passage.subject}s" for passage in case.passages)),
        licensed=(case.question.license_source,),
        before=tuple(_finding(rule, hit, name) for rule, hit in found),
        marks=marker.marks(case),
        question_id=name,
        after=(
            *(_finding(rule, hit, name) for rule, hit in _hits(case, plan)),
            *(finding for rules in plan.outside for finding in rules.findings(case)),
        ),
    )


def _finding(rule: str, hit: Hit, question_id: str) -> Finding:
    return Finding(hit.id, rule, hit.subject, question_id, hit.evidence, dict(hit.details))


def _hits(case: Case, plan: Plan) -> Iterator[tuple[str, Hit]]:
    question = case.question
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
