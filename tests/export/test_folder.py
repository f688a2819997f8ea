"""What an export does to the folder that it is given."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

import pytest

from exports import Export
from reasonmed.errors import RunDirectoryError, UsageError
from reasonmed.export import About, Settings, export, recard
from reasonmed.export.push import shipment
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.status import status_of
from runs import World, questions, run

PASSED = 200
MORE_THAN_A_PIPE_HOLDS = 1 << 21
_CARD = ("README.md", "croissant.json", "card/records.svg", "card/scores.svg", "card/verdicts.svg")


def test_force_takes_every_file_of_the_older_export_away_and_no_other(exported: Export, tmp_path: Path) -> None:
    exported(["trl-sft", "parquet"])
    (tmp_path / "out" / "notes.txt").write_text("mine")
    exported(["records"], force=True, shares=(1.0, 0.0, 0.0))
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"notes.txt", "export.json", "records/train.jsonl", *_CARD}


def test_without_force_an_older_export_stays_as_it_is(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    before = (tmp_path / "out" / "export.json").read_bytes()
    with pytest.raises(UsageError, match=r"holds an older export.*--force"):
        exported(["records"], seed=3)
    assert (tmp_path / "out" / "export.json").read_bytes() == before


def test_a_manifest_cannot_make_force_delete_outside_the_folder(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    precious = tmp_path / "precious.txt"
    precious.write_text("years of work")
    path = tmp_path / "out" / "export.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "files": ["../precious.txt", str(precious), *told["files"]]}))
    with pytest.raises(UsageError, match=r"'\.\./precious\.txt' is no path inside"):
        exported(["records"], force=True)
    assert precious.read_text() == "years of work"


@pytest.mark.parametrize("key", ["files", "sha256", "card_sha256", "rows"])
@pytest.mark.parametrize("name", ["../precious.txt", "ABSOLUTE", "link/precious.txt"])
def test_a_name_that_leads_out_of_an_export_is_followed_by_no_command(
    exported: Export, tmp_path: Path, key: str, name: str
) -> None:
    exported(["records"])
    (tmp_path / "precious.txt").write_text("years of work")
    folder = tmp_path / "out"
    (folder / "link").symlink_to(tmp_path)
    path = folder / "export.json"
    told = json.loads(path.read_text())
    wrong = name.replace("ABSOLUTE", str(tmp_path / "precious.txt"))
    told[key] = [*told[key], wrong] if key == "files" else {**told[key], wrong: 1 if key == "rows" else "0" * 64}
    path.write_text(json.dumps(told))
    for command in (
        lambda: recard(folder, About(), force=True),
        lambda: shipment(folder, "me/data", public=False, demo=True),
        lambda: exported(["records"], force=True),
    ):
        with pytest.raises(UsageError, match=r"is no path inside|leads out of"):
            command()
    assert (tmp_path / "precious.txt").read_text() == "years of work"


def test_a_data_file_that_is_a_link_out_of_the_folder_is_not_pushed(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    file = tmp_path / "out" / "records" / "train.jsonl"
    shutil.move(file, tmp_path / "elsewhere.jsonl")
    file.symlink_to(tmp_path / "elsewhere.jsonl")
    with pytest.raises(UsageError, match=r"leads out of .* through a link; put a copy in the place of the link"):
        shipment(tmp_path / "out", "me/data", public=False, demo=True)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": 3}', '{"files": [1]}'])
def test_a_torn_manifest_of_an_older_export_is_an_error(exported: Export, tmp_path: Path, content: str) -> None:
    exported(["records"])
    (tmp_path / "out" / "export.json").write_text(content)
    with pytest.raises(UsageError, match=r"export\.json is no manifest of an export"):
        exported(["records"], force=True)


def test_what_is_no_run_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    with pytest.raises(RunDirectoryError, match="thesis is no run"):
        export(RunDirectory(tmp_path / "thesis"), tmp_path / "out", Settings(), ["records"], force=False)
    assert not (tmp_path / "out").exists()


def test_an_unknown_format_is_refused_before_a_folder_is_made(exported: Export, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--format dop: there are axolotl, dpo, inspect"):
        exported(["records", "dop"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["parquet", "rl"])
def test_without_pyarrow_the_extra_is_named_and_an_older_export_stays(
    exported: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    exported(["records"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"need pyarrow: pip install 'reasonmed\[parquet\]'"):
        exported(["records", name], force=True)
    assert (tmp_path / "out" / "records" / "train.jsonl").exists()


def test_a_template_that_deletes_the_reasoning_stops_the_export(run26: RunDirectory, tmp_path: Path) -> None:
    settings = Settings(demo=True, template="deepseek-r1-distill")
    with pytest.raises(UsageError, match=r"the chain of thought is lost.*29 of 87 rows"):
        export(run26, tmp_path / "out", settings, ["trl-sft"], force=False)
    assert not (tmp_path / "out").exists()
    export(run26, tmp_path / "out", Settings(demo=True, template="qwen3"), ["trl-sft"], force=False)


def test_force_leaves_a_foreign_file_that_is_in_the_way_and_the_older_export(exported: Export, tmp_path: Path) -> None:
    out = tmp_path / "out"
    exported(["records"])
    (out / "trl-sft" / "reasonmed").mkdir(parents=True)
    (out / "trl-sft" / "reasonmed" / "train.jsonl").write_text("mine")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=r"train\.jsonl is in the way and is of no older export"):
        exported(["trl-sft"], force=True)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_force_in_a_folder_of_somebody_else_leaves_their_readme(exported: Export, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "README.md").write_text("my project")
    with pytest.raises(UsageError, match=r"README\.md is in the way"):
        exported(["records"], force=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["README.md"]
    assert (tmp_path / "out" / "README.md").read_text() == "my project"


def test_force_goes_through_no_link_out_of_the_folder(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "train.jsonl").write_text("years of work")
    (tmp_path / "out" / "records").rename(tmp_path / "out" / "old")
    (tmp_path / "out" / "records").symlink_to(elsewhere)
    with pytest.raises(UsageError, match=r"leads out of .* through a link"):
        exported(["records"], force=True)
    assert (elsewhere / "train.jsonl").read_text() == "years of work"


def test_an_export_that_comes_to_nothing_leaves_the_older_one(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="nothing is left to export"):
        exported(["records"], force=True, sources=("nowhere",))
    with pytest.raises(UsageError, match="nothing is left to export"):
        exported(["records"], force=True, sources=("nowhere",), min_score=10, tiers=("difficult",))
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_the_draft_of_an_export_that_was_killed_is_no_content(exported: Export, tmp_path: Path) -> None:
    (tmp_path / "out" / ".reasonmed-export.part" / "records").mkdir(parents=True)
    (tmp_path / "out" / ".reasonmed-export.part" / "records" / "torn.jsonl").write_text("{")
    exported(["records"])
    assert not list((tmp_path / "out").rglob("torn.jsonl"))


def fill(pipe: int, reader: Future[Any]) -> None:
    """Write more spaces than a pipe holds, so that its reader is known to have begun."""
    left = MORE_THAN_A_PIPE_HOLDS
    os.set_blocking(pipe, False)
    while left and not reader.done():
        try:
            left -= os.write(pipe, b" " * min(left, 4096))
        except BlockingIOError:
            time.sleep(0.01)
    os.set_blocking(pipe, True)
    assert not left, reader.exception()


@contextlib.contextmanager
def passing() -> Iterator[TextIO]:
    """A pipe whose other end is at /dev/fd, as a shell passes one."""
    reading, writing = os.pipe()
    os.dup2(reading, PASSED)
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        yield pipe
    os.close(PASSED)


def test_an_export_of_a_run_under_way_is_of_one_moment_in_all_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch)
    world.stop_after = 350
    directory = run(tmp_path / "run", questions(20))
    copy = RunDirectory(shutil.copytree(directory.path, tmp_path / "copy"))
    report = json.dumps({"version": 1, "input": {}, "coverage": [], "counts": {}, "findings": []})

    def exported_from(source: RunDirectory) -> dict[str, bytes]:
        out = tmp_path / f"{source.path.name}-out"
        about = About(name="it", findings=Path(f"/dev/fd/{PASSED}"))
        export(source, out, Settings(demo=True), ["records", "kto", "verifier"], force=False, about=about)
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def exported_while(source: RunDirectory, meanwhile: Callable[[], object]) -> dict[str, bytes]:
        """Go on with something once the export waits for the rest of its report."""
        with ThreadPoolExecutor() as pool, passing() as pipe:
            found = pool.submit(exported_from, source)
            fill(pipe.fileno(), found)
            meanwhile()
            pipe.write(report)
            pipe.close()
            return found.result()

    def finish() -> None:
        world.stop_after = None
        run(tmp_path / "run", questions(20))

    expected = exported_while(copy, lambda: None)
    assert exported_while(directory, finish) == expected
    assert status_of(directory).unfinished == 0 < status_of(copy).unfinished
    (tmp_path / "run").rename(tmp_path / "later")
    later = exported_while(RunDirectory(tmp_path / "later"), lambda: None)
    assert later["records/train.jsonl"] != expected["records/train.jsonl"]
