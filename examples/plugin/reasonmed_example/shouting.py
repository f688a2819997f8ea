"""A rule of ``reasonmed check``: texts that shout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.checks import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.checks import Case

RULES = ("style.shouting",)


def findings(case: Case) -> Iterator[Finding]:
    """One finding for each text with an exclamation mark."""
    for passage in case.passages:
        for what, text in passage.texts():
            if "!" in text:
                place = text.index("!")
                evidence = f"{what}: {text[max(0, place - 30) : place + 1]!r}"
                yield Finding(passage.id, RULES[0], passage.subject, case.question.id, evidence)
