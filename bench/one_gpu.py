"""One model in memory at a time: switches, peak memory and time of a run whose nine models take turns.

    python bench/one_gpu.py --questions 10000

Runs ``reasonmed run`` with seven roles on nine models that answer from a script, once with one of them in memory at a
time and once with all. What a real model would add is the time to load it, at each opening, and to answer.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _harness import measure, table
from reasonmed.backends.scripted import made_up
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.status import status_of

if TYPE_CHECKING:
    from _harness import Measured
    from reasonmed.exchange import Request

_STEPS = 5
_ROLES = ("judge", "ranker", "editor", "author", "writer", "scorer")
_GENERATORS = ("one", "two", "three")
STAGES: dict[str, dict[str, Any]] = {
    "generate": {"models": list(_GENERATORS), "temperatures": [0.7]},
    "verify": {"model": "judge"},
    "route": {"easy": 0, "medium": 1},
    "rank": {"model": "ranker"},
    "refine": {"model": "editor"},
    "optimize": {"model": "author"},
    "summarize": {"model": "writer"},
    "score": {"model": "scorer"},
}


def reply(request: Request) -> str:
    """The made-up world in fewer words: here the turns are measured, not the reading of long replies."""
    said = made_up(request)
    reasoning, mark, answer = said.rpartition("\n\nAnswer:")
    return " ".join([*reasoning.split("Step ")[:_STEPS], mark + answer]) if mark else said


def recipe(resident: int | None) -> dict[str, Any]:
    """Nine models for seven roles, up to N of them in memory at once."""
    models = {
        name: {"backend": "scripted", "model": name, "function": "one_gpu:reply"} for name in (*_GENERATORS, *_ROLES)
    }
    limits = {} if resident is None else {"resident": resident}
    return {"models": models, "stages": STAGES, "limits": {"in_flight": 256, **limits}}


class _Nobody:
    """No server counts anything."""

    def stats(self) -> dict[str, Any]:
        return {"ok": 0, "span_s": 0.0, "received": 0}


def _run(scratch: Path, questions: Path, resident: int | None) -> tuple[Measured, RunDirectory]:
    folder = scratch / ("all" if resident is None else f"resident-{resident}")
    folder.mkdir()
    (folder / "recipe.yaml").write_text(json.dumps(recipe(resident)), encoding="utf-8")
    bench = Path(__file__).parent
    start = f"import sys; sys.path.insert(0, {str(bench)!r}); from reasonmed.cli import main; main()"
    words = ["run", str(questions), "-r", "recipe.yaml", "-o", "run", "--max-failures", "100%", "--yes"]
    found = measure(_Nobody(), [sys.executable, "-c", start, *words], folder, limit=36_000)
    return found, RunDirectory(folder / "run")


def _questions(path: Path, count: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            row = {
                "id": f"q{number}",
                "question": f"Which drug is given first in case {number}?",
                "options": ["Heparin", "Warfarin", "Aspirin", "Alteplase"],
                "answer": "ABC"[number % 3],
            }
            file.write(json.dumps(row) + "\n")
    return path


def main() -> None:
    """Print a table and the turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--alone", action="store_true", help="leave out the run with all models in memory")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        questions = _questions(Path(name, "questions.jsonl"), asked.questions)
        rows, files = [], set()
        for resident in (1,) if asked.alone else (1, None):
            took, folder = _run(Path(name), questions, resident)
            status = status_of(folder)
            turns = status.turns
            files.add((folder.records_path.read_bytes(), folder.failures_path.read_bytes()))
            switches = "-" if turns is None else f"{turns.switches}"
            many = "all" if resident is None else f"{resident}"
            figures = (took.peak_mb, took.cpu, took.wall)
            rows.append((many, switches, f"{status.calls:,}", *(f"{figure:.0f}" for figure in figures)))
            for one in turns.openings if turns is not None else ():
                print(f"{one.model} for {one.stage}: {one.questions:,} questions waited")
        table(("models in memory", "switches", "requests", "peak MB", "s of CPU", "s"), rows)
        print(f"{asked.questions:,} questions; records and failures are {'equal' if len(files) == 1 else 'NOT EQUAL'}")


if __name__ == "__main__":
    main()
