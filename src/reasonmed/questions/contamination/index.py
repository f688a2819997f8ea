"""Benchmarks to check against: from a question file, or from an index that carries hashes and no text.

An index is JSON Lines: a header (name, number of questions, size of the whole benchmark), then one fingerprint a line.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed.documents import Refused, json_as, json_value
from reasonmed.errors import UsageError
from reasonmed.files import replacing
from reasonmed.questions import Settings, questions_in
from reasonmed.questions._stream import lines
from reasonmed.questions.contamination.fingerprint import BYTES, SIZE, Fingerprint, fingerprint, masked_words
from reasonmed.questions.contamination.minhash import PERMUTATIONS, SCHEME, Signer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from reasonmed.types import Question

FORMAT = 1
_MARK = b'{"reasonmed_index":'
_LAYOUT = {
    "reasonmed_index": FORMAT,
    "gram_words": SIZE,
    "gram_bytes": BYTES,
    "permutations": PERMUTATIONS,
    "scheme": SCHEME,
}
_encode = msgspec.json.Encoder().encode


class Benchmark(NamedTuple):
    """A benchmark, or as much of it as is at hand.

    ``total`` is the size of the whole benchmark, None where nobody said it. ``words`` are the masked words of
    the stems, None where there are only hashes.
    """

    name: str
    total: int | None
    entries: list[Fingerprint]
    words: list[list[str]] | None = None

    @property
    def hash(self) -> str:
        """Hash of what is compared with: equal for a question file and the index made of it."""
        return blake2b("".join(sorted(one.exact for one in self.entries)).encode(), digest_size=16).hexdigest()

    @property
    def coverage(self) -> str:
        """How much of the benchmark is compared with, in words."""
        count = f"{len(self.entries):,}"
        if self.total is None:
            return f"checked against {count} questions; the size of the whole benchmark was not given"
        if len(self.entries) < self.total:
            return f"checked against {count} of {self.total:,}"
        return f"checked against all {count}"


def benchmark(path: Path, *, signed: bool = True) -> Benchmark:
    """The benchmark of an index or of a question file.

    Args:
        path: an index, or a question file of any layout.
        signed: whether signatures are wanted; those of an index are there already.

    Raises:
        UsageError: an index that is torn or of another version.
        QuestionError: a question file that cannot be read, or has a bad row.
    """
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_MARK)) == _MARK:
                return _read_index(path)
    return build([path], path.stem, None, signed=signed)


def build(files: Sequence[Path], name: str, total: int | None, *, signed: bool = True) -> Benchmark:
    """A benchmark from question files.

    Raises:
        UsageError: ``total`` is smaller than the number of questions.
        QuestionError: a file cannot be read, or has a bad row.
    """
    made = build_of((one for file in files for one in questions_in(file, Settings())), name, total, signed=signed)
    if not made.entries:
        raise UsageError(f"{', '.join(map(str, files))}: there are no questions to check against")
    if total is not None and total < len(made.entries):
        count = len(made.entries)
        raise UsageError(f"--total {total}: the files have {count:,} questions, and the whole cannot have fewer")
    return made


def build_of(questions: Iterable[Question], name: str, total: int | None, *, signed: bool = True) -> Benchmark:
    """A benchmark from its questions."""
    signer = Signer() if signed else None
    entries, words = [], []
    for question in questions:
        said = masked_words(question.stem)
        made = fingerprint(question, said)
        entries.append(msgspec.structs.replace(made, signature=signer.sign(said)) if signer else made)
        words.append(said)
    return Benchmark(name, total, entries, words)


def write_index(made: Benchmark, path: Path) -> None:
    """Write a benchmark's fingerprints, in the order of their hashes."""
    header = {**_LAYOUT, "name": made.name, "questions": len(made.entries), "total": made.total}
    with replacing(path) as sink:
        sink.write(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
        for entry in sorted(made.entries, key=lambda one: (one.exact, one.id)):
            sink.write(_encode(entry) + b"\n")


def _read_index(path: Path) -> Benchmark:
    with path.open("rb") as file:
        numbered = lines(path, file)
        _, first = next(numbered)
        name, questions, total = _header(path, first)
        entries = list(_entries(path, numbered))
    if len(entries) != questions:
        raise UsageError(f"{path} is torn: it has {len(entries):,} of {questions:,} questions; rebuild it")
    return Benchmark(name, total, entries)


def _header(path: Path, line: bytes) -> tuple[str, int, int | None]:
    """The benchmark's name, how many questions are in the index, and how many it has in all."""
    try:
        found: Any = json_value(line)
        name, questions, total = found["name"], found["questions"], found["total"]
    except (Refused, KeyError, TypeError) as torn:
        raise UsageError(f"{path} is no index: its first line is torn ({torn!r})") from torn
    layout = {field: found.get(field) for field in _LAYOUT}
    if layout != _LAYOUT:
        raise UsageError(f"{path} is an index of another version ({layout}); rebuild it with `reasonmed index`")
    if (
        isinstance(name, str)
        and isinstance(questions, int)
        and questions > 0
        and (total is None or (isinstance(total, int) and total >= questions))
    ):
        return name, questions, total
    raise UsageError(f"{path} is no index: name {name!r}, questions {questions!r}, total {total!r}")


def _entries(path: Path, numbered: Iterable[tuple[int, bytes]]) -> Iterable[Fingerprint]:
    for number, line in numbered:
        try:
            found = json_as(line, Fingerprint)
        except Refused as torn:
            raise UsageError(f"{path}:{number} is no fingerprint: {torn}; rebuild the index") from torn
        if len(found.grams) % BYTES or len(found.signature) not in (0, 4 * PERMUTATIONS):
            raise UsageError(f"{path}:{number} is no fingerprint: its hashes are cut; rebuild the index")
        yield found
