"""Every answer of an evaluation, to be opened one by one in the HTML report."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING

from reasonmed.evaluation.answers import read_answers
from reasonmed.report import page
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reasonmed.evaluation.answers import Row
    from reasonmed.evaluation.outcome import Results
    from reasonmed.report.page import Html

MOST = 2_000
"""So many answers of each model are in the page; all of them are in ``answers/``."""
_LONGEST = 20_000


def answers(folder: Path, told: Results) -> Iterator[Html]:
    """The answers of each model, by question."""
    for model in told.models:
        yield page.heading(f"Answers of {model.name}")
        if model.answers > MOST:
            note = f"The first {MOST:,} of {model.answers:,} answers; all of them are in {model.answers_file}."
            yield page.paragraph(note, note=True)
        rows = islice(read_answers(folder / model.answers_file), MOST)
        for _, group in groupby(rows, lambda row: (row.benchmark, row.id)):
            yield _question(list(group))


def _question(rows: list[Row]) -> Html:
    first = rows[0]
    outcomes = ", ".join(f"{row.status} ({row.answer or 'no option'})" for row in rows)
    options = [f"{letter(place)}. {option}" for place, option in enumerate(first.options)]
    parts = [first.question, "\n".join(options), f"Key: {first.key}"]
    for row in rows:
        head = f"--- answer {row.draw + 1}: {row.status}, {row.answer or 'no option'}{_how(row)}"
        parts.append(f"{head}\n{_short(row.text)}")
    summary = f"{first.benchmark}/{first.id}: {outcomes}; key {first.key}"
    return page.details(summary, "\n\n".join(parts), first.question)


def _how(row: Row) -> str:
    told = [f"options moved up by {row.rotated}"] if row.rotated else []
    told += [f"perturbed: {row.perturbed}"] if row.perturbed else []
    told += [f"{row.completion_tokens:,} tokens"] if row.completion_tokens is not None else []
    told += [f"no reply: {row.reason}"] if row.reason else []
    return f" ({', '.join(told)})" if told else ""


def _short(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]}\n[... {len(text) - _LONGEST:,} characters skipped ...]\n{text[-half:]}"
