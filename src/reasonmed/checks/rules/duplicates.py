"""Questions and chains of thought that the set has already had: equal, or nearly so.

What has been seen is kept in a temporary database on disk, so that memory does not grow with the set.
"""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.checks.cases import Hit
from reasonmed.questions.contamination.fingerprint import fingerprint, masked_words
from reasonmed.questions.contamination.minhash import Signer, similarity
from reasonmed.questions.leads import same_question
from reasonmed.questions.normal import normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reasonmed.checks.cases import Case, Passage, Subject
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


class Mark(NamedTuple):
    """What is remembered of a text: a hash of it, and its signature, empty where no near duplicates are looked for."""

    id: str
    subject: Subject
    exact: bytes
    signature: bytes
    options: tuple[str, ...] = ()


class Marks(NamedTuple):
    """What is remembered of a question and of its chains of thought."""

    question: Mark
    chains: list[Mark]


class Marker:
    """Makes marks of texts; it remembers nothing.

    Args:
        near: whether near duplicates are looked for too, which needs the extra ``check``.
    """

    def __init__(self, *, near: bool) -> None:
        self._signer = Signer() if near else None

    def marks(self, case: Case) -> Marks:
        """The marks of a case; chains count where no record was made of them."""
        records = [passage for passage in case.passages if passage.subject == "record"]
        chains = [self._chain(passage, normal(passage.chain or "").split()) for passage in records or case.passages]
        return Marks(self._question(case.question), [mark for mark in chains if mark is not None])

    def _question(self, question: Question) -> Mark:
        words = masked_words(f"{question.context or ''} {question.stem}")
        options = fingerprint(question, words).options if self._signer else ()
        return Mark(question.id, "question", bytes.fromhex(same_question(question)), self._sign(words), options)

    def _chain(self, passage: Passage, words: list[str]) -> Mark | None:
        if not words:
            return None
        exact = blake2b(" ".join(words).encode(), digest_size=16).digest()
        return Mark(passage.id, passage.subject, exact, self._sign(words))

    def _sign(self, words: list[str]) -> bytes:
        return self._signer.sign(words) if self._signer else b""


class Seen:
    """Texts of one kind that have been seen."""

    def __init__(self) -> None:
        self._store = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._store.executescript(_TABLES)
        self._store.execute("BEGIN")

    def same(self, mark: Mark) -> str | None:
        """The id under which this text was seen first; remembers it otherwise."""
        if self._store.execute("INSERT OR IGNORE INTO exact VALUES (?, ?)", (mark.exact, mark.id)).rowcount:
            return None
        (first,) = self._store.execute("SELECT id FROM exact WHERE mark = ?", (mark.exact,)).fetchone()
        return str(first)

    def near(self, mark: Mark) -> tuple[str, float] | None:
        """A text that was seen and is nearly this one, with their similarity; remembers this one otherwise."""
        if not mark.signature:
            return None
        bands = [self._band(mark.signature, at) for at in range(0, len(mark.signature), _BAND)]
        for band in bands:
            found = self._compare(band, mark)
            if found:
                return found
        row = (mark.id, mark.signature, " ".join(mark.options))
        number = self._store.execute("INSERT INTO texts VALUES (NULL, ?, ?, ?)", row).lastrowid
        self._store.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", [(band, number) for band in bands])
        return None

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()

    def _band(self, signature: bytes, at: int) -> bytes:
        return blake2b(bytes([at // _BAND]) + signature[at : at + _BAND], digest_size=8).digest()

    def _compare(self, band: bytes, mark: Mark) -> tuple[str, float] | None:
        sql = "SELECT id, signature, options FROM bands JOIN texts USING (number) WHERE mark = ?"
        found = self._store.execute(sql, (band,)).fetchone()
        if found is None:
            return None
        theirs = found[2].split()
        enough = 2 * len(set(theirs).intersection(mark.options)) >= max(len(theirs), len(mark.options))
        alike = similarity(found[1], mark.signature)
        return (found[0], alike) if enough and alike >= _NEAR else None


class Duplicates:
    """The rules ``duplicates.*``, which remember what they have seen."""

    def __init__(self) -> None:
        self._questions, self._chains = Seen(), Seen()

    def hits(self, marks: Marks) -> Iterator[tuple[str, Hit]]:
        """What of a case was there before, each with its rule."""
        yield from self._found("question", self._questions, [marks.question])
        yield from self._found("chain", self._chains, marks.chains)

    def close(self) -> None:
        """Let go of what was seen."""
        self._questions.close()
        self._chains.close()

    def _found(self, what: str, seen: Seen, marks: Iterable[Mark]) -> Iterator[tuple[str, Hit]]:
        name = "chain of thought" if what == "chain" else what
        for mark in marks:
            first = seen.same(mark)
            near = seen.near(mark) if first is None else None
            if first is not None:
                evidence = f"the same {name} as {first}"
                yield f"duplicates.{what}", Hit(mark.id, mark.subject, evidence, {"other": first})
            elif near is not None:
                evidence = f"nearly the {name} {near[0]} (word pairs alike by {near[1]:.2f})"
                details = {"other": near[0], "similarity": round(near[1], 3)}
                yield f"duplicates.{what}_near", Hit(mark.id, mark.subject, evidence, details)
