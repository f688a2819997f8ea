"""A benchmark's own files from the Hugging Face hub: found by split, pinned to a commit, checked by their hashes."""

from __future__ import annotations

import re
from contextlib import contextmanager
from hashlib import sha1, sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from reasonmed import __version__
from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.questions.benchmarks import registry
from reasonmed.questions.benchmarks.hub import TOKEN, client, endpoint, token
from reasonmed.questions.benchmarks.splits import pick

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

    from reasonmed.questions.benchmarks import Files

PREFIX = "hub:"

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REVISION = re.compile(r"[A-Za-z0-9](?:[\w.-]|/(?=[A-Za-z0-9]))*", re.ASCII)
_SHOWN = 12
_SHORT = 12
_SECONDS = 30.0


class Fetched(NamedTuple):
    """A benchmark's files as the hub has them at one commit."""

    name: str
    """The variant of the registry."""
    repo: str
    revision: str
    """The whole hash of the commit."""
    paths: dict[str, Path]
    """Where the files are here, by their names there."""
    hashes: dict[str, str]
    """Their sha256, by the same names."""

    @property
    def label(self) -> str:
        """What it is called in tables: as it is asked for, with the commit."""
        return f"{PREFIX}{self.name}@{self.revision[:_SHORT]}"

    @property
    def record(self) -> dict[str, object]:
        """What is kept of it."""
        return {"repo": self.repo, "revision": self.revision, "files": self.hashes}


class Wanted(NamedTuple):
    """Which files of a data set are wanted."""

    name: str
    """What they are asked for as."""
    files: Files
    folders: Sequence[str]
    """Where they lie; the split is looked for in each."""
    by_hand: str
    """What a person can do where the hub does not give them."""
    exact: bool = False
    """Whether the split's files bear this name and no other."""


class _Listing(NamedTuple):
    """A data set at one commit: its files, each with the hash that the hub gives for it, where it does."""

    revision: str
    files: Mapping[str, str | None]


def on_hub(given: object) -> TypeGuard[str]:
    """Whether something that is asked for is to be fetched from the hub."""
    return isinstance(given, str) and given.startswith(PREFIX)


def fetch(given: str, recorded: Mapping[str, str] | None = None) -> Fetched:
    """The files of ``hub:NAME`` or ``hub:NAME@REVISION``, from the hub's cache on this machine or from the hub.

    Without a revision it is the recorded one, else that of the registry.

    Args:
        given: what was asked for.
        recorded: commits that answers are on record for, by the names of their benchmarks.

    Raises:
        UsageError: there is no such benchmark or revision, it may not be read, or other questions are on record; no
            file is of the split; huggingface_hub is not installed.
        ReasonMedError: the hub did not answer, or not with the file that it lists.
    """
    name, asked = _asked(given)
    files = registry()[name].files
    if files is None:
        there = ", ".join(f"{PREFIX}{one}" for one, variant in registry().items() if variant.files)
        raise UsageError(f"{given}: its files are not known to be on the hub; give {name}=FILE, or one of {there}")
    held = (recorded or {}).get(name)
    folders = list(registry()[name].subjects) or [files.folder]
    wanted = Wanted(name, files, folders, f"or give the file: {name}=FILE")
    return fetch_files(given, wanted, asked or held or files.revision, held)


def fetch_files(given: str, wanted: Wanted, revision: str, held: str | None = None) -> Fetched:
    """Files of a data set at a revision, from the hub's cache on this machine or from the hub.

    Args:
        given: what was asked for.
        wanted: which files.
        revision: a branch, tag or commit.
        held: the commit that answers are on record for.

    Raises:
        UsageError: there is no such revision, it may not be read, or other questions are on record; no file is of the
            split; huggingface_hub is not installed.
        ReasonMedError: the hub did not answer, or not with the file that it lists.
    """
    hub = client(given)
    found, names = _found(hub, wanted, revision)
    if held is not None and found.revision != held:
        raise UsageError(
            f"{given} is commit {found.revision}, but the recorded answers are to commit {held}; use a new folder "
            f"with -o, or {PREFIX}{wanted.name}@{held}"
        )
    got = {one: _had(hub, wanted, found, one) for one in names}
    paths, hashes = {one: path for one, (path, _) in got.items()}, {one: mark for one, (_, mark) in got.items()}
    return Fetched(wanted.name, wanted.files.repo, found.revision, paths, hashes)


def _asked(given: str) -> tuple[str, str | None]:
    name, revision = revision_in(given, given.removeprefix(PREFIX))
    if name not in registry():
        raise UsageError(f"{given}: there is no benchmark {name!r}; there are {', '.join(registry())}")
    return name, revision


def revision_in(given: str, named: str) -> tuple[str, str | None]:
    """The parts of ``NAME`` or ``NAME@REVISION``.

    Raises:
        UsageError: the revision is none.
    """
    name, at, revision = named.partition("@")
    if at and not _REVISION.fullmatch(revision):
        raise UsageError(f"{given}: {revision!r} is no branch, tag or commit of a data set")
    return name, revision or None


def _found(hub: ModuleType, wanted: Wanted, revision: str) -> tuple[_Listing, list[str]]:
    """What lists the files at a revision, and which of them are wanted; of a commit that is here no hub is asked."""
    held = _cached(hub, wanted.files.repo, revision)
    parts = _parts(held, wanted)
    if not all(parts.values()):
        held = _listed(hub, wanted, revision)
        parts = _parts(held, wanted)
    for folder, part in parts.items():
        if not part:
            raise UsageError(_none_fits(wanted, held, folder))
    return held, [one for part in parts.values() for one in part]


def _parts(listing: _Listing, wanted: Wanted) -> dict[str, list[str]]:
    """The files of the split by folder."""
    split, exact = wanted.files.split, wanted.exact
    return {folder: pick(listing.files, folder, split, exact=exact) for folder in wanted.folders}


def _none_fits(wanted: Wanted, found: _Listing, folder: str) -> str:
    files = wanted.files
    place = f"{folder}/{files.split}" if folder else files.split
    several = sorted(found.files)
    shown = ", ".join(repr(one)[1:-1][:100] for one in several[:_SHOWN]) or "none"
    more = f" and {len(several) - _SHOWN:,} more" if len(several) > _SHOWN else ""
    return (
        f"{PREFIX}{wanted.name}: {files.repo} at {found.revision} has not one whole set of files {place}.parquet, "
        f".jsonl or .json, nor its parts -00000-of-0000N; its files are {shown}{more}. Fetch the right one, "
        f"{wanted.by_hand.removeprefix('or ')}"
    )


def _cached(hub: ModuleType, repo: str, revision: str) -> _Listing:
    """What the client's cache has of a commit; its links lead to files named by their hashes, where there are links."""
    folder = Path(hub.constants.HF_HUB_CACHE) / f"datasets--{repo.replace('/', '--')}" / "snapshots" / revision
    if not _COMMIT.fullmatch(revision) or not folder.is_dir():
        return _Listing(revision, {})
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    marks = {name: path.resolve().name for name, path in there.items()}
    return _Listing(revision, {name: mark if _HASH.fullmatch(mark) else None for name, mark in marks.items()})


def _listed(hub: ModuleType, wanted: Wanted, revision: str) -> _Listing:
    with _said(hub, wanted, revision):
        told = hub.HfApi(endpoint=endpoint(), token=token() or False, library_name="reasonmed").dataset_info(
            wanted.files.repo, revision=revision, files_metadata=True, timeout=_SECONDS
        )
        found = {one.rfilename: one.lfs.sha256 if one.lfs else one.blob_id for one in told.siblings}
    if not _COMMIT.fullmatch(str(told.sha)):
        raise ReasonMedError(f"the hub names no commit for {wanted.files.repo} at {revision}, but {told.sha!r:.60}")
    return _Listing(told.sha, found)


def _had(hub: ModuleType, wanted: Wanted, listing: _Listing, file: str) -> tuple[Path, str]:
    """A file with its sha256. One that is torn or was changed in the cache is fetched once more."""
    mark = listing.files[file]
    path = _downloaded(hub, wanted, listing.revision, file, again=False)
    found, right = _hashed(path, mark)
    if not right:
        with _said(hub, wanted, listing.revision):
            if hub.constants.HF_HUB_OFFLINE:
                raise hub.errors.OfflineModeIsEnabled
        path = _downloaded(hub, wanted, listing.revision, file, again=True)
        found, right = _hashed(path, mark)
    if not right:
        raise ReasonMedError(
            f"{file} of {wanted.files.repo} at {listing.revision} came twice with another hash than {mark}, which the "
            f"hub has for it; run the same command again, {wanted.by_hand}"
        )
    return path, found


def _downloaded(hub: ModuleType, wanted: Wanted, revision: str, file: str, *, again: bool) -> Path:
    with _said(hub, wanted, revision), _without_bars(hub):
        got = hub.hf_hub_download(
            wanted.files.repo,
            file,
            repo_type="dataset",
            revision=revision,
            endpoint=endpoint(),
            token=token() or False,
            library_name="reasonmed",
            library_version=__version__,
            force_download=again,
        )
    return Path(got)


def _hashed(path: Path, mark: str | None) -> tuple[str, bool]:
    """The sha256 of a file, and whether it has the hash that the hub gives: sha256 too, or git's of small files."""
    content = path.read_bytes()
    found = sha256(content).hexdigest()
    git = sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return found, mark in (None, found, git)


@contextmanager
def _without_bars(hub: ModuleType) -> Iterator[None]:
    """The client's own bars would be drawn over what a command shows."""
    were = hub.utils.are_progress_bars_disabled()
    if not were:
        hub.utils.disable_progress_bars()
    try:
        yield
    finally:
        if not were:
            hub.utils.enable_progress_bars()


@contextmanager
def _said(hub: ModuleType, wanted: Wanted, revision: str) -> Iterator[None]:
    """The client's errors as ours, with what to do."""
    repo, by_hand = wanted.files.repo, wanted.by_hand
    errors, where = hub.errors, f"{repo} at {revision}"
    page = f"{endpoint() or hub.constants.ENDPOINT}/datasets/{repo}"
    again = f"run the same command again, {by_hand}"
    try:
        yield
    except errors.OfflineModeIsEnabled as offline:
        raise UsageError(
            f"{PREFIX}{wanted.name}: HF_HUB_OFFLINE is set, and the cache {hub.constants.HF_HUB_CACHE} does not hold "
            f"{where}, or not unchanged; fetch it once with the network, {by_hand}"
        ) from offline
    except errors.GatedRepoError as gated:
        raise UsageError(
            f"{repo} is gated: accept its terms on {page}, log in by that account's token in {TOKEN}, {by_hand}"
        ) from gated
    except errors.RevisionNotFoundError as missing:
        raise UsageError(f"{where}: there is no such revision; try {PREFIX}{wanted.name}@main, {by_hand}") from missing
    except errors.RepositoryNotFoundError as missing:
        raise UsageError(
            f"{page} is not there, or private: log in by a token in {TOKEN} that may read it, {by_hand}"
        ) from missing
    except (errors.HTTPError, errors.EntryNotFoundError, OSError, ValueError) as failed:
        raise ReasonMedError(f"the hub did not give {where}: {failed}; {again}") from failed
    except (LookupError, TypeError, AttributeError) as strange:
        raise ReasonMedError(
            f"{page} answered with something else than a data set: {strange!r}; {by_hand}"
        ) from strange
