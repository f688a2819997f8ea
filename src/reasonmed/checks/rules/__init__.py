"""The rules, one function each, found by name.

A rule of ``QUESTION_RULES`` is ``(case, allowed licenses) -> evidence``, one of ``PASSAGE_RULES`` ``(passage, question)
-> evidence``, one of ``TEXT_RULES`` ``(text, question) -> evidence``, one of ``PHI_RULES`` ``(text) -> evidence``.
Evidence is a sentence, or None where there is nothing to say. Duplicates, which must be remembered, are in a module of
their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.checks.rules import answers, licenses, prose, steps
from reasonmed.screening import phi
from reasonmed.screening.leak import find_leak

if TYPE_CHECKING:
    from collections.abc import Callable

    from reasonmed.checks.cases import Case, Passage
    from reasonmed.checks.rules.licenses import Allowed
    from reasonmed.types import Question

QUESTION_RULES: dict[str, Callable[[Case, Allowed], str | None]] = {
    "gold.disputed": answers.disputed,
    "license.missing": licenses.missing,
    "license.noncommercial": licenses.noncommercial,
    "license.unknown": licenses.unknown,
    "license.not_allowed": licenses.not_allowed,
}
PASSAGE_RULES: dict[str, Callable[[Passage, Question], str | None]] = {
    "answer.against_key": answers.against_key,
    "answer.contradiction": answers.contradiction,
    "answer.response": answers.response_differs,
    "text.truncated": prose.truncated,
    "text.bare": prose.bare,
    "steps.severe": steps.severe,
    "steps.offsets": steps.offsets,
}
TEXT_RULES: dict[str, Callable[[str, Question], str | None]] = {
    "leak.gold": lambda text, _: find_leak(text),
    "text.refusal": prose.refusal,
    "text.language": prose.other_language,
    "text.repetition": prose.repetition,
    "text.degenerate": prose.degenerate,
}
PHI_RULES: dict[str, Callable[[str], str | None]] = {f"phi.{kind}": rule for kind, rule in phi.RULES.items()}
"""These look at the questions' own texts too."""
