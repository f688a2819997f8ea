"""Rows to train on, as an export has them, checked before anything else is done."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec

from reasonmed.documents import Refused, json_as, json_value
from reasonmed.errors import UsageError
from reasonmed.questions._stream import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIANTS = ("reasonmed", "cotmed", "responsemed", "short")


class Message(msgspec.Struct, frozen=True):
    """One message of a chat."""

    role: str
    content: str
    reasoning_content: str | None = None
    """Reasoning in a field of its own, for templates that read it there."""

    @property
    def chat(self) -> dict[str, str]:
        """The message as a chat template takes it."""
        told = {"role": self.role, "content": self.content}
        return told if self.reasoning_content is None else {**told, "reasoning_content": self.reasoning_content}

    @property
    def texts(self) -> tuple[str, ...]:
        """What of it must be learned."""
        return (self.content,) if self.reasoning_content is None else (self.reasoning_content, self.content)


Messages = tuple[Message, ...]


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What rows of every kind have."""

    id: str
    question_id: str
    prompt: Messages
    stem: str | None = None
    """Hash of the question's stem (``reasonmed.questions.normal``), where the export has one."""


class Row(Prompt, frozen=True, kw_only=True):
    """One prompt and the reply to learn."""

    completion: Messages
    masked: tuple[tuple[int, int], ...] = ()
    """Starts and ends of what is not learned: in the reply's ``reasoning_content`` where it has one, else in its
    content."""


class Pair(Prompt, frozen=True, kw_only=True):
    """One prompt, a reply, and one that it is preferred over."""

    chosen: Messages
    rejected: Messages


class Keyed(Prompt, frozen=True, kw_only=True):
    """One multiple-choice question whose key is known."""

    answer: str
    """The key's letter."""
    options: tuple[str, ...]


R = TypeVar("R", bound=Prompt)


class Files(NamedTuple, Generic[R]):
    """Which files are read, and as what."""

    folders: tuple[str, ...]
    """Where ``train.jsonl`` may be, seen from DATA; the first one is an export's."""
    row: type[R]
    check: Callable[[R], str | None]
    """What is wrong with a row, if anything is."""
    wanted: str
    """The layout in words."""


class Rows(msgspec.Struct, Generic[R], frozen=True):
    """The rows of one split, and a hash of its file."""

    path: Path
    rows: list[R]
    sha: str

    def __len__(self) -> int:
        return len(self.rows)


class Data(msgspec.Struct, Generic[R], frozen=True):
    """What a model is trained on, and what it is measured on meanwhile."""

    train: Rows[R]
    validation: Rows[R] | None

    @property
    def sha(self) -> str:
        """Hash of both files."""
        parts = [self.train.sha, *([self.validation.sha] if self.validation else [])]
        return blake2b(" ".join(parts).encode(), digest_size=16).hexdigest()

    def only(self, ids: frozenset[str]) -> Data[R]:
        """The training rows with these ids, and all for validation."""
        rows = [row for row in self.train.rows if row.id in ids]
        sha = blake2b(" ".join([self.train.sha, *sorted(ids)]).encode(), digest_size=16).hexdigest()
        return Data(Rows(self.train.path, rows, sha), self.validation)


def read(data: Path, files: Files[R]) -> Data[R]:
    """The rows of an export's folder, of the folder with its files, or of one file.

    Raises:
        UsageError: there are none, or they have another layout; the message says what was found and what is wanted.
    """
    if data.is_file():
        return Data(_rows(data, files), None)
    if not data.is_dir():
        raise UsageError(f"there is no file or folder {data}")
    for folder in (data / name for name in files.folders):
        if (folder / "train.jsonl").is_file():
            validation = folder / "validation.jsonl"
            filled = validation.is_file() and validation.stat().st_size > 0
            return Data(_rows(folder / "train.jsonl", files), _rows(validation, files) if filled else None)
    raise UsageError(
        f"{data} has no {files.folders[0]}/train.jsonl; it holds {_listing(data)}. Wanted are {files.wanted}"
    )


def misplaced(row: Row) -> str | None:
    """What is wrong with a row's masked texts, if anything is."""
    if not row.masked:
        return None
    if len(row.completion) != 1:
        return f"masked needs a completion of one message, and there are {len(row.completion)}"
    end, length = 0, len(row.completion[0].texts[0])
    for pair in row.masked:
        if not end <= pair[0] < pair[1] <= length:
            return f"masked has {list(pair)}, where the one before it ends at {end} and the text at {length}"
        end = pair[1]
    return None


def replied(messages: Messages, name: str) -> str | None:
    """What is wrong with a reply, if anything is."""
    if not messages:
        return f"{name} is empty"
    if messages[-1].role != "assistant":
        return f"{name} ends with the role {messages[-1].role!r}, not with 'assistant'"
    if not any(message.content.strip() for message in messages):
        return f"{name} has no text"
    return None


def _listing(folder: Path) -> str:
    names = sorted(f"{one.name}/" if one.is_dir() else one.name for one in folder.iterdir())
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "") if names else "nothing"  # noqa: PLR2004


def _rows(path: Path, files: Files[R]) -> Rows[R]:
    rows, seen, content = [], set(), blake2b(digest_size=16)
    for number, line in _lines(path):
        content.update(line)
        if not line.strip():
            continue
        try:
            row = json_as(line, files.row)
        except Refused as wrong:
            raise UsageError(f"{path}, line {number}: {wrong}. {_found(line)}Wanted are {files.wanted}") from wrong
        problem = files.check(row) if row.prompt else "prompt is empty"
        if problem:
            raise UsageError(f"{path}, line {number}: {row.id!r}: {problem}")
        if row.id in seen:
            raise UsageError(f"{path}, line {number}: the id {row.id!r} stands twice")
        seen.add(row.id)
        rows.append(row)
    if not rows:
        raise UsageError(f"{path} has no rows. Wanted are {files.wanted}")
    return Rows(path, rows, content.hexdigest())


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            yield from lines(path, file)
    except OSError as unread:
        raise UsageError(f"{path} cannot be read: {unread.strerror}") from unread


def _found(line: bytes) -> str:
    """The keys of a row of another layout."""
    try:
        row = json_value(line)
    except Refused:
        return ""
    return f"The row has {', '.join(map(repr, row))}. " if isinstance(row, dict) else ""
