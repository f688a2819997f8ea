"""What a person should know of a question file before money is spent on it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reasonmed.errors import QuestionError
from reasonmed.files import replacing
from reasonmed.questions import Settings, read
from reasonmed.questions._oddities import oddities
from reasonmed.questions.leads import same_question
from reasonmed.questions.normal import key_of
from reasonmed.types import Question, letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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


class Earlier(NamedTuple):
    """The first of some equal questions."""

    id: str
    key: str
    """The normal form of its key's text; empty where it has none."""


class Seen:
    """Questions that were seen, in this file or an earlier one; kept on disk, not in memory."""

    def __init__(self) -> None:
        self._store = sqlite3.connect("")
        self._store.execute("CREATE TABLE stems (mark TEXT PRIMARY KEY, id TEXT, key TEXT) WITHOUT ROWID")

    def first(self, question: Question) -> Earlier | None:
        """The same question, which was seen before; None where there is none, and then this is the first."""
        mark = same_question(question)
        new = (mark, question.id, key_of(question))
        if self._store.execute("INSERT OR IGNORE INTO stems VALUES (?, ?, ?)", new).rowcount:
            return None
        return Earlier(*self._store.execute("SELECT id, key FROM stems WHERE mark = ?", (mark,)).fetchone())

    def close(self) -> None:
        """Let go of them."""
        self._store.close()


def lint(file: Path, settings: Settings, most: int, seen: Seen | None = None) -> Lint:
    """Read a file once and count what is odd about it.

    Args:
        file: the file.
        settings: how to read it.
        most: how many examples of a rule are kept.
        seen: the questions of earlier files.
    """
    found = Lint()
    sizes: Counter[int] = Counter()
    keys: Counter[str] = Counter()
    with closing(Seen()) if seen is None else nullcontext(seen) as earlier:
        for one in read(file, settings, lambda rule, words: _note(found, rule, words, most)):
            if isinstance(one, QuestionError):
                found.bad += 1
                _note(found, "bad row", str(one), most)
                continue
            found.good += 1
            sizes[len(one.options)] += 1
            keys["reference" if one.reference else "none" if one.answer is None else letter(one.answer)] += 1
            for rule, words in _oddities(one, earlier):
                _note(found, rule, f"{one.id}: {words}", most)
    found.sizes, found.keys = dict(sorted(sizes.items())), dict(sorted(keys.items()))
    return found


def write_native(file: Path, settings: Settings, target: Path) -> int:
    """The good rows of a file in the native layout, as JSON Lines; returns their number."""
    return write_rows((one for one in read(file, settings) if isinstance(one, Question)), target)


def write_rows(questions: Iterable[Question], target: Path) -> int:
    """Questions in the native layout, as JSON Lines; returns their number."""
    count = 0
    with replacing(target) as sink:
        for one in questions:
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


def _oddities(question: Question, seen: Seen) -> Iterator[tuple[str, str]]:
    first = seen.first(question)
    if first is not None:
        yield "same question as another", f"same as {first.id}"
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
