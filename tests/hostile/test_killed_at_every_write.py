"""A command killed at any write step loses nothing, and the same command then ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import pytest

from killed_at import Commands, Ended
from reasonmed.recipe.shipped import resource
from support import WORDS

EVERY = "REASONMED_EVERY_STEP" in os.environ
"""`make test` takes one step of each kind of command, `make test-heavy` each step of each command."""
KEPT_LOG = re.compile(r"\.damaged-\d+\.db-(wal|shm)$")
CHANGING = {"ledger.db", "ledger.db-wal", "ledger.db-shm", ".ledger.db.closed", "run.json", "run.lock"}
"""Files of a run that hold times and process numbers."""
REPORT = ["--json", "findings.json", "--html", "findings.html"]
RUN = ["run", "questions.jsonl", "-r", "scripted", "-o", "run", "--max-failures", "100%"]
EXPORT = ["export", "run", "-o", "data", "--demo", "--format", "records,trl-sft"]
EVALUATE = ["evaluate", "questions.jsonl", "-r", "scripted", "-m", "one", "-o", "evaluation"]
STAGES = ("generate", "verify", "route", "rank", "refine", "optimize", "summarize", "score")
CHAINS = [{"model": "m", "text": f"{WORDS}. It inhibits the enzyme. Answer: B", "correct": True}]


Ran = tuple[Path, dict[str, Ended]]


class Case(NamedTuple):
    """A command in a folder where all of them were run, without what it is to write."""

    words: list[str]
    without: str = ""
    """Pattern of what is removed from the folder first."""
    kept: str = ""
    """Pattern of files that are whole and there at every moment, as they were or as they become."""
    damaged: bool = False
    """Whether half of the run's ledger is lost first."""


def _stage(place: int) -> Case:
    before = f"{STAGES[place - 1]}.jsonl" if place else "questions.jsonl"
    out = f"{STAGES[place]}.jsonl"
    return Case([STAGES[place], before, "-r", "scripted", "-o", out], f"{out}*")


CASES = {
    "run": Case(RUN, "run"),
    "run again": Case(RUN, kept="run/*.jsonl"),
    "repair": Case(RUN, kept="run/*.jsonl", damaged=True),
    "retry": Case(["retry", "run", "--class", "unparsable,context"], kept="run/*.jsonl"),
    "rebuild": Case(["rebuild", "run"], kept="run/*.jsonl"),
    "plan": Case(["plan", "questions.jsonl", "-r", "scripted", "-o", "pilot", "--pilot", "3"]),
    **{stage: _stage(place) for place, stage in enumerate(STAGES)},
    "evaluate": Case(EVALUATE, "evaluation"),
    "evaluate again": Case([*EVALUATE, "-m", "two"], kept="evaluation/*.json"),
    "judge-card": Case(["judge-card", "labeled.jsonl", "-r", "scripted", "-o", "judge"]),
    "export": Case(EXPORT, "data"),
    "export over another": Case(
        ["export", "run", "-o", "data", "--demo", "--format", "dpo,records", "--force"], kept="data/records/*.jsonl"
    ),
    "card": Case(["card", "data", "--name", "Another name"]),
    "check": Case(["check", "data", *REPORT], "findings.*"),
    "check over another": Case(["check", "run", *REPORT, "--force"], kept="findings.*"),
    "index": Case(["index", "questions.jsonl", "-o", "some.index.jsonl"]),
    "questions": Case(["questions", "questions.jsonl", "-o", "native.jsonl"]),
    "import": Case(["import", "others.jsonl", "-o", "imported.jsonl"]),
    "import over another": Case(["import", "others.jsonl", "-o", "generate.jsonl", "--force"], kept="generate.jsonl"),
    "init": Case(["init", "mine.yaml", "--from", "paper"]),
    "emit": Case(["train", "data", "-c", "training.yaml", "--emit", "axolotl", "-o", "axolotl"]),
}
READ_AFTERWARDS = {"export over another", "card"}
"""Commands in an export that a reader finishes or finds as it was."""
RUN_BEFORE = ("run", *(STAGES if EVERY else STAGES[:1]), "evaluate", "export", "check")
"""What others find in their folder."""
ALIKE = {*STAGES[1:], "plan", "evaluate again", "check over another", "import over another", "init"}
"""Commands that write as another one of the table does."""


@pytest.fixture(scope="module")
def ran(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A folder in which commands were run, and how each ended."""
    folder = tmp_path_factory.mktemp("ran") / "work"
    folder.mkdir()
    rows = json.loads(resource("examples", "questions.json").read_text(encoding="utf-8"))[:5]
    others: list[dict[str, Any]] = [
        {"id": 1},
        {"Question": "Which drug?", "Complex_CoT": "It thins blood.", "Response": "Warfarin"},
    ]
    _write(folder / "questions.jsonl", rows)
    _write(folder / "labeled.jsonl", [{**row, "cots": CHAINS} for row in rows])
    _write(folder / "others.jsonl", others)
    (folder / "training.yaml").write_text("base_model: some/model\ntemplate: plain\n")
    return folder, {name: _calm(commands, folder, name) for name in RUN_BEFORE}


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _calm(commands: Commands, folder: Path, name: str) -> Ended:
    done = commands.run(folder, CASES[name].words)
    assert done.code == 0, done.shown
    return done


def _files(folder: Path) -> dict[str, bytes]:
    """All files below a folder; of those that hold times, the names. A kept ledger may have its log beside it."""
    found = (path for path in folder.rglob("*") if path.is_file() and not KEPT_LOG.search(path.name))
    return {str(path.relative_to(folder)): b"" if path.name in CHANGING else path.read_bytes() for path in found}


def _copy(template: Path, folder: Path, case: Case) -> None:
    shutil.copytree(template, folder)
    for path in list(folder.glob(case.without)) if case.without else ():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if case.damaged:
        ledger = folder / "run" / "ledger.db"
        os.truncate(ledger, ledger.stat().st_size // 2)


@pytest.mark.parametrize("name", [name for name in CASES if EVERY or name not in ALIKE])
def test_a_kill_at_any_write_loses_nothing_and_the_same_command_ends_well(
    name: str,
    commands: Commands,
    ran: tuple[Path, dict[str, Ended]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (template, ended), case, killed = ran, CASES[name], tmp_path / "killed"
    before = after = _files(template)
    if name in ended:
        changes = ended[name].changes
    else:
        _copy(template, tmp_path / "calm", case)
        changes, after = _calm(commands, tmp_path / "calm", name).changes, _files(tmp_path / "calm")
    kept = [str(path.relative_to(template)) for path in template.glob(case.kept)] if case.kept else []
    assert bool(kept) == bool(case.kept)
    kills = 0
    for step in range(1, changes + 1) if EVERY else [1 + crc32(name.encode()) % changes]:
        _copy(template, killed, case)
        kills += commands.run(killed, case.words, kill_at=step).code == -9
        for file in kept:
            assert (killed / file).read_bytes() in (before[file], after[file]), f"step {step}: {file}"
        if name in READ_AFTERWARDS:
            pushed = commands.run(killed, ["push", "data", "--to", "me/data", "--dry-run", "--demo"])
            assert pushed.code == 0, f"step {step}: {pushed.shown}"
        again = commands.run(killed, case.words)
        assert again.code == 0, f"step {step}: {again.shown}"
        assert _files(killed) == after, f"step {step}"
        shutil.rmtree(killed)
    with capsys.disabled():
        sys.stdout.write(f"{name}: killed at {kills} of {changes} steps\n" if EVERY else "")
