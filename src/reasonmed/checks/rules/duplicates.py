"""Questions and chains of thought that the set has already had: equal, or nearly so.

What has been seen is kept in a temporary database on disk, so that memory does not grow with the set.
"""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from typing import TYPE_CHECKING

from reasonmed.checks.cases import Hit
from reasonmed.questions.contamination.fingerprint import fingerprint, masked_words
from reasonmed.questions.contamination.minhash import Signer, similarity
from reasonmed.questions.leads import same_question
from reasonmed.questions.normal import normal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.checks.cases import Case, Passage
    from reasonmed.types import Question

_BAND = 32
"""Bytes of a signature that must be equal for two texts to be compared: 8 of its 64 numbers."""
_NEAR = 0.85
_TABLES = """
CREATE TABLE exact (mark BLOB PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE texts (number INTEGER PRIMARY KEY, id TEXT NOT NULL, signature BLOB NOT NULL, options TEXT NOT NULL);
CREATE TABLE bands (mark BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA synchronous=OFF;
"""


class Seen:
    """Texts of one kind that have been seen.

    Args:
        near: whether near duplicates are looked for too, which needs the extra ``check``.
    """

    def __init__(self, *, near: bool) -> None:
        self._store = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._store.executescript(_TABLES)
        self._store.execute("BEGIN")
        self._signer = Signer() if near else None

    def same(self, name: str, mark: str) -> str | None:
        """The id under which this hash was seen first; remembers it otherwise."""
        key = bytes.fromhex(mark)
        if self._store.execute("INSERT OR IGNORE INTO exact VALUES (?, ?)", (key, name)).rowcount:
            return None
        (first,) = self._store.execute("SELECT id FROM exact WHERE mark = ?", (key,)).fetchone()
        return str(first)

    def near(self, name: str, words: list[str], options: tuple[str, ...]) -> tuple[str, float] | None:
        """A text that was seen and is nearly this one, with their similarity; remembers this one otherwise."""
        signature = self._signer.sign(words) if self._signer else b""
        if not signature:
            return None
        marks = [self._mark(signature, at) for at in range(0, len(signature), _BAND)]
        for mark in marks:
            found = self._compare(mark, signature, options)
            if found:
                return found
        row = (name, signature, " ".join(options))
        number = self._store.execute("INSERT INTO texts VALUES (NULL, ?, ?, ?)", row).lastrowid
        self._store.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", [(mark, number) for mark in marks])
        return None

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()

    def _mark(self, signature: bytes, at: int) -> bytes:
        return blake2b(bytes([at // _BAND]) + signature[at : at + _BAND], digest_size=8).digest()

    def _compare(self, mark: bytes, signature: bytes, options: tuple[str, ...]) -> tuple[str, float] | None:
        sql = "SELECT id, signature, options FROM bands JOIN texts USING (number) WHERE mark = ?"
        found = self._store.execute(sql, (mark,)).fetchone()
        if found is None:
            return None
        theirs = found[2].split()
        enough = 2 * len(set(theirs).intersection(options)) >= max(len(theirs), len(options))
        alike = similarity(found[1], signature)
        return (found[0], alike) if enough and alike >= _NEAR else None


class Duplicates:
    """The rules ``duplicates.*``, which remember what they have seen.

    Args:
        near: whether near duplicates are looked for too, which needs the extra ``check``.
    """

    def __init__(self, *, near: bool) -> None:
        self._questions, self._chains = Seen(near=near), Seen(near=near)

    def hits(self, case: Case) -> Iterator[tuple[str, Hit]]:
        """What of a case was there before, each with its rule; chains count where no record was made of them."""
        yield from self._question(case.question)
        records = [passage for passage in case.passages if passage.subject == "record"]
        for passage in records or case.passages:
            yield from self._chain(passage)

    def close(self) -> None:
        """Let go of what was seen."""
        self._questions.close()
        self._chains.close()

    def _question(self, question: Question) -> Iterator[tuple[str, Hit]]:
        first = self._questions.same(question.id, same_question(question))
        if first is not None:
            evidence = f"the same question as {first}"
            yield "duplicates.question", Hit(question.id, "question", evidence, {"other": first})
            return
        words = masked_words(f"{question.context or ''} {question.stem}")
        near = self._questions.near(question.id, words, fingerprint(question, words).options)
        if near:
            evidence = f"nearly the question {near[0]} (word pairs alike by {near[1]:.2f})"
            details = {"other": near[0], "similarity": round(near[1], 3)}
            yield "duplicates.question_near", Hit(question.id, "question", evidence, details)

    def _chain(self, passage: Passage) -> Iterator[tuple[str, Hit]]:
        words = normal(passage.chain or "").split()
        if not words:
            return
        first = self._chains.same(passage.id, blake2b(" ".join(words).encode(), digest_size=16).hexdigest())
        if first is not None:
            evidence = f"the same chain of thought as {first}"
            yield "duplicates.chain", Hit(passage.id, passage.subject, evidence, {"other": first})
            return
        near = self._chains.near(passage.id, words, ())
        if near:
            evidence = f"nearly the chain of thought {near[0]} (word pairs alike by {near[1]:.2f})"
            details = {"other": near[0], "similarity": round(near[1], 3)}
            yield "duplicates.chain_near", Hit(passage.id, passage.subject, evidence, details)
