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

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import ModuleType

    from reasonmed.questions.benchmarks import Files

PREFIX = "hub:"

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REVISION = re.compile(r"[A-Za-z0-9](?:[\w.-]|/(?=[A-Za-z0-9]))*", re.ASCII)
_SAFE = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)*", re.ASCII)
_SUFFIXES = (".parquet", ".jsonl", ".json")
_ALSO = {"validation": ("validation", "valid", "val", "dev")}
"""Other names that publishers give a split, the usual one first."""
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
    hub, held = client(given), (recorded or {}).get(name)
    found, wanted = _found(hub, name, files, asked or held or files.revision)
    if held is not None and found.revision != held:
        raise UsageError(
            f"{given} is commit {found.revision}, but the recorded answers are to commit {held}; use a new folder "
            f"with -o, or {PREFIX}{name}@{held}"
        )
    got = {one: _had(hub, name, files, found, one) for one in wanted}
    paths, hashes = {one: path for one, (path, _) in got.items()}, {one: mark for one, (_, mark) in got.items()}
    return Fetched(name, files.repo, found.revision, paths, hashes)


def pick(names: Iterable[str], folder: str, split: str) -> list[str]:
    """The files of a split among the names of a data set: one file, or all its numbered parts in order.

    They lie in the folder (or in ``data/``) and are named for the split; parquet goes before JSON Lines and JSON.
    Empty where there are none, parts are missing, or several could be meant.
    """
    safe = sorted(name for name in names if _SAFE.fullmatch(name))
    below = f"{re.escape(folder)}/" if folder else ""
    for word in _ALSO.get(split, (split,)):
        for suffix in _SUFFIXES:
            part = rf"(?:data/)?{below}{re.escape(word)}(?:-(\d{{5}})-of-(\d{{5}})(?:-[0-9a-f]+)?)?{re.escape(suffix)}"
            fitting = [match for name in safe if (match := re.fullmatch(part, name))]
            if fitting:
                whole = [(f"{number:05}", f"{len(fitting):05}") for number in range(len(fitting))]
                complete = fitting[0][1] is None and len(fitting) == 1
                ordered = complete or [(match[1], match[2]) for match in fitting] == whole
                return [match[0] for match in fitting] if ordered else []
    return []


def _asked(given: str) -> tuple[str, str | None]:
    name, at, revision = given.removeprefix(PREFIX).partition("@")
    if name not in registry():
        raise UsageError(f"{given}: there is no benchmark {name!r}; there are {', '.join(registry())}")
    if at and not _REVISION.fullmatch(revision):
        raise UsageError(f"{given}: {revision!r} is no branch, tag or commit of a data set")
    return name, revision or None


def _found(hub: ModuleType, name: str, files: Files, revision: str) -> tuple[_Listing, list[str]]:
    """What lists the files at a revision, and which of them are wanted; of a commit that is here no hub is asked."""
    held = _cached(hub, files.repo, revision)
    wanted = _wanted(held, name, files)
    if not all(wanted.values()):
        held = _listed(hub, name, files, revision)
        wanted = _wanted(held, name, files)
    for folder, part in wanted.items():
        if not part:
            raise UsageError(_none_fits(name, files, held, folder))
    return held, [one for part in wanted.values() for one in part]


def _wanted(listing: _Listing, name: str, files: Files) -> dict[str, list[str]]:
    """The files of the split by folder; a benchmark of several subjects has a folder for each."""
    folders = list(registry()[name].subjects) or [files.folder]
    return {folder: pick(listing.files, folder, files.split) for folder in folders}


def _none_fits(name: str, files: Files, found: _Listing, folder: str) -> str:
    place = f"{folder}/{files.split}" if folder else files.split
    several = sorted(found.files)
    shown = ", ".join(repr(one)[1:-1][:100] for one in several[:_SHOWN]) or "none"
    more = f" and {len(several) - _SHOWN:,} more" if len(several) > _SHOWN else ""
    return (
        f"{PREFIX}{name}: {files.repo} at {found.revision} has not one whole set of files {place}.parquet, .jsonl or "
        f".json, nor its parts -00000-of-0000N; its files are {shown}{more}. Fetch the right one and give {name}=FILE"
    )


def _cached(hub: ModuleType, repo: str, revision: str) -> _Listing:
    """What the client's cache has of a commit; its links lead to files named by their hashes, where there are links."""
    folder = Path(hub.constants.HF_HUB_CACHE) / f"datasets--{repo.replace('/', '--')}" / "snapshots" / revision
    if not _COMMIT.fullmatch(revision) or not folder.is_dir():
        return _Listing(revision, {})
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    marks = {name: path.resolve().name for name, path in there.items()}
    return _Listing(revision, {name: mark if _HASH.fullmatch(mark) else None for name, mark in marks.items()})


def _listed(hub: ModuleType, name: str, files: Files, revision: str) -> _Listing:
    with _said(hub, name, files, revision):
        told = hub.HfApi(endpoint=endpoint(), token=token() or False, library_name="reasonmed").dataset_info(
            files.repo, revision=revision, files_metadata=True, timeout=_SECONDS
        )
        found = {one.rfilename: one.lfs.sha256 if one.lfs else one.blob_id for one in told.siblings}
    if not _COMMIT.fullmatch(str(told.sha)):
        raise ReasonMedError(f"the hub names no commit for {files.repo} at {revision}, but {told.sha!r:.60}")
    return _Listing(told.sha, found)


def _had(hub: ModuleType, name: str, files: Files, listing: _Listing, file: str) -> tuple[Path, str]:
    """A file with its sha256. One that is torn or was changed in the cache is fetched once more."""
    mark = listing.files[file]
    path = _downloaded(hub, name, files, listing.revision, file, again=False)
    found, right = _hashed(path, mark)
    if not right:
        with _said(hub, name, files, listing.revision):
            if hub.constants.HF_HUB_OFFLINE:
                raise hub.errors.OfflineModeIsEnabled
        path = _downloaded(hub, name, files, listing.revision, file, again=True)
        found, right = _hashed(path, mark)
    if not right:
        raise ReasonMedError(
            f"{file} of {files.repo} at {listing.revision} came twice with another hash than {mark}, which the hub "
            f"has for it; run the same command again, or give the file: {name}=FILE"
        )
    return path, found


def _downloaded(hub: ModuleType, name: str, files: Files, revision: str, file: str, *, again: bool) -> Path:
    with _said(hub, name, files, revision), _without_bars(hub):
        got = hub.hf_hub_download(
            files.repo,
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
def _said(hub: ModuleType, name: str, files: Files, revision: str) -> Iterator[None]:
    """The client's errors as ours, with what to do."""
    errors, where = hub.errors, f"{files.repo} at {revision}"
    page = f"{endpoint() or hub.constants.ENDPOINT}/datasets/{files.repo}"
    by_hand = f"or give the file: {name}=FILE"
    again = f"run the same command again, {by_hand}"
    try:
        yield
    except errors.OfflineModeIsEnabled as offline:
        raise UsageError(
            f"{PREFIX}{name}: HF_HUB_OFFLINE is set, and the cache {hub.constants.HF_HUB_CACHE} does not hold {where}, "
            f"or not unchanged; fetch it once with the network, {by_hand}"
        ) from offline
    except errors.GatedRepoError as gated:
        raise UsageError(
            f"{files.repo} is gated: accept its terms on {page}, log in by that account's token in {TOKEN}, {by_hand}"
        ) from gated
    except errors.RevisionNotFoundError as missing:
        raise UsageError(f"{where}: there is no such revision; try {PREFIX}{name}@main, {by_hand}") from missing
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
