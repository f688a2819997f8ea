"""What every test shares: no request leaves the machine, and no test waits for a person."""

from __future__ import annotations

import os
import shutil
import socket
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from msgspec import to_builtins

from exports import Export, run_examples
from reasonmed.export import Settings, export
from reasonmed.export.card import pictures
from reasonmed.runs.directory import RunDirectory

if TYPE_CHECKING:
    from killed_at import Commands

settings.register_profile("shared machine", deadline=None)  # a deadline would measure what else runs there
settings.load_profile("shared machine")

_SECONDS: defaultdict[str, float] = defaultdict(float)
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


_LONGEST = (
    "tests/test_docs.py",
    "tests/test_bench.py",
    "tests/cli/test_commands.py",
    "tests/parsing/test_time_bounds.py",
    "tests/export/",
    "tests/checks/",
    "tests/evaluation/",
)
"""Files that take minutes, which begin first: one that begins last is what all processes but one wait for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; a process takes a whole file."""
    items.sort(
        key=lambda item: next((n for n, one in enumerate(_LONGEST) if item.nodeid.startswith(one)), len(_LONGEST))
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what each folder of tests takes."""
    _SECONDS[report.nodeid.partition("::")[0].split("/")[1]] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the minutes by folder, all processes together."""
    longest = sorted(_SECONDS.items(), key=lambda one: -one[1])
    parts = ", ".join(f"{part} {seconds / 60:.1f}" for part, seconds in longest if seconds >= 6)
    terminalreporter.write_line(f"minutes by part: {parts or 'under 0.1 each'}")


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that is not to this machine itself."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and proxies of whoever runs the tests are not seen by them."""
    for name in list(os.environ):
        if (
            name.endswith("_API_KEY")
            or name.startswith("HF_")
            or name.lower() in ("http_proxy", "https_proxy", "no_proxy")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(autouse=True)
def _own_folders(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The viewer's tests leave the keys and indexes of whoever runs them alone."""
    if request.path.parent.name == "web":
        for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
            monkeypatch.setenv(name, str(tmp_path_factory.getbasetemp() / name.lower()))


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Runs command lines in processes of their own."""
    from killed_at import Commands

    with Commands() as served:
        yield served


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real questions and the mock server; tests that need it are skipped where it is not."""
    root = Path(os.environ.get("REASONMED_SHARED", Path(__file__).parents[2] / "shared"))
    if not (root / "data").is_dir():
        pytest.skip("real questions are not at hand: set REASONMED_SHARED to the folder that holds data/ and bench/")
    return root


@pytest.fixture(scope="session")
def run26(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A finished scripted run of the 26 example questions."""
    return run_examples(tmp_path_factory.mktemp("run26") / "run")


@pytest.fixture(scope="session")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation of two models on twelve questions, with an audit of steps."""
    from web_folders import evaluated

    return evaluated(tmp_path_factory.mktemp("evaluated"))


@pytest.fixture(scope="session")
def shipped(run26: RunDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of several formats and splits."""
    folder = tmp_path_factory.mktemp("shipped") / "out"
    formats = ["reasonmed-json", "messages", "records", "parquet", "dpo", "verifier"]
    with pytest.MonkeyPatch.context() as patched:  # pictures of the card, which nobody looks at here, take long
        patched.setattr(pictures, "find_spec", lambda _: None)
        export(run26, folder, Settings(demo=True, shares=(0.6, 0.2, 0.2)), formats, force=False)
    return folder


@pytest.fixture
def copied(run26: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy of that run, to be changed."""
    shutil.copytree(run26.path, tmp_path / "run")
    return RunDirectory(tmp_path / "run")


@pytest.fixture
def by_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts of a set, of which other processes do all."""
    monkeypatch.setattr("reasonmed.processes.usable", lambda: 2)
    monkeypatch.setattr("reasonmed.checks._ALONE", 0)
    monkeypatch.setattr("reasonmed.checks.inputs.PART", 4)
    for module in ("rebuild", "records"):
        monkeypatch.setattr(f"reasonmed.runs.{module}._ALONE", 0)
        monkeypatch.setattr(f"reasonmed.runs.{module}._PART", 10)


@pytest.fixture
def exported(run26: RunDirectory, tmp_path: Path) -> Export:
    """Export that run into a folder, with held-out splits; gives the manifest."""

    def write(formats: Sequence[str], folder: str = "out", *, force: bool = False, **settings: Any) -> dict[str, Any]:
        chosen = Settings(demo=True, **{"shares": (0.6, 0.2, 0.2), **settings})
        found: dict[str, Any] = to_builtins(export(run26, tmp_path / folder, chosen, formats, force=force))
        return found

    return write
