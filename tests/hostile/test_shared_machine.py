"""Other users of the machine read nothing of what a command writes, and lead none of it astray."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from killed_at import Commands
from reasonmed.engine.ledger import Ledger
from reasonmed.files import make_folder, write_atomically
from reasonmed.recipe.shipped import resource
from support import WORDS

NOBODY = 65534
RUN = ["run", "questions.jsonl", "-r", "scripted", "-o", "run", "--max-failures", "100%"]
COMMANDS = (
    RUN,
    ["rebuild", "run"],
    ["plan", "questions.jsonl", "-r", "scripted", "-o", "deep/er/pilot", "--pilot", "2"],
    ["generate", "questions.jsonl", "-r", "scripted", "-o", "generated.jsonl"],
    ["evaluate", "questions.jsonl", "-r", "scripted", "-m", "one", "-o", "evaluation"],
    ["judge-card", "labeled.jsonl", "-r", "scripted", "-o", "judge"],
    ["export", "run", "-o", "data", "--demo", "--format", "records,trl-sft"],
    ["check", "run", "--json", "findings.json", "--html", "findings.html", "--exact"],
    ["questions", "questions.jsonl", "-o", "native.jsonl"],
    ["import", "others.jsonl", "-o", "imported.jsonl"],
    ["index", "questions.jsonl", "-o", "some.index.jsonl"],
    ["init", "mine.yaml"],
    ["train", "data", "-c", "training.yaml", "--emit", "axolotl", "-o", "axolotl"],
)
"""Every kind of command that writes."""
GIVEN = ("questions.jsonl", "labeled.jsonl", "others.jsonl", "training.yaml")


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    before = os.umask(0)
    try:
        with Commands() as served:
            yield served
    finally:
        os.umask(before)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may write to, as ``/tmp`` is; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="reasonmed-test-"))
    folder.chmod(0o1777)
    _prepare(folder)
    yield folder
    shutil.rmtree(folder)


def _prepare(folder: Path) -> None:
    rows = json.loads(resource("examples", "questions.json").read_text(encoding="utf-8"))[:3]
    chains = [{"model": "m", "text": f"{WORDS}. It inhibits the enzyme. Answer: B", "correct": True}]
    for name, found in (("questions", rows), ("labeled", [{**row, "cots": chains} for row in rows])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
        (folder / f"{name}.jsonl").chmod(0o600)
    (folder / "others.jsonl").write_text('{"Question": "Which drug?", "Response": "Warfarin"}\n')
    (folder / "training.yaml").write_text("base_model: some/model\ntemplate: plain\n")


def modes(folder: Path, apart: set[Path]) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path not in apart and not path.is_socket())
    return {str(path.relative_to(folder)): oct(stat.S_IMODE(path.lstat().st_mode)) for path in found}


@pytest.fixture(scope="module")
def ran(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every kind of command has written, with a umask that closes nothing."""
    folder = tmp_path_factory.mktemp("ran") / "work"
    folder.mkdir()
    _prepare(folder)
    for words in COMMANDS:
        done = commands.run(folder, words)
        assert done.code == 0, done.shown
    return folder


def test_whatever_the_umask_all_that_is_written_is_for_its_owner_alone(ran: Path) -> None:
    found = modes(ran, {ran / name for name in GIVEN})
    assert len(found) > 60
    assert {name: mode for name, mode in found.items() if mode != oct(0o700 if (ran / name).is_dir() else 0o600)} == {}


def test_an_open_ledger_and_all_that_is_beside_it_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(Ledger(tmp_path / "ledger.db")) as ledger:
            ledger.write("INSERT INTO facts VALUES ('some', 'fact')").result()
            assert modes(tmp_path, set()) == dict.fromkeys(("ledger.db", "ledger.db-wal", "ledger.db-shm"), "0o600")
    finally:
        os.umask(before)


def test_what_a_person_has_opened_stays_open_and_its_folder_is_said_once(commands: Commands, tmp_path: Path) -> None:
    _prepare(tmp_path)
    (tmp_path / "run").mkdir(mode=0o755)
    first = commands.run(tmp_path, RUN)
    assert first.code == 0, first.shown
    assert "run is open to other users of this machine (mode 755)" in " ".join(first.shown.split())
    assert set(modes(tmp_path / "run", set()).values()) == {"0o600"}
    (tmp_path / "run" / "records.jsonl").chmod(0o644)
    again = commands.run(tmp_path, RUN)
    assert again.code == 0, again.shown
    assert "open to other users" not in " ".join(again.shown.split())
    assert modes(tmp_path, set())["run"] == "0o755"
    assert modes(tmp_path, set())["run/records.jsonl"] == "0o644"


def test_folders_are_made_closed_and_those_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / "given").mkdir(mode=0o775)
        write_atomically(tmp_path / "given" / "made" / "deeper" / "file", "text")
        make_folder(tmp_path / "given")
    finally:
        os.umask(before)
    found = modes(tmp_path, set())
    assert found.pop("given") == "0o775"
    assert found == {"given/made": "0o700", "given/made/deeper": "0o700", "given/made/deeper/file": "0o600"}
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "given" / "made" / "deeper" / "file")


def _symlink(place: Path, victim: Path) -> None:
    place.symlink_to(victim)


def _hard_link(place: Path, victim: Path) -> None:
    place.hardlink_to(victim)


def _fifo(place: Path, victim: Path) -> None:
    os.mkfifo(place)


def _nobodys(place: Path, victim: Path) -> None:
    place.touch()
    os.chown(place, NOBODY, NOBODY)
    place.chmod(0o666)


def _root_only() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make files of another user")


PLANTS = (_symlink, _hard_link, _fifo, _nobodys)
PLACES = [(name, plant) for name in ("run.lock", "ledger.db") for plant in PLANTS]
PLACES += [("ledger.db-wal", _symlink), ("ledger.db-wal", _nobodys), ("ledger.db-journal", _symlink)]


@pytest.mark.parametrize(("name", "plant"), PLACES)
def test_nothing_is_written_through_what_is_planted_under_a_name_that_can_be_foreseen(
    name: str, plant: Callable[[Path, Path], None], commands: Commands, tmp_path: Path
) -> None:
    if plant is _nobodys:
        _root_only()
    _prepare(tmp_path)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "run").mkdir()
    plant(tmp_path / "run" / name, victim)
    done = commands.run(tmp_path, RUN, seconds=30)
    assert done.code == 2, done.shown
    assert name in done.shown
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_planted_where_a_file_is_replaced_is_gone_afterwards(
    plant: Callable[[Path, Path], None], commands: Commands, ran: Path, tmp_path: Path
) -> None:
    if plant is _nobodys:
        _root_only()
    work = tmp_path / "work"
    shutil.copytree(ran, work)
    victim = work / "victim"
    victim.write_text("precious")
    names = ("records.jsonl", "failures.jsonl", ".ledger.db.closed", "ctl.sock")
    for name in names:
        (work / "run" / name).unlink(missing_ok=True)
        plant(work / "run" / name, victim)
    done = commands.run(work, RUN, seconds=30)
    assert done.code == 0, done.shown
    assert victim.read_text() == "precious"
    assert not (work / "run" / "ctl.sock").exists()
    for name in names[:-1]:
        facts = (work / "run" / name).lstat()
        assert (facts.st_uid, stat.S_IFMT(facts.st_mode), oct(stat.S_IMODE(facts.st_mode))) == (
            os.geteuid(),
            stat.S_IFREG,
            "0o600",
        )


def test_a_draft_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    draft = f".file.{os.uname().nodename}-{os.getpid()}.part"
    (tmp_path / draft).symlink_to(tmp_path / "victim")
    write_atomically(tmp_path / "file", "text")
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "file").read_text() == "text"


READ = """
find "$0" -type f | while read -r file
do if cat "$file" > /dev/null 2>&1; then echo "read ${file##*/}"; else echo "refused ${file##*/}"; fi; done
"""


def _as_nobody(folder: Path) -> set[str]:
    done = subprocess.run(
        ["sh", "-c", READ, folder], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    return set(done.stdout.splitlines())


def test_another_user_reads_nothing_of_a_run_even_in_an_open_folder(ran: Path, public: Path) -> None:
    _root_only()
    shutil.copytree(ran, public / "work")
    for folder in (public / "work", *(path for path in (public / "work").rglob("*") if path.is_dir())):
        folder.chmod(0o777)
    given = ("others.jsonl", "training.yaml")
    for name in given:
        (public / "work" / name).chmod(0o644)
    said = _as_nobody(public / "work")
    assert {line for line in said if line.startswith("read ")} == {f"read {name}" for name in given}
    assert {"refused ledger.db", "refused records.jsonl", "refused results.json", "refused findings.html"} <= said


def test_a_run_is_not_begun_in_a_folder_of_another_user(commands: Commands, public: Path) -> None:
    _root_only()
    (public / "run").mkdir()
    (public / "run").chmod(0o777)
    os.chown(public / "run", NOBODY, NOBODY)
    done = commands.run(public, RUN)
    assert done.code == 2
    assert "belongs to another user" in done.shown
    assert list((public / "run").iterdir()) == []
