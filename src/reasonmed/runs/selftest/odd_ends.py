"""How a run may end at an odd server: its exit code, its words, and its files beside those of a run without faults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Row = dict[str, object]
_SERVICE = 5


class Files(NamedTuple):
    """The lines of ``records.jsonl`` and ``failures.jsonl``."""

    records: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


class Ended(NamedTuple):
    """How a run ended."""

    code: int
    """0 where it came to its end, else the exit code; 70 for an error of the package's own, 124 where it hung."""
    said: str
    """The message that it ended with."""
    files: Files
    resumed: Files | None
    """The files of the same run once its server was without faults; None where it had come to its end."""
    whole: Files
    """The files of a run on a server without faults."""
    marked: str
    """The id of the question that some oddities are about."""


class Ends(NamedTuple):
    """What must come of a case."""

    should: str
    holds: Callable[[Ended], bool]


def _resumed(ended: Ended) -> bool:
    return ended.resumed == ended.whole


def stops(code: int, words: str) -> Ends:
    """The run ends with this exit code and the endpoint's words, and loses nothing."""

    def holds(ended: Ended) -> bool:
        return ended.code == code and words.lower() in ended.said.lower() and _resumed(ended)

    return Ends(f"exit {code}, its words; resumed: same bytes", holds)


def fails(*words: str) -> Ends:
    """One question fails, with one of these words in its story; all others are as without faults."""

    def holds(ended: Ended) -> bool:
        own = [line for line in ended.files.failures if json.loads(line)["question_id"] == ended.marked]
        others = _results(ended.files, ended.marked) == _results(ended.whole, ended.marked)
        return ended.code == 0 and len(own) == 1 and any(word in own[0] for word in words) and others

    return Ends("a failure with its words; others: no change", holds)


def without_sent(name: str) -> Ends:
    """The same results, and no record says that this parameter was sent."""

    def holds(ended: Ended) -> bool:
        sent = [json.loads(line)["provenance"].get("sent") for line in ended.files.records]
        same = ended.code == 0 and _results(ended.files) == _results(ended.whole)
        return same and not any(name in one for one in sent if one)

    return Ends("same results, and what was sent", holds)


def without_text(text: str) -> Ends:
    """Every question has an outcome, and this is in none of the records' texts."""

    def holds(ended: Ended) -> bool:
        rows = [json.loads(line) for line in ended.files.records]
        found = any(text in (row["chain_of_thought"] or "") + (row["response"] or "") for row in rows)
        return EVERY.holds(ended) and not found

    return Ends(f"all questions, no {text} in records", holds)


def _ids(files: Files) -> set[str]:
    return {json.loads(line)["question_id"] for line in (*files.records, *files.failures)}


def _results(files: Files, without: str | None = None) -> tuple[list[Row], list[Row]]:
    """Records and failures without what says how they came about, and without one question's."""
    records = _rows(files.records, ("provenance", "score"), without)
    return records, [{"id": row["question_id"], "reason": row["reason"]} for row in _rows(files.failures, (), without)]


def _rows(lines: Iterable[str], left_out: tuple[str, ...], without: str | None) -> list[Row]:
    rows = [json.loads(line) for line in lines]
    return [{name: row[name] for name in row if name not in left_out} for row in rows if row["question_id"] != without]


SAME = Ends("same bytes", lambda ended: ended.code == 0 and ended.files == ended.whole)
EVERY = Ends(
    "an outcome of all questions",
    lambda ended: ended.code == 0 and bool(ended.files.records) and _ids(ended.files) == _ids(ended.whole),
)
ASIDE = Ends(
    "exit 5, others done; resumed: same bytes",
    lambda ended: (
        ended.code == _SERVICE and _ids(ended.files) == _ids(ended.whole) - {ended.marked} and _resumed(ended)
    ),
)
