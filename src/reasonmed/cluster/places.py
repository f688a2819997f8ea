"""What a run on a cluster has in its folder while it is under way: a copy of each shard's ledger, and its money."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from reasonmed.documents import Amount, Refused, json_as
from reasonmed.engine.ledger import Ledger
from reasonmed.engine.ledger.copies import copy_ledger
from reasonmed.errors import RunDirectoryError
from reasonmed.files import make_folder, write_atomically
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.session import lost
from reasonmed.runs.shards import Shard, number_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"([1-9][0-9]{0,5})-of-([1-9][0-9]{0,5})")
_LOOK_AGAIN = 0.5
_MOST = 1 << 20


class Session(Struct):
    """What shards of one session have in common; kept on disk, since any of them may die."""

    token: str
    """Distinguishes the folder from one of the same name that is not shared."""
    lost_before: Amount
    """USD that were lost in the run before."""
    granted: dict[str, Amount] = {}
    """USD that each shard may spend in this session; what it does not account for counts as spent."""
    holders: dict[str, str] = {}
    """Who had each shard last."""
    done: list[str] = []


def shards_in(run: Path) -> Path:
    """Where they are."""
    return run / "shards"


def name_of(shard: Shard) -> str:
    """What a shard's folder is called."""
    return f"{shard.number}-of-{shard.of}"


def place_of(run: Path, shard: Shard) -> RunDirectory:
    """The folder with a shard's copy, held by whoever works on it."""
    return RunDirectory(shards_in(run) / name_of(shard))


def there(run: Path) -> list[RunDirectory]:
    """The copies that are there."""
    root = shards_in(run)
    found = sorted(root.iterdir()) if root.is_dir() else []
    return [one for one in map(RunDirectory, found) if _NAME.fullmatch(one.path.name) and one.exists]


def read_session(run: Path) -> Session:
    """The session of the shards.

    Raises:
        RunDirectoryError: there is none, or it cannot be read.
    """
    path = shards_in(run) / "session.json"
    try:
        with path.open("rb") as file:
            return json_as(file.read(_MOST), Session)
    except (OSError, Refused) as problem:
        raise RunDirectoryError(f"{path} cannot be read: {problem}") from problem


def write_session(run: Path, session: Session) -> None:
    """Put it on disk."""
    write_atomically(shards_in(run) / "session.json", msgspec.json.encode(session).decode())


@contextmanager
def held(place: RunDirectory, patience: float) -> Iterator[None]:
    """Own a shard; whoever is about to end is waited for.

    Raises:
        RunDirectoryError: a process that lives has it.
    """
    until = time.monotonic() + patience
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(place.lock())
                break
            except RunDirectoryError:
                if time.monotonic() > until:
                    raise
            time.sleep(_LOOK_AGAIN)
        yield


def lost_in(part: Ledger, granted: float) -> float:
    """USD that are gone in a shard's session without a recorded reply: what it lost, and what it did not account for.

    Args:
        part: the newest that there is of its ledger.
        granted: what it was allowed to spend.
    """
    used = 0.0 if part.fact("base_usd") is None else part.cost() + lost(part) - part.usd("base_usd")
    return lost(part) + max(0.0, granted - used)


def collect(
    run: RunDirectory, ledger: Ledger, patience: float, marks: Mapping[str, dict[str, int]] | None = None
) -> None:
    """Take in what shards have copied, and let go of them.

    Args:
        run: the run.
        ledger: its own.
        patience: seconds to wait for those that are about to end.
        marks: how far each of them was read already.

    Raises:
        RunDirectoryError: a process that lives works on one of them.
    """
    if not shards_in(run.path).is_dir():
        return
    parts = there(run.path)
    with ExitStack() as stack:
        for one in parts:
            stack.enter_context(held(one, patience))
        if parts:
            session = read_session(run.path)
            gone = session.lost_before
            for one in parts:
                with closing(one.reader()) as part:
                    ledger.follow(part, dict((marks or {}).get(one.path.name, {})))
                    gone += lost_in(part, session.granted.get(one.path.name, 0.0))
            ledger.note(lost_usd=repr(max(gone, lost(ledger))))
        shutil.rmtree(shards_in(run.path))


def deal(run: RunDirectory, ledger: Ledger, of: int) -> Session:
    """Give each shard its unfinished questions, with what is recorded of them."""
    session = Session(secrets.token_hex(8), lost(ledger))
    shards = [Shard(number, of) for number in range(1, of + 1)]
    make_folder(shards_in(run.path))
    write_session(run.path, session)
    with TemporaryDirectory(prefix="reasonmed-") as folder:
        made = [Path(folder, f"{shard.number}.db") for shard in shards]
        with ExitStack() as stack:
            parts = [stack.enter_context(closing(Ledger(path))) for path in made]
            ledger.deal(lambda key: parts[number_of(key, of) - 1])
        for shard, path in zip(shards, made, strict=True):
            place = place_of(run.path, shard)
            make_folder(place.path)
            shutil.copyfile(run.manifest_path, place.manifest_path)
            copy_ledger(path, place.ledger_path)
    return session
