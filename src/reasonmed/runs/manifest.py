"""``run.json``: what a run says about itself, from who writes it to who reads it."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from reasonmed.documents import Count, Document
from reasonmed.errors import RunDirectoryError

FORMAT = 2
READ_ONLY = (1,)
"""Formats of older versions, whose runs can be read and reused, but not resumed."""


class InputFile(Struct, frozen=True):
    """One of several sources: what messages call it, the hash of its good rows, and how every row was counted."""

    file: str
    hash: str
    rows: Count
    questions: Count
    """Rows that are questions of the run, before a limit or a sample."""
    repeated: Count
    """Rows that an earlier source has under the same id."""
    bad: Count


class Input(Struct, omit_defaults=True):
    """The question file; of several sources a name and a hash for all, and each."""

    file: str
    hash: str
    files: list[InputFile] = []


class Screen(Struct, kw_only=True, omit_defaults=True):
    """A benchmark that a run's questions were compared with before they were asked; ``of`` is its whole size."""

    benchmark: str
    hash: str = ""
    questions: Count
    of: Count | UnsetType | None = UNSET
    methods: list[str]


class Decision(Struct, omit_defaults=True):
    """What was decided on questions that may identify patients, and what was found where they were screened."""

    mode: str
    screened: Count | None = None
    """Rows that were screened."""
    questions: Count | None = None
    """Those in which a rule found something."""
    kinds: dict[str, Count] | None = None
    """In how many, by kind."""


class Correction(Struct, frozen=True):
    """A key that was corrected after the question file was written.

    A key is the letter of an option; of an open-ended question it is the reference.
    """

    id: str
    old: str | None
    new: str
    who: str
    why: str


class Written(Struct, kw_only=True, frozen=True):
    """What made a run, as its manifest says it beside its identity."""

    demo: bool
    prompts: dict[str, str]
    """The hashes of the templates."""
    recipe: dict[str, object]
    templates: dict[str, str]
    """Their texts."""


class Manifest(Struct, kw_only=True, omit_defaults=True):
    """What a run was started with."""

    format: int
    reasonmed: str
    command: str
    started: str
    python: str = ""
    platform: str = ""
    demo: bool
    prompts: dict[str, str]
    """The hashes of the templates."""
    input: Input | None
    recipe: dict[str, object]
    templates: dict[str, str]
    """Their texts."""
    against: list[Screen] = []
    phi: list[Decision] = []
    corrections: list[Correction] = []
    """In the order in which they were made; the ledger has them too, with the stories that they put aside."""
    identity: dict[str, object]
    """What can change a record, as plain data: it is compared place by place."""


class ModelIdentity(Struct):
    """A model in a run's identity."""

    name: str


class PluginIdentity(Struct):
    """The package of a stage that does not ship."""

    package: str
    version: str


class StageIdentity(Struct):
    """A stage in a run's identity, as far as all stages are alike."""

    models: list[ModelIdentity] | None = None
    model: ModelIdentity | None = None
    plugin: PluginIdentity | None = None
    prompts: dict[str, str] = {}

    @property
    def names(self) -> list[str]:
        """The models that do the stage's own work."""
        return [one.name for one in self.models or [one for one in (self.model,) if one is not None]]


class Identity(Struct):
    """What every run's identity has."""

    stages: dict[str, StageIdentity]
    parsing: int


class _Checked(Manifest, kw_only=True, omit_defaults=True):
    """A manifest whose identity is checked as well."""

    identity: Identity  # type: ignore[assignment]


MANIFEST: Document[Manifest] = Document(
    "manifest of a run that this version can read",
    _Checked,
    RunDirectoryError,
    "copy it from where it is whole, or run again with another -o",
    ("format", (FORMAT, *READ_ONLY)),
)
