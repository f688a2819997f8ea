"""An end by number: no further question begins once a run has N records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.engine.job import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from reasonmed.engine.job import Job, Outcome, Row, Score
    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.progress import Watch


def rows_of(job: Job[Row, Outcome], until_records: int | None, ledger: Ledger, watch: Watch) -> Iterator[Row]:
    """The unfinished rows that a session takes, each when there is room for it."""
    rows = ledger.pending(job.decode)
    if until_records is None:
        return rows
    watch.until_records, watch.records = until_records, ledger.sums().records
    return _taken(rows, job.key, ledger.begun(), watch)


def _taken(rows: Iterable[Row], key: Callable[[Row], str], begun: AbstractSet[str], watch: Watch) -> Iterator[Row]:
    """All rows until there are enough records, and after that those that an earlier session began."""
    waiting = {*begun}
    for row in rows:
        if watch.has_enough and not waiting:
            return
        name = key(row)
        if name in waiting or not watch.has_enough:
            waiting.discard(name)
            yield row


def count(watch: Watch, kept: Kept | Score) -> None:
    """Count a finished row, and its records."""
    watch.done += 1
    if isinstance(kept, Kept):
        watch.records += kept.records
        watch.gained += kept.records


def in_words(watch: Watch, left: int) -> str | None:
    """How a session that was to end at a number of records ended; ``left`` questions have no outcome."""
    wanted = watch.until_records
    if wanted is None:
        return None
    if left:
        questions = "1 question was" if left == 1 else f"{left:,} questions were"
        return (
            f"stopped at {watch.records:,} records, of {wanted:,} that were wanted (until-records): {questions} not "
            "begun; a larger number, or none, takes them"
        )
    if watch.records < wanted:
        return f"all questions are finished: they made {watch.records:,} records, and {wanted:,} were wanted"
    return None
