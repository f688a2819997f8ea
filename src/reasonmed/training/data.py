"""Rows to train on: the ``trl-sft`` layout of an export, checked before anything else is done."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import msgspec

from reasonmed.errors import UsageError

FORMAT = "trl-sft"
VARIANTS = ("reasonmed", "cotmed", "responsemed")
_WANTED = (
    'rows {"id", "question_id", "prompt": [{"role", "content"}], "completion": [{"role": "assistant", "content"}]}, '
    "as `reasonmed export RUN -o DIR --format trl-sft` writes them"
)


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


class Row(msgspec.Struct, frozen=True):
    """One prompt and the reply to learn."""

    id: str
    question_id: str
    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]
    stem: str | None = None
    """Hash of the question's stem (``reasonmed.stems``), where the export has one."""


class Rows(msgspec.Struct, frozen=True):
    """The rows of one split, and a hash of its file."""

    path: Path
    rows: list[Row]
    sha: str

    def __len__(self) -> int:
        return len(self.rows)


class Data(msgspec.Struct, frozen=True):
    """What a model is trained on, and what its loss is measured on."""

    train: Rows
    validation: Rows | None

    @property
    def sha(self) -> str:
        """Hash of both files."""
        parts = [self.train.sha, *([self.validation.sha] if self.validation else [])]
        return blake2b(" ".join(parts).encode(), digest_size=16).hexdigest()

    def only(self, ids: frozenset[str]) -> Data:
        """The training rows with these ids, and all for validation."""
        rows = [row for row in self.train.rows if row.id in ids]
        sha = blake2b(" ".join([self.train.sha, *sorted(ids)]).encode(), digest_size=16).hexdigest()
        return Data(Rows(self.train.path, rows, sha), self.validation)


def read(data: Path, variant: str) -> Data:
    """The rows of a variant: an export's folder, a variant's folder, or one file of rows.

    Raises:
        UsageError: there are none, or they have another layout; the message says what was found and what is wanted.
    """
    if data.is_file():
        return Data(_rows(data), None)
    if not data.is_dir():
        raise UsageError(f"there is no file or folder {data}")
    for folder in (data / FORMAT / variant, data / variant, data):
        if (folder / "train.jsonl").is_file():
            _check_name(folder, variant)
            validation = folder / "validation.jsonl"
            filled = validation.is_file() and validation.stat().st_size > 0
            return Data(_rows(folder / "train.jsonl"), _rows(validation) if filled else None)
    raise UsageError(f"{data} has no {FORMAT}/{variant}/train.jsonl; it holds {_listing(data)}. Wanted are {_WANTED}")


def _check_name(folder: Path, variant: str) -> None:
    if folder.name in VARIANTS and folder.name != variant:
        raise UsageError(f"{folder} is the variant {folder.name}, and the training file says variant: {variant}")


def _listing(folder: Path) -> str:
    names = sorted(f"{one.name}/" if one.is_dir() else one.name for one in folder.iterdir())
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "") if names else "nothing"  # noqa: PLR2004


def _rows(path: Path) -> Rows:
    content = path.read_bytes()
    decoder = msgspec.json.Decoder(Row)
    rows, seen = [], set()
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            raise UsageError(f"{path}, line {number}: {wrong}. {_found(line)}Wanted are {_WANTED}") from wrong
        _check(row, path, number)
        if row.id in seen:
            raise UsageError(f"{path}, line {number}: the id {row.id!r} stands twice")
        seen.add(row.id)
        rows.append(row)
    if not rows:
        raise UsageError(f"{path} has no rows. Wanted are {_WANTED}")
    return Rows(path, rows, blake2b(content, digest_size=16).hexdigest())


def _found(line: bytes) -> str:
    """The keys of a row of another layout."""
    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f"The row has {', '.join(map(repr, row))}. " if isinstance(row, dict) else ""


def _check(row: Row, path: Path, number: int) -> None:
    if not row.prompt or not row.completion:
        raise UsageError(f"{path}, line {number}: prompt or completion of {row.id!r} is empty")
    if row.completion[-1].role != "assistant":
        raise UsageError(
            f"{path}, line {number}: the completion of {row.id!r} ends with the role {row.completion[-1].role!r}, "
            "not with 'assistant'"
        )
    if not any(message.content.strip() for message in row.completion):
        raise UsageError(f"{path}, line {number}: the completion of {row.id!r} has no text")
