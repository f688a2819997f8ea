"""An export to the Hugging Face hub: only the files that its manifest names, private unless asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.export import MANIFEST, read_export
from reasonmed.export.card import without_license
from reasonmed.questions.benchmarks.hub import TOKEN, client, endpoint, token

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


class Shipment(NamedTuple):
    """What goes where."""

    folder: Path
    to: str
    """``user/name`` of a data set on the hub."""
    files: dict[str, int]
    """Sizes in bytes, by the names in the folder."""
    public: bool


def shipment(folder: Path, to: str, *, public: bool, demo: bool) -> Shipment:
    """What would go, after all checks that need no network.

    Raises:
        UsageError: there is no whole export, a source has no license, it is a demo and ``demo`` is not set, or ``to``
            is no name of a data set.
    """
    if not _NAME.fullmatch(to):
        raise UsageError(f"--to {to!r}: must be user/name, as the hub writes it")
    told = read_export(folder)
    unknown = without_license(told)
    if unknown:
        raise UsageError(
            f"{folder}: the license of {', '.join(unknown)} is not known, so it is not pushed. Give its questions a "
            "`license`, run and export again; or leave it out with `reasonmed export --license`"
        )
    if told["demo"] and not demo:
        raise UsageError(f"{folder} is of a demo run, whose texts have no medical worth; push it only with --demo")
    names = sorted([*told["files"], MANIFEST])
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
            repo_type="dataset",
            operations=[hub.CommitOperationAdd(name, load.folder / name) for name in load.files],
            commit_message="Export by reasonmed",
        )
    except (hub.errors.HTTPError, OSError, ValueError) as failed:
        raise ReasonMedError(f"the hub did not take {load.to}: {failed}") from failed
    return str(done.commit_url)


def _make_room(api: Any, load: Shipment, *, force: bool) -> None:  # noqa: ANN401 - a class of the extra
    """A new data set; or one that is there, if it may be written to."""
    if not api.repo_exists(load.to, repo_type="dataset"):
        api.create_repo(load.to, repo_type="dataset", private=not load.public)
        return
    if not force:
        raise UsageError(f"--to {load.to}: is there already; replace its files of the same name with --force")
    if not load.public and not api.repo_info(load.to, repo_type="dataset").private:
        raise UsageError(f"--to {load.to}: is public; make it private there first, or say --public")
