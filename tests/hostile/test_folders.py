"""What a stranger hands over is checked where it is read: no crash, nothing outside its folder, nothing endless."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from strangers import CODE, DOCUMENTS, MADE, OUTSIDE, Case, build, cases

from killed_at import Commands, Ended
from reasonmed.documents import is_plain_file

STRIDE = 1 if "REASONMED_EVERY_STEP" in os.environ else 1009
"""`make test` takes every 1009th case, `make test-heavy` each."""
ENDINGS = (0, 1, 2, 3, 4, 5, 130)
"""The documented exit codes."""
SECONDS = 20
MEGABYTES = 1200
GROUPS = (*DOCUMENTS, "rows", "stories", "tables", "files")
_CONTROL = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_BY_TERMINAL = re.compile(_CONTROL)
_BY_BROWSER = re.compile(f"{_CONTROL}|<img src=x")
"""What they would obey."""


@pytest.fixture(scope="module")
def good(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strangers") / "good"
    build(folder, commands)
    return folder


def _state(folder: Path, own: set[str]) -> dict[str, tuple[int, int, int]]:
    """Every path that is not the command's own, with its kind, size and time."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if name.parts[0] not in own:
            facts = path.lstat()
            is_folder = path.is_dir() and not path.is_symlink()
            found[str(name)] = (facts.st_mode, 0 if is_folder else facts.st_size, 0 if is_folder else facts.st_mtime_ns)
    return found


def _tried(case: Case, good: Path, work: Path, commands: Commands) -> Iterator[tuple[str, str]]:
    """What is bad about how a case ended, each with its kind."""
    folder = work / "case"
    shutil.copytree(good, folder, symlinks=True)
    try:
        case.spoil(folder)
        own = {*MADE, *(word.partition("/")[0] for word in case.words)} - {"outside"}
        before, others = _state(folder, own), _state(folder, {"outside"})
        ended = commands.run(folder, case.words, seconds=SECONDS, fence=(folder / "outside", CODE))
        if ended.code not in (*ENDINGS, -14):
            yield f"exit {ended.code}", ended.shown[-300:]
        elif "Traceback" in ended.shown or "internal error" in ended.shown:
            yield "traceback", ended.shown[-300:]
        if ended.code == -14 or ended.peak_mb > MEGABYTES:
            yield "unbounded", f"{ended.seconds} s, {ended.peak_mb} MB"
        after = _state(folder, own)
        if ended.strayed or before != after or OUTSIDE in ended.shown or _leaked(case, ended):
            changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
            yield "outside", f"{ended.strayed} {sorted(changed)} {ended.shown[-200:]}"
        written = "".join(_texts(folder, others))
        if obeyed := _BY_TERMINAL.search(ended.shown) or _BY_BROWSER.search(written):
            yield "escape", repr(obeyed.string[max(0, obeyed.start() - 100) : obeyed.end() + 20])
    finally:
        shutil.rmtree(folder)


def _leaked(case: Case, ended: Ended) -> bool:
    """Whether a listing of what would go names what is outside."""
    return case.words[0] == "push" and ended.code == 0 and "outside" in ended.shown


def _texts(folder: Path, before: dict[str, tuple[int, int, int]]) -> Iterator[str]:
    """Pages that people open, where a command wrote them."""
    for name, facts in _state(folder, {"outside"}).items():
        path = folder / name
        if before.get(name) != facts and path.suffix in (".md", ".html", ".svg") and is_plain_file(path):
            yield path.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_in_a_strangers_folder_is_trusted(group: str, good: Path, tmp_path: Path, commands: Commands) -> None:
    counts: Counter[str] = Counter()
    bad: list[str] = []
    for number, case in enumerate(cases(good, group)):
        if number % STRIDE:
            continue
        counts["tried"] += 1
        for kind, said in _tried(case, good, tmp_path, commands):
            counts[kind] += 1
            bad.append(f"{kind}: {case.name}: {' '.join(case.words)}: {said}")
    print(f"\n{group}: {dict(counts)}")  # noqa: T201 - for docs/reliability.md
    assert counts["tried"]
    assert not bad, "\n".join([f"{dict(counts)}", *bad])
