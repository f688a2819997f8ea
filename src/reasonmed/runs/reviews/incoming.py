"""Files of votes that reviewers send back: read whole or not at all, and merged into the votes of a run."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from reasonmed.documents import Document, in_mb, visible
from reasonmed.errors import UsageError
from reasonmed.parsing.step_labels import TYPES
from reasonmed.questions.ids import question_of
from reasonmed.runs.reviews.names import one_line
from reasonmed.runs.reviews.placed import placed
from reasonmed.runs.reviews.store import FILE, Reviews
from reasonmed.runs.reviews.votes import Vote
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews.placed import Placed

VERSION = 1
MOST_BYTES = 16 << 20
"""Bytes of a file of votes: thousands of edited texts."""

MOST_REVIEWERS = 100


class VotesFile(Struct, kw_only=True):
    """What a reviewer sends back: the votes on the texts of a pack."""

    votes_version: int = VERSION
    pack: str
    votes: tuple[Vote, ...]


VOTES = Document(
    "file of votes",
    VotesFile,
    UsageError,
    "ask the reviewer to save and send it again; nothing of it was merged",
    ("votes_version", (VERSION,)),
)


class Merged(NamedTuple):
    """What became of a file: how many votes were new and known, and by whom.

    ``stale`` has the texts of the votes that are on something gone or changed; ``unnamed`` counts types of faults that
    this version does not know, and without which the votes are kept.
    """

    new: int
    known: int
    by: dict[str, int]
    stale: list[str]
    unnamed: int


def merge_file(run: RunDirectory, path: Path) -> Merged:
    """Merge a file of votes into those of a run; a vote that is there already is left as it is.

    Votes on texts that are gone, or have changed since, are kept too: they are stale.

    Raises:
        UsageError: it is no such file, or of another run; no vote of it was merged.
    """
    found = _votes_in(path)
    with closing(Reviews(run.path / FILE, read_only=True)) as reviews:
        names = {vote.reviewer.casefold(): vote.reviewer for vote in reviews.votes()}
    votes, unnamed = _clean(found, names), sum(map(_unnamed, found))
    with closing(run.reader()) as ledger:
        rows = placed(ledger, votes)
        _check(path, ledger, rows)
    with closing(Reviews(run.path / FILE)) as reviews:
        new, known = reviews.merge(votes)
    by = Counter(vote.reviewer for vote in votes)
    stale = sorted(row.vote.target for row in rows if row.stale)
    return Merged(new, known, dict(sorted(by.items())), stale, unnamed)


def _votes_in(path: Path) -> Sequence[Vote]:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise VOTES.refuse(path, f"it is larger than {in_mb(MOST_BYTES)}")
        return VOTES.read(path).votes
    except (FileNotFoundError, NotADirectoryError) as missing:
        raise UsageError(f"{path}: there is no such file; give a file that a reviewer saved") from missing
    except ValueError as none:  # NUL, or half of a character
        raise UsageError(f"{str(path)!r} is no name of a file") from none


def _clean(votes: Iterable[Vote], names: dict[str, str]) -> list[Vote]:
    """Votes without types of faults that nobody knows, with each name as the run has it, whatever its letter sizes."""
    found = []
    for vote in votes:
        name = one_line(visible(vote.reviewer))
        faults = tuple(fault if fault.type in (*TYPES, None) else replace(fault, type=None) for fault in vote.faults)
        error, role = vote.error_type if vote.error_type in TYPES else None, one_line(visible(vote.role))
        reviewer = names.setdefault(name.casefold(), name)
        found.append(replace(vote, reviewer=reviewer, role=role, faults=faults, error_type=error))
    return found


def _unnamed(vote: Vote) -> int:
    types = [vote.error_type, *(fault.type for fault in vote.faults)]
    return sum(type_ is not None and type_ not in TYPES for type_ in types)


def _check(path: Path, ledger: Ledger, rows: Sequence[Placed]) -> None:
    """See that a file is of this run, and that what its votes say fits the texts that they are about."""
    questions = {question_of(row.vote.target) for row in rows}
    if questions and not any(ledger.has(name) for name in questions):
        raise VOTES.refuse(
            path, f"none of its {len(questions):,} questions is in {ledger.path.parent}, so it is of another run"
        )
    reviewers = len({row.vote.reviewer for row in rows})
    if reviewers > MOST_REVIEWERS:
        raise VOTES.refuse(path, f"it has votes of {reviewers:,} reviewers, and one file may have {MOST_REVIEWERS}")
    for number, row in enumerate(rows, 1):
        problem = _problem(row)
        if problem:
            raise VOTES.refuse(path, f"vote {number}, on {row.vote.target!r:.100}: {problem}")


def _problem(row: Placed) -> str | None:
    """Why a vote cannot be what a reviewer said of this text."""
    vote, target = row.vote, row.target
    if not vote.reviewer:
        return "it has no reviewer's name"
    if target is None or row.stale:
        return None
    letters = [letter(place) for place in range(len(target.question.options))]
    if vote.key and vote.key not in letters:
        return f"its key is {vote.key!r}, and the options are {', '.join(letters) or 'none'}"
    wrong = [one for one in vote.faults if not 0 <= one.start < one.end <= len(target.text)]
    if wrong:
        return f"it marks characters {wrong[0].start} to {wrong[0].end}, and the text has {len(target.text)}"
    return None
