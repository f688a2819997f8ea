"""``run.json`` as it is read back: the fields that readers rely on, with their types."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from reasonmed.documents import Count, Document
from reasonmed.errors import RunDirectoryError

FORMAT = 2
READ_ONLY = (1,)
"""Formats of older versions, whose runs can be read and reused, but not resumed."""


class _Model(Struct):
    name: str


class _Stage(Struct):
    models: list[_Model] | None = None
    model: _Model | None = None
    blind_model: _Model | None = None
    second_judge: _Model | None = None
    prompts: dict[str, str] = {}


class _Identity(Struct):
    stages: dict[str, _Stage]
    parsing: int


class Input(Struct):
    """The question file."""

    file: str
    hash: str


class Screen(Struct):
    """A benchmark that a run's questions were compared with before they were asked."""

    benchmark: str
    questions: Count
    methods: list[str]
    of: Count | None = None


class _Manifest(Struct):
    format: int
    reasonmed: str
    command: str
    started: str
    demo: bool
    prompts: dict[str, str]
    input: Input | None
    recipe: dict[str, Any]
    templates: dict[str, str]
    identity: _Identity
    against: list[Screen] = []


MANIFEST = Document(
    "manifest of a run that this version can read",
    _Manifest,
    RunDirectoryError,
    "copy it from where it is whole, or run again with another -o",
    ("format", (FORMAT, *READ_ONLY)),
)
