"""What ``make`` installs is locked: every direct dependency, each package with hashes, and no index address."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-")


def _locked(name: str) -> dict[str, int]:
    """The packages of a lock file, with how many hashes each has."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {_canonical(re.split(r"[=\[ ;]", line)[0]): line.count("--hash=sha256:") for line in lines}


def _named(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    names = {_canonical(re.split(r"[>=<\[]", one)[0]) for one in wanted if not one.startswith("reasonmed[")}
    inner = [re.findall(r"\[(.+)\]", one)[0].split(",") for one in wanted if one.startswith("reasonmed[")]
    return names | (_named(*[name for part in inner for name in part]) if inner else set())


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.lock", ("local", "dev")), ("requirements-run.lock", ("local",))]
)
def test_a_lock_names_every_direct_dependency_with_hashes_and_no_address(lock: str, extras: tuple[str, ...]) -> None:
    locked = _locked(lock)
    assert _named(*extras) - set(locked) == set()
    assert all(locked.values())
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


def test_both_locks_agree_on_every_version() -> None:
    def versions(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))

    assert versions("requirements-run.lock") <= versions("requirements.lock")
