"""An export or a trained model to the Hugging Face hub: only its own files, private unless asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.documents import map_of
from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.export import MANIFEST, read_export
from reasonmed.export.card import without_license
from reasonmed.questions.benchmarks.hub import TOKEN, client, endpoint, token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

RECORD = "run.json"
CARD = "README.md"
DEMO = "embedded"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


class Shipment(NamedTuple):
    """What goes where."""

    folder: Path
    to: str
    """``user/name`` of a data set or model on the hub."""
    files: dict[str, int]
    """Sizes in bytes, by the names in the folder."""
    public: bool
    kind: str = "dataset"
    """What the hub calls it: ``dataset`` or ``model``."""


def is_model(folder: Path) -> bool:
    """Whether a folder is a model that `reasonmed train` made, and no export."""
    return not (folder / MANIFEST).is_file() and "base_model" in map_of(folder / RECORD)


def model_shipment(folder: Path, to: str, *, public: bool, demo: bool) -> Shipment:
    """What would go of a trained model: weights, tokenizer, card and record; no checkpoints, and nothing of trackers.

    Raises:
        UsageError: it has no weights or no card, it comes from the demo model and ``demo`` is not set, or
            ``to`` is no name of a model.
    """
    _check_name(to)
    base = map_of(folder / RECORD)["base_model"]
    names = [one.get("name") for one in _bases(base)]
    if DEMO in names and not demo:
        raise UsageError(
            f"{folder} was trained from the demo model, which has no medical worth; push it only with --demo"
        )
    own = [path for place in (folder, folder / "adapter") for path in place.glob("*")]
    own = [path for path in own if path.is_file() and not path.is_symlink()]
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in own if _goes(path.name)}
    if not any(name.endswith((".safetensors", ".bin")) for name in files):
        raise UsageError(f"{folder} has no weights to push")
    if CARD not in files:
        raise UsageError(f"{folder} has no card ({CARD}); train again, or write one")
    return Shipment(folder, to, dict(sorted(files.items())), public, "model")


def _bases(base: object) -> Iterator[Mapping[str, object]]:
    """The base of a model, and the bases of that one, along the chain of trainings."""
    while isinstance(base, dict):
        yield base
        trained = base.get("trained")
        base = trained.get("base_model") if isinstance(trained, dict) else None


def _goes(name: str) -> bool:
    return not name.startswith(".") and name not in ("training.json", "training_args.bin", "crash.txt")


def _check_name(to: str) -> None:
    if not _NAME.fullmatch(to):
        raise UsageError(f"--to {to!r}: must be user/name, as the hub writes it")


def shipment(folder: Path, to: str, *, public: bool, demo: bool) -> Shipment:
    """What would go, after all checks that need no network.

    Raises:
        UsageError: there is no whole export, a source has no license, it is a demo and ``demo`` is not set, or ``to``
            is no name of a data set.
    """
    _check_name(to)
    told = read_export(folder)
    unknown = without_license(told.card)
    if unknown:
        raise UsageError(
            f"{folder}: the license of {', '.join(unknown)} is not known, so it is not pushed. Give its questions a "
            "`license`, run and export again; or leave it out with `reasonmed export --license`"
        )
    if told.demo and not demo:
        raise UsageError(f"{folder} is of a demo run, whose texts have no medical worth; push it only with --demo")
    names = sorted([*told.files, MANIFEST])
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise UsageError(f"{folder / missing[0]} is missing; make the card again with `reasonmed card {folder}`")
    return Shipment(folder, to, {name: (folder / name).stat().st_size for name in names}, public)


def push(load: Shipment, *, force: bool) -> str:
    """Send it in one commit; gives the commit's address. The token is that of the environment and no other.

    Raises:
        UsageError: huggingface_hub is not installed, there is no token, or the data set is there already and ``force``
            is not set, or is public and was to be private.
        ReasonMedError: the hub refused, the card's head for one, or did not answer.
    """
    hub, secret = client("push"), token()
    if secret is None:
        raise UsageError(f"push needs a token of the hub that may write, in the environment variable {TOKEN}")
    api = hub.HfApi(endpoint=endpoint(), token=secret)
    try:
        _make_room(api, load, force=force)
        done = api.create_commit(
            repo_id=load.to,
            repo_type=load.kind,
            operations=[hub.CommitOperationAdd(name, load.folder / name) for name in load.files],
            commit_message=f"{'Model' if load.kind == 'model' else 'Export'} by reasonmed",
        )
    except (hub.errors.HTTPError, OSError, ValueError) as failed:
        raise ReasonMedError(f"the hub did not take {load.to}: {failed}") from failed
    return str(done.commit_url)


def _make_room(api: Any, load: Shipment, *, force: bool) -> None:  # noqa: ANN401 - a class of the extra
    """A new data set; or one that is there, if it may be written to."""
    if not api.repo_exists(load.to, repo_type=load.kind):
        api.create_repo(load.to, repo_type=load.kind, private=not load.public)
        return
    if not force:
        raise UsageError(f"--to {load.to}: is there already; replace its files of the same name with --force")
    if not load.public and not api.repo_info(load.to, repo_type=load.kind).private:
        raise UsageError(f"--to {load.to}: is public; make it private there first, or say --public")
