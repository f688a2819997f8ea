"""What a person should know of a question file before money is spent on it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from reasonmed.errors import QuestionError
from reasonmed.files import replacing
from reasonmed.questions import Settings, read
from reasonmed.questions._oddities import oddities
from reasonmed.types import Question, digest, letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Findings(msgspec.Struct):
    """One rule's findings: how many, and the first of them."""

    count: int = 0
    examples: list[str] = []


class Lint(msgspec.Struct):
    """What was found in a file."""

    good: int = 0
    bad: int = 0
    findings: dict[str, Findings] = {}
    sizes: dict[int, int] = {}
    """Questions by number of options."""
    keys: dict[str, int] = {}
    """Questions by the letter of their key."""


def lint(file: Path, settings: Settings, most: int) -> Lint:
    """Read a file once and count what is odd about it; keeps at most so many examples a rule."""
    found = Lint()
    sizes: Counter[int] = Counter()
    keys: Counter[str] = Counter()
    with closing(sqlite3.connect("")) as seen:
        seen.execute("CREATE TABLE stems (mark TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID")
        for one in read(file, settings, lambda rule, words: _note(found, rule, words, most)):
            if isinstance(one, QuestionError):
                found.bad += 1
                _note(found, "bad row", str(one), most)
                continue
            found.good += 1
            sizes[len(one.options)] += 1
            keys["reference" if one.reference else "none" if one.answer is None else letter(one.answer)] += 1
            for rule, words in _oddities(one, seen):
                _note(found, rule, f"{one.id}: {words}", most)
    found.sizes, found.keys = dict(sorted(sizes.items())), dict(sorted(keys.items()))
    return found


def write_native(file: Path, settings: Settings, target: Path) -> int:
    """The good rows of a file in the native layout, as JSON Lines; returns their number."""
    count = 0
    with replacing(target) as sink:
        for one in read(file, settings):
            if isinstance(one, Question):
                sink.write(msgspec.json.encode(native_row(one)) + b"\n")
                count += 1
    return count


def native_row(question: Question) -> dict[str, object]:
    """A question as a row of the native layout."""
    key = None if question.answer is None else question.options[question.answer]
    told = {
        "id": question.id,
        "question": question.stem,
        "options": question.options,
        "answer_index": question.answer,
        "answer": key,
        "context": question.context,
        "source": question.source,
        "license": question.license,
        "license_source": "layout" if question.license_source == "layout" else None,
        "split": question.split,
        "reference": question.reference,
        "meta": question.meta or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _note(found: Lint, rule: str, example: str, most: int) -> None:
    noted = found.findings.setdefault(rule, Findings(examples=[]))
    noted.count += 1
    if len(noted.examples) < most:
        noted.examples.append(example)


def _oddities(question: Question, seen: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    mark = digest((" ".join(question.stem.lower().split()), sorted(question.options), question.context))
    if not seen.execute("INSERT OR IGNORE INTO stems VALUES (?, ?)", (mark, question.id)).rowcount:
        (first,) = seen.execute("SELECT id FROM stems WHERE mark = ?", (mark,)).fetchone()
        yield "same question as another", f"same as {first}"
    folded = [option.casefold() for option in question.options]
    equal = sorted({letter(index) for index, option in enumerate(folded) if folded.count(option) > 1})
    if equal:
        yield "equal options", f"{' and '.join(equal)}: {question.options[ord(equal[0]) - ord('A')]!r}"
    if not question.options:
        yield "no options", "open-ended: for summarize, score and check; run and the other stages need options"
    elif question.answer is None:
        yield "no key", "the models will have to agree on one"
    doubt = question.meta.get("error_type")
    if isinstance(doubt, str) and doubt.strip().lower() not in ("", "ok"):
        yield (
            "the file doubts its own key",
            f"error_type {doubt!r:.60}, correct_answer {question.meta.get('correct_answer')!r:.60}",
        )
    yield from oddities(question)
