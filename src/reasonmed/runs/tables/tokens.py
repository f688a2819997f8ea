"""A tokenizer by the folder of its model: for lengths in tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FILE = "tokenizer.json"


class Tokenizer(NamedTuple):
    """How many tokens a text has, and by whose tokenizer."""

    name: str
    count: Callable[[str], int]


def tokenizer_in(path: Path) -> Tokenizer:
    """The tokenizer of a model's folder, or of its ``tokenizer.json``; special tokens are not counted.

    Raises:
        UsageError: it cannot be read, or the package that reads it is not installed.
    """
    file = path / _FILE if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"--tokenizer {path}: there is no {_FILE}; give the folder of a model that has one")
    try:
        from tokenizers import Tokenizer as Read
    except ModuleNotFoundError as missing:
        raise UsageError(f"--tokenizer {path}: needs pip install 'reasonmed[train]'") from missing
    try:
        read = Read.from_file(str(file))
    except Exception as unread:  # the package raises Exception itself
        raise UsageError(f"--tokenizer {file}: is no tokenizer ({unread!s:.200})") from unread
    read.no_truncation()
    read.no_padding()
    return Tokenizer(file.resolve().parent.name, lambda text: len(read.encode(text, add_special_tokens=False).ids))
