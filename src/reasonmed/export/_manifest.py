"""``export.json``: what an export says about itself, from who writes it to who reads it and makes its card again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, UnsetType, field

from reasonmed.documents import Count, Document, Refused, converted, inside
from reasonmed.errors import UsageError
from reasonmed.export.card.extras import JudgeCard, Report, Titled
from reasonmed.export.card.facts import Counts, Facts

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "export.json"
_LAYOUT = ("format", (1,))
"""The first layout bears no number."""


class Dropped(Struct):
    """Findings that are left out: the report by name and hash, and how many ids each pattern of rules names."""

    findings: str = ""
    sha256: str = ""
    drop: Counts = {}


class Chosen(Struct, kw_only=True):
    """The settings of an export."""

    plain: bool = False
    demo: bool = False
    disputed: bool
    consensus: bool
    verified_only: bool
    min_score: int | None
    min_step_share: float | None = None
    tiers: list[str]
    sources: list[str]
    licenses: list[str]
    drops: Dropped | None
    shares: dict[str, float] = {}
    seed: int = 0
    redraw: bool = False
    template: str | None = None
    reasoning: str = "inline"
    mask_steps: bool = False
    reviewed: str = "any"
    pass_rate: list[float] | None = None
    order: str = "given"
    short: bool = False
    max_cot_tokens: Count | None = None
    cot_tokens_in: str | None = None
    """What ``max_cot_tokens`` counts: words, or the tokens of a tokenizer by its name and hash."""


class Split(Struct):
    """How much of an export a split has."""

    questions: Count
    records: Count


class Duplicate(Struct):
    """A question that is left out of an export of several runs, and the copy of it that is taken.

    Runs are numbered from 1, in the order in which they are taken.
    """

    id: str
    run: Count
    taken_id: str
    taken_run: Count


class Export(Struct, kw_only=True):
    """An export: what went into it and why, its files, and all that its card says."""

    reasonmed: str
    run: dict[str, object] = {}
    """The run's identity, without secrets; of several runs ``card.parts`` has each."""
    demo: bool
    formats: list[str] = []
    forms: dict[str, str]
    """What each format is, in a sentence."""
    settings: Chosen
    unfinished: Count = 0
    records: Count = 0
    splits: dict[str, Split]
    own_split: Count = 0
    """Questions that keep the validation or test split of their own file."""
    duplicates: list[Duplicate] = field(default_factory=list)
    left_out: Counts
    questions_left_out: Counts
    chains_left_out: Counts
    rows: Counts
    """Of each table."""
    formats_left_out: dict[str, Counts]
    """What the formats themselves left out, by reason."""
    of_which: dict[str, Counts] = {}
    """How many rows of a format are of a kind of their own: pairs of ``dpo`` that are ``one_step_apart``."""
    sha256: dict[str, str]
    card: Facts
    about: Titled
    checks: Report | UnsetType = UNSET
    judge_card: JudgeCard | UnsetType = UNSET
    card_sha256: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


class Installed(Struct):
    """The files that a manifest names, of whichever kind of export it is."""

    files: list[str]
    rows: Counts = {}
    sha256: dict[str, str] = {}
    card_sha256: dict[str, str] = {}
    emitted: object = None
    """Of what `reasonmed train --emit` wrote: the stack."""


_INSTALLED = Document(
    "manifest of an export", Installed, UsageError, "choose another -o, or move it away and remove its files by hand"
)
EXPORT = Document("manifest of an export", Export, UsageError, "export the run again with --force", _LAYOUT, unsaid=1)


def installed(folder: Path) -> Installed | None:
    """What is installed in a folder; None where no manifest is there.

    Raises:
        UsageError: it is none, or a name in it leads out of the folder.
    """
    try:
        found = _INSTALLED.read(inside(folder, MANIFEST))
        for name in (*found.files, *found.rows, *found.sha256, *found.card_sha256):
            inside(folder, name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Refused as problem:
        raise _INSTALLED.refuse(folder / MANIFEST, problem) from problem
    return found


def whole_manifest(folder: Path) -> tuple[dict[str, object], Export]:
    """The manifest of an export as it is in its file, and all of it that a card is made from.

    Raises:
        UsageError: a field is missing or wrong.
    """
    path = inside(folder, MANIFEST)
    plain = EXPORT.plain(path)
    told = converted(plain, Export)
    stray = sorted(told.rows.keys() - told.sha256) or sorted(told.sha256.keys() - {*told.files})
    if stray:
        raise EXPORT.refuse(path, f"{stray[0]!r:.200} is not among its files and their hashes")
    return plain, told
