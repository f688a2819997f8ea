"""Findings of a report of ``reasonmed check``, by the questions that they are on."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reasonmed.checks.findings import Finding
    from reasonmed.web.index import Index


class Findings:
    """What a report found.

    Args:
        found: its findings.
    """

    def __init__(self, found: Iterable[Finding]) -> None:
        self._by_question: dict[str, list[Finding]] = {}
        self._by_rule: dict[str, set[str]] = {}
        self._rows: OrderedDict[tuple[int, int], Mapping[str, int]] = OrderedDict()
        for one in found:
            self._by_question.setdefault(one.question_id, []).append(one)
            for name in _names(one.rule):
                self._by_rule.setdefault(name, set()).add(one.question_id)

    def of(self, question: str) -> list[Finding]:
        """Those on a question, its records and its chains."""
        return self._by_question.get(question, [])

    def rows(self, index: Index) -> Mapping[str, int]:
        """The rows of an index that each rule has found something on; remembered until the index grows."""
        key = (id(index), index.state.size)
        if key not in self._rows:
            self._rows[key] = index.rows(self._by_rule)
            while len(self._rows) > _REMEMBERED:
                self._rows.popitem(last=False)
        return self._rows[key]


_REMEMBERED = 8


def _names(rule: str) -> list[str]:
    """A rule, and the category that its name begins with, as a filter has them: ``leak.key`` and ``leak.*``."""
    category, dot, _ = rule.partition(".")
    return [rule, f"{category}.*"] if dot else [rule]
