"""Where a run listens: in its folder, else in a private one that only it knows; never where others could."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasonmed.errors import RunDirectoryError
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.manifest import FORMAT, MANIFEST, Manifest
from reasonmed.runs.progress import Watch
from reasonmed.runs.socket import ask, listening, socket_path


@pytest.fixture
def deep(tmp_path: Path) -> RunDirectory:
    """A run whose path is too long for a socket."""
    folder = tmp_path / ("d" * 60) / ("e" * 60)
    folder.mkdir(parents=True, mode=0o700)
    manifest = Manifest(
        format=FORMAT,
        reasonmed="0",
        command="run",
        started="",
        demo=True,
        prompts={},
        input=None,
        recipe={},
        templates={},
        identity={"format": 2, "parsing": 5, "stages": {}},
    )
    MANIFEST.write(folder / "run.json", manifest)
    return RunDirectory(folder)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short folder for temporary files, without a runtime folder of the user's."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t") as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        yield Path(name)


def inside(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_short_path_has_its_socket_inside() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        folder = RunDirectory(Path(short))
        async with listening(folder, Watch()):
            assert socket_path(folder) == Path(short) / "ctl.sock"
            assert stat.S_IMODE((Path(short) / "ctl.sock").stat().st_mode) == 0o600
        assert inside(Path(short)) == []


async def test_two_runs_that_begin_together_leave_the_umask_as_it_was(temporary: Path) -> None:
    async def begun(name: str) -> None:
        (temporary / name).mkdir()
        async with listening(RunDirectory(temporary / name), Watch()):
            await asyncio.sleep(0)

    before = os.umask(0o022)
    try:
        await asyncio.gather(*map(begun, "abc"))
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


async def test_a_long_path_has_its_socket_in_a_private_folder_that_is_removed(
    deep: RunDirectory, temporary: Path
) -> None:
    async with listening(deep, Watch()):
        path = socket_path(deep)
        assert path is not None
        assert path.parent.parent == temporary
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert inside(temporary) == []
    assert socket_path(deep) is None
    with pytest.raises(RunDirectoryError, match="is not running"):
        ask(deep, {"do": "status"})


async def test_the_users_own_runtime_folder_comes_first_if_it_is_private(
    deep: RunDirectory, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = temporary / "runtime"
    for mode, above in ((0o700, runtime), (0o755, temporary)):
        runtime.mkdir(exist_ok=True)
        runtime.chmod(mode)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        async with listening(deep, Watch()):
            path = socket_path(deep)
            assert path is not None
            assert path.parent.parent == above


async def test_what_a_killed_session_left_is_removed_by_the_next(deep: RunDirectory, temporary: Path) -> None:
    left = temporary / "reasonmed-left"
    left.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(left / "ctl.sock"))
    (deep.path / "ctl.path").write_text(str(left / "ctl.sock"))
    async with listening(deep, Watch()):
        assert not left.exists()


@pytest.mark.parametrize(
    "place", ["private/ctl.sock", "private/agent.sock", "reasonmed-open/ctl.sock", "../x", "", "\0", "reasonmed-a"]
)
async def test_a_folder_that_names_another_place_is_neither_asked_nor_cleared(
    place: str, deep: RunDirectory, temporary: Path
) -> None:
    for name, mode in (("private", 0o700), ("reasonmed-open", 0o777)):
        (temporary / name).mkdir()
        (temporary / name).chmod(mode)
        (temporary / name / "ctl.sock").write_text("precious")
        (temporary / name / "agent.sock").write_text("precious")
    (deep.path / "ctl.path").write_text(str(temporary / place) if place else "")
    with pytest.raises(RunDirectoryError, match="in no private folder of a run"):
        ask(deep, {"do": "status"})
    async with listening(deep, Watch()):
        folders = [temporary / name for name in ("private", "reasonmed-open")]
        assert [path.read_text() for folder in folders for path in inside(folder)] == ["precious"] * 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
async def test_a_private_folder_of_another_user_is_not_asked(deep: RunDirectory, temporary: Path) -> None:
    theirs = temporary / "reasonmed-theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 65534, 65534)
    (deep.path / "ctl.path").write_text(str(theirs / "ctl.sock"))
    with pytest.raises(RunDirectoryError, match="in no private folder of a run"):
        ask(deep, {"do": "status"})
