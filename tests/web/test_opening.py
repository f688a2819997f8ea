"""What can be opened, and what is said of what cannot."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reasonmed.errors import ReasonMedError
from reasonmed.runs.directory import RunDirectory
from reasonmed.web.sources import opened


def _touched(*names: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("{}")
        return folder

    return make


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nothing", "is not there"),
        (lambda folder: folder / "with\0nul", "cannot be read"),
        (lambda folder: folder, "is an empty folder"),
        (_touched("run.json", "training.json"), "is a trained model"),
        (_touched("adapter_config.json"), "is a trained model"),
        (_touched("ablation.json", "evaluation/results.json"), "is an ablation: give its folder evaluation/"),
        (_touched("evaluation.json"), "is an evaluation without results"),
        (_touched("first/run.json", "other/notes.txt"), "holds others that can be viewed: .*/first;"),
        (_touched("a.txt", "b.txt"), "holds nothing that can be viewed .a.txt, b.txt."),
        (_touched("ledger.db"), "has no run.json"),
        (lambda folder: _touched("run.json")(folder) / "run.json", "give its folder, "),
        (lambda folder: _touched("page.html")(folder) / "page.html", "none of rows .*jsonl"),
        (lambda folder: _touched("run.json", "records.jsonl")(folder) / "records.jsonl", "give its folder, "),
        (_touched("results.json"), "results.json"),
        (_touched("export.json"), "export.json"),
    ],
)
def test_what_cannot_be_viewed_is_named_with_what_it_is(
    tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    with pytest.raises(ReasonMedError, match=said) as refused:
        opened(make(tmp_path))
    assert str(tmp_path) in str(refused.value)


def test_a_run_of_a_newer_version_is_refused_with_its_version(run26: RunDirectory, tmp_path: Path) -> None:
    folder = shutil.copytree(run26.path, tmp_path / "run")
    plain = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**plain, "format": 99}))
    with pytest.raises(ReasonMedError, match="99"):
        opened(folder)


def test_a_ledger_of_a_newer_version_is_refused_with_its_version(run26: RunDirectory, tmp_path: Path) -> None:
    folder = shutil.copytree(run26.path, tmp_path / "run")
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE facts SET value = '99' WHERE name = 'format'")
    with pytest.raises(ReasonMedError, match="ledger format 99"):
        opened(folder).stamp()


def test_a_ledger_that_is_damaged_is_named_with_the_fix(run26: RunDirectory, tmp_path: Path) -> None:
    folder = shutil.copytree(run26.path, tmp_path / "run", ignore=shutil.ignore_patterns("ledger.db-*"))
    (folder / "ledger.db").write_bytes(b"torn" * 5_000)
    with pytest.raises(ReasonMedError, match=r"ledger\.db is no ledger of reasonmed, or it is damaged"):
        opened(folder).stamp()


def test_one_model_of_an_evaluation_leads_to_the_evaluation(evaluation: Path) -> None:
    with pytest.raises(ReasonMedError, match=f"give the evaluation: {evaluation}"):
        opened(next(one for one in (evaluation / "models").iterdir() if one.is_dir()))


def test_each_kind_is_told_by_what_is_in_its_folder(run26: RunDirectory, evaluation: Path) -> None:
    assert [opened(one).kind for one in (run26.path, evaluation)] == ["run", "evaluation"]
