"""The example notebook, executed as a notebook is: in a kernel with a running event loop."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]


def test_the_example_notebook_runs_from_top_to_bottom(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "questions.json", tmp_path)
    notebook = nbformat.read(ROOT / "examples" / "python.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert any("questions" in one.data["text/plain"] for one in outputs[0] if one.output_type == "display_data")
    assert all(outputs)
    records = (tmp_path / "runs" / "notebook" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert outputs[0][-1].data["text/plain"] == str(len(records))
    assert all(json.loads(record)["demo"] for record in records)
