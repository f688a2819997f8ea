"""The folder of an evaluation: what was asked how, one run a model, and the results."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from reasonmed import __version__
from reasonmed.documents import Document, Refused, inside, text_of
from reasonmed.errors import RunDirectoryError
from reasonmed.evaluation.audit.facts import Terms
from reasonmed.evaluation.forms import Form
from reasonmed.evaluation.scores import Checkpoint
from reasonmed.files import is_draft, write_atomically
from reasonmed.recipe.identity import differences
from reasonmed.runs.directory import RunDirectory
from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reasonmed.evaluation.models import Candidate
    from reasonmed.questions.benchmarks.fetching import Fetched

FORMAT = 1


class Facts(Struct, kw_only=True):
    """A model that took part."""

    run: str
    label: str
    backend: str
    demo: bool
    base: str | None = None
    trained: bool
    whole: bool = True
    weights: list[str] = []
    base_weights: list[str] = []
    form: Form = Form()
    checkpoint: Checkpoint | None = None


class _Hub(Struct):
    """Which commit a benchmark's questions are of."""

    revision: Annotated[str, Meta(pattern="^[0-9a-f]{40}$")]


class AuditFacts(Terms, frozen=True, kw_only=True):
    """An audit of the models' answers, and the folder of its run."""

    run: str


class _Evaluation(Struct):
    format: int
    settings: dict[str, object]
    models: dict[str, Facts]
    audits: list[AuditFacts] = []
    hub: dict[str, _Hub] = {}


EVALUATION = Document(
    "evaluation", _Evaluation, RunDirectoryError, "evaluate into a new folder with -o", ("format", (FORMAT,))
)
_FOLDERS = ("models", "audits", "answers", "model_cards", "lm-eval", "verifiers", ".eval_results")
"""What is written to within the folder."""
_UNSAFE = re.compile(r"[^\w.-]+")


class EvaluationFolder:
    """Where an evaluation lives.

    Args:
        path: the folder, whether it is there or not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest = path / "evaluation.json"
        self.results = path / "results.json"

    @property
    def exists(self) -> bool:
        """Whether an evaluation is there."""
        return self._manifest.is_file()

    def claim(self, settings: dict[str, object]) -> None:
        """Take the folder for these settings, or check that it was made with the same ones.

        Raises:
            RunDirectoryError: it holds something else, or an evaluation with other settings.
        """
        try:
            for name in _FOLDERS:
                inside(self.path, name)
        except Refused as problem:
            raise EVALUATION.refuse(self.path, problem) from problem
        if not self.exists:
            if self.path.exists() and not all(is_draft(entry.name) for entry in self.path.iterdir()):
                raise RunDirectoryError(f"{self.path} exists and is no evaluation; choose another -o")
            self._write({"format": FORMAT, "reasonmed": __version__, "settings": settings, "models": {}})
            return
        changed = list(differences(self._read().settings, settings))
        if changed:
            lines = "\n".join(f"  - {one}" for one in changed)
            raise RunDirectoryError(
                f"{self.path} holds an evaluation with other settings, and their numbers do not mix:\n{lines}\n"
                f"Ask in a new folder; replies that serve both are reused: -o NEW --fork {self.path}"
            )

    def run_of(self, one: Candidate) -> RunDirectory:
        """The run of a model; its name holds a hash of what the model is."""
        entry = one.entry
        read = (entry.reading,) if entry.reading else ()
        mark = digest((entry.label, entry.system, entry.extra_body, entry.sampling.model_dump(), *read), 3)
        return RunDirectory(self.path / "models" / f"{_UNSAFE.sub('-', one.name)[:60]}-{mark}")

    def audit_of(self, judge: str, identity: dict[str, object]) -> RunDirectory:
        """The run of a judge who audits the answers."""
        return RunDirectory(self.path / "audits" / f"{_UNSAFE.sub('-', judge)[:60]}-{digest(identity, 3)}")

    def add_audit(self, audit: AuditFacts) -> None:
        """Note an audit, as the one that results tell of."""
        others = [one for one in self._read().audits if one.run != audit.run]
        self._write({**EVALUATION.plain(self._manifest), "audits": [*others, audit]})

    def audit(self) -> AuditFacts | None:
        """The audit that results tell of; None where there is none."""
        return next(reversed(self._read().audits), None)

    def add(self, one: Candidate) -> None:
        """Note that a model takes part.

        Raises:
            RunDirectoryError: another model has this name here.
        """
        run = self.run_of(one).path.name
        facts = Facts(
            run=run,
            label=one.entry.label,
            backend=one.entry.backend,
            demo=one.demo or one.entry.demo,
            base=one.base,
            trained=one.stems is not None,
            whole=one.whole,
            weights=sorted(one.weights),
            base_weights=sorted(one.base_weights),
            form=one.form,
            checkpoint=Checkpoint(*one.moment) if one.moment else None,
        )
        known = self._read().models.get(one.name)
        if known is not None and known.run != run:
            raise RunDirectoryError(
                f"{self.path} has another model under the name {one.name} ({known.label}, now "
                f"{one.entry.label}): its files or its recipe have changed; use another name, or a new folder with -o"
            )
        told = EVALUATION.plain(self._manifest)
        told["models"][one.name] = facts
        if one.stems is not None:
            write_atomically(self._stems(run), "".join(f"{mark}\n" for mark in sorted(one.stems)))
        self._write(told)

    def note(self, fetched: Iterable[Fetched]) -> None:
        """Note which commits of the hub the questions are of; a later call with them reads the same ones."""
        told = EVALUATION.plain(inside(self.path, self._manifest.name))
        hub = {**told.get("hub", {}), **{one.name: one.record for one in fetched}}
        if hub:
            self._write({**told, "hub": hub})

    def commits(self) -> dict[str, str]:
        """The commits of the hub that questions were read from, by the names of their benchmarks."""
        return {name: one.revision for name, one in self._read().hub.items()}

    def models(self) -> dict[str, Facts]:
        """The models that took part, by name, in the order of their first time."""
        return self._read().models

    def stems(self, name: str) -> frozenset[str] | None:
        """Hashes of the stems that a model was trained on; None where nothing is known."""
        facts = self.models()[name]
        if not facts.trained:
            return None
        path = self._stems(facts.run)
        try:
            return frozenset(text_of(inside(self.path, path.relative_to(self.path))).split())
        except (Refused, OSError) as unread:
            raise RunDirectoryError(
                f"{path} cannot be read: {unread}; evaluate {name} in a new folder with -o, or copy the file back"
            ) from unread

    def _stems(self, run: str) -> Path:
        return self.path / "models" / f"{run}.stems"

    def runs(self) -> list[RunDirectory]:
        """The runs of all models, and of all audits."""
        told = self._read()
        found = [RunDirectory(self.path / "models" / one.run) for one in told.models.values()]
        found += [RunDirectory(self.path / "audits" / one.run) for one in told.audits]
        return [one for one in found if one.exists]

    def _read(self) -> _Evaluation:
        try:
            told = EVALUATION.read(inside(self.path, self._manifest.name))
            for one in told.models.values():
                self._within("models", one.run)
            for audit in told.audits:
                self._within("audits", audit.run)
        except (Refused, OSError) as torn:
            raise EVALUATION.refuse(self._manifest, torn) from torn
        return told

    def _within(self, *names: str) -> Path:
        """A path of the folder, whose last name is one name and no path."""
        if PurePath(names[-1]).name != names[-1]:
            raise Refused(f"{names[-1]!r:.200} is no name of a file")
        return inside(self.path, PurePath(*names))

    def _write(self, told: dict[str, object]) -> None:
        EVALUATION.write(self._manifest, told)


def read_stems(file: Path) -> frozenset[str]:
    """The hashes of the stems that a model was trained on.

    Raises:
        RunDirectoryError: the file cannot be read.
    """
    try:
        return frozenset(file.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as unread:
        raise RunDirectoryError(f"{file} cannot be read: {unread}") from unread
