"""The questions that few-shot examples are drawn from: a file or a split of it, without what is evaluated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace as changed

from reasonmed.errors import QuestionError, UsageError
from reasonmed.evaluation.sources import Source, rows_of
from reasonmed.questions.benchmarks.fetching import on_hub
from reasonmed.questions.normal import stem_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.evaluation.benchmarks import Benchmark, Reading
    from reasonmed.evaluation.shots import Shots
    from reasonmed.types import Question


def filled(shots: Shots, benchmarks: Sequence[Benchmark], reading: Reading) -> Shots:
    """The examples with their pool read.

    Raises:
        UsageError: there is no such file or split, or it has too few questions that are not evaluated.
        QuestionError: the file cannot be read, or has a bad row.
    """
    file, wanted = _named(shots.source)
    rows = list(_rows(file, reading))
    splits = sorted({one.split or "" for one in rows})
    if wanted is None and len(splits) > 1:
        shown = ", ".join(name or "rows without one" for name in splits)
        raise UsageError(f"--shots-from {shots.source}: it holds several splits ({shown}): name one as {file}/SPLIT")
    if wanted is not None and wanted not in splits:
        shown = ", ".join(filter(None, splits)) or "none, so that the file alone is enough"
        raise UsageError(f"--shots-from {shots.source}: no row is of split {wanted!r}; the file's splits: {shown}")
    split = wanted if wanted is not None else (splits or [""])[0] or None
    evaluated = {stem for one in benchmarks for stems in one.stems for stem in stems}
    pool = tuple(_usable((one for one in rows if wanted in (None, one.split)), evaluated, context=reading.context))
    if len(pool) < shots.count:
        raise UsageError(
            f"--shots {shots.count}: {shots.source} has only {len(pool)} questions with a key that are not evaluated "
            "themselves; give another split or fewer --shots"
        )
    return replace(shots, file=file.name, split=split, pool=pool)


def _named(source: str) -> tuple[Path, str | None]:
    """The file and the split that a text names."""
    if on_hub(source):
        raise UsageError(f"--shots-from {source}: give a file; splits of the hub's files are not fetched for examples")
    path = Path(source)
    if path.is_file():
        return path, None
    if path.parent.is_file():
        return path.parent, path.name
    raise UsageError(f"--shots-from {source}: there is no such file; give FILE, or FILE/SPLIT for one of its splits")


def _rows(file: Path, reading: Reading) -> Iterator[Question]:
    for one in rows_of(Source(file), reading.files):
        if not isinstance(one, QuestionError):
            yield one
        elif not reading.skip_bad:
            raise one


def _usable(rows: Iterator[Question], evaluated: set[str], *, context: bool) -> Iterator[Question]:
    """Rows with options and a key whose stem, with its context or without, is neither evaluated nor there before."""
    seen = set(evaluated)
    for one in rows:
        bare = changed(one, context=None)
        stems = {stem_hash(one), stem_hash(bare)}
        if one.answer is not None and one.options and not seen & stems:
            seen.add(stem_hash(one))
            yield one if context else bare
