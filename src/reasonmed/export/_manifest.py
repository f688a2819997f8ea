"""``export.json`` as it is read back: what its card is made from, field by field, and names that stay in its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct, field, to_builtins

from reasonmed.documents import Count, Document, Refused, converted, inside
from reasonmed.errors import UsageError
from reasonmed.export.card.extras import JudgeCard, Report
from reasonmed.runs.manifest import Input, Screen  # noqa: TC001 - msgspec reads annotations
from reasonmed.runs.status import Status

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "export.json"
_NAMED = ("files", "rows", "sha256", "card_sha256")
"""The fields that name files of the folder."""

Counts = dict[str, Count]
_Tiers = dict[Literal["easy", "medium", "difficult", "none"], Count]
_Scores = dict[Annotated[str, Meta(pattern="^(none|[0-9]{1,3})$")], Count]


class _Role(Struct):
    stage: str
    models: list[str]
    options: dict[str, Any]


class _Run(Status, frozen=True, kw_only=True):
    """Where the run stood, and how it was made."""

    started: str
    reasonmed: str
    parsing: int
    input: Input | None
    prompts: dict[str, str]
    screened: list[Screen] = field(default_factory=list)


class _Source(Struct):
    source: str | None
    license: str | None
    questions: Count
    records: Count
    tiers: _Tiers
    license_source: Literal["row", "layout", "none"] = "none"


class _Counts(Struct):
    questions: Count
    answered: Count
    context: Count
    consensus: Count
    words: Count
    english_words: Count
    records: Count
    verified: Count
    responses: Count
    sources: list[_Source]
    tiers: dict[str, _Tiers]
    chains: dict[str, Counts]
    by_origin: Counts
    by_writer: Counts
    by_responder: Counts
    by_flag: Counts
    by_score: _Scores


class _Card(Struct):
    run: _Run
    roles: list[_Role]
    counts: _Counts


class _Drops(Struct):
    drop: Counts


class _Settings(Struct):
    tiers: list[str]
    sources: list[str]
    licenses: list[str]
    min_score: int | None
    verified_only: bool
    disputed: bool
    consensus: bool
    drops: _Drops | None


class _Split(Struct):
    questions: Count
    records: Count


class _About(Struct):
    name: str | None = None
    creator: str | None = None
    url: str | None = None


class _GivenReport(Report, kw_only=True):
    file: str
    sha256: str


class _GivenJudgeCard(JudgeCard, kw_only=True):
    file: str
    sha256: str


class _Files(Struct):
    files: list[str]
    rows: Counts = {}
    sha256: dict[str, str] = {}
    card_sha256: dict[str, str] = {}


class _Export(Struct):
    reasonmed: str
    demo: bool
    forms: dict[str, str]
    settings: _Settings
    splits: dict[str, _Split]
    left_out: Counts
    questions_left_out: Counts
    chains_left_out: Counts
    rows: Counts
    formats_left_out: dict[str, Counts]
    sha256: dict[str, str]
    files: list[str]
    card_sha256: dict[str, str]
    card: _Card
    about: _About
    checks: _GivenReport | None = None
    judge_card: _GivenJudgeCard | None = None


_INSTALLED = Document(
    "manifest of an export", _Files, UsageError, "choose another -o, or move it away and remove its files by hand"
)
_EXPORT = Document("manifest of an export", _Export, UsageError, "export the run again with --force")


def installed(folder: Path) -> dict[str, Any] | None:
    """The manifest of what is installed in a folder; None where there is none.

    Raises:
        UsageError: it is none, or a name in it leads out of the folder.
    """
    try:
        told = _INSTALLED.plain(inside(folder, MANIFEST))
        for key in _NAMED:
            for name in told.get(key, ()):
                inside(folder, name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Refused as problem:
        raise _INSTALLED.refuse(folder / MANIFEST, problem) from problem
    return told


def whole_manifest(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    """A manifest with all that a card is made from; what may be missing in files that were given is there as None.

    Raises:
        UsageError: a field is missing or wrong.
    """
    try:
        known = converted(told, _EXPORT.shape)
    except Refused as problem:
        raise _EXPORT.refuse(folder / MANIFEST, problem) from problem
    stray = sorted(told["rows"].keys() - told["sha256"]) or sorted(told["sha256"].keys() - {*told["files"]})
    if stray:
        raise _EXPORT.refuse(folder / MANIFEST, f"{stray[0]!r:.200} is not among its files and their hashes")
    given = {"checks": known.checks, "judge_card": known.judge_card}
    return {**told, **{name: to_builtins(one) for name, one in given.items() if one is not None}}
