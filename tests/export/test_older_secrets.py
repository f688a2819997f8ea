"""A run of an older version that has a secret in its recipe: what can be published does not have it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from reasonmed.export import Settings, export
from reasonmed.runs.directory import RunDirectory

if TYPE_CHECKING:
    from pathlib import Path


def test_an_export_does_not_hold_a_secret_of_the_runs_recipe(run26: RunDirectory, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(run26.path, run.path)
    manifest = json.loads(run.manifest_path.read_text(encoding="utf-8"))
    manifest["identity"]["stages"]["verify"]["model"]["extra_body"] = {"api_key": "hunter2", "top_k": 5}
    run.manifest_path.write_text(json.dumps(manifest), encoding="utf-8")
    export(run, tmp_path / "data", Settings(demo=True), ["records"], force=False)
    written = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert not any(b"hunter2" in content for content in written)
    assert any(b'"top_k": 5' in content for content in written)
