"""Diff: which records differ between two runs, and because of which calls."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from reasonmed.engine.flow.traffic import STAGES
from reasonmed.engine.ledger import Ledger, unpack_story, unpack_texts
from reasonmed.runs.records import CALLS_OF, records_of, scores_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.types import Record

_CALLS = f"""
SELECT stage, model, sample, attempt, temperature, max_tokens, key, texts FROM calls
WHERE {CALLS_OF} AND length(key) = 16 ORDER BY call
"""  # noqa: S608 - a constant


class Change(msgspec.Struct, frozen=True):
    """A question whose records differ: how, and the first call that explains it."""

    question_id: str
    kind: str
    """``added``, ``removed`` or ``changed``."""
    cause: str
    call: str = ""


def changes(old: RunDirectory, new: RunDirectory) -> Iterator[Change]:
    """What differs, question by question, in the order of ids."""
    facts = old.manifest(), new.manifest()
    with closing(old.reader()) as one, closing(new.reader()) as other:
        names = sorted({name for ledger in (one, other) for (name,) in ledger.query("SELECT id FROM outcomes")})
        for name in names:
            before, after = _records(one, name, facts[0]), _records(other, name, facts[1])
            if before == after:
                continue
            kind = "added" if not before else "removed" if not after else "changed"
            cause, call = _cause(one, other, name)
            yield Change(name, kind, cause, call)


def summary(found: list[Change]) -> dict[str, int]:
    """Changes by kind and cause."""
    return dict(Counter(f"{change.kind}: {change.cause}" for change in found).most_common())


def _records(ledger: Ledger, name: str, facts: dict[str, Any]) -> list[Record]:
    row = next(ledger.query("SELECT story FROM outcomes WHERE id = ?", name), None)
    if row is None:
        return []
    neutral = {**facts, "prompts": {}}
    return records_of(unpack_story(row[0]), neutral, scores_of(ledger, name))


def _cause(one: Ledger, other: Ledger, name: str) -> tuple[str, str]:
    """The earliest stage at which the calls of a question differ, and how."""
    before, after = _calls(one, name), _calls(other, name)
    for stage in STAGES:
        places = sorted({place for place in (*before, *after) if place[0] == stage}, key=str)
        for place in places:
            words = " ".join(str(part) for part in place)
            if place not in before or place not in after:
                return f"{stage}: asked in one run only", words
            if before[place][0] != after[place][0]:
                return f"{stage}: another request", words
            if before[place][1] != after[place][1]:
                return f"{stage}: another reply to the same request", words
    if not before or not after:
        return "the question is in one run only", ""
    return "the same calls, read or combined in another way", ""


def _calls(ledger: Ledger, name: str) -> dict[tuple[Any, ...], tuple[bytes, bytes]]:
    """Calls by their place in the question's story: stage, model, sample, attempt, temperature and a running number."""
    found: dict[tuple[Any, ...], tuple[bytes, bytes]] = {}
    seen: Counter[tuple[Any, ...]] = Counter()
    for stage, model, sample, attempt, temperature, limit, key, texts in sorted(ledger.query(_CALLS, name), key=_order):
        place = (stage, model, sample, attempt, temperature, limit)
        found[*place, seen[place]] = (key, unpack_texts(texts)[1])
        seen[place] += 1
    return found


def _order(row: tuple[Any, ...]) -> tuple[str, bytes]:
    """Calls of one place in the order of what they asked, not in the order of arrival."""
    return str(row[:6]), unpack_texts(row[7])[0]
