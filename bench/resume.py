"""How fast a run with a million recorded calls is taken up again, to its first new request.

    python bench/resume.py --bench DIR [--calls 1000000]

A run of 800 real questions is made on the mock server; its ledger is then filled with copies of its rows under other
names. One question more stands in the file, so that there is something to ask.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

from msgspec.structs import replace

from _harness import FirstRequest, machine, server_of, table
from engine import HERE, Setting, real_questions
from reasonmed.engine.ledger import pack
from reasonmed.questions._lint import native_row
from reasonmed.runs.stories import content_hash, unpack_story

QUESTIONS = 800
SLOW = 60_000
"""Milliseconds that an answer takes while the start-up is timed: none comes."""


def main() -> None:
    """Make the run, blow it up, time its resumes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=HERE.parent.parent / "shared" / "bench")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="Questions of the run that is copied.")
    arguments = parser.parse_args()
    bench = arguments.bench.resolve()
    print(f"# {machine()}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="reasonmed-resume-") as scratch:
        place = Path(scratch)
        with server_of(bench, place) as server:
            at = Setting(server, bench, place, 1, {}, list(real_questions(bench)))
            folder, questions = at.folder("resume"), at.question_file(arguments.questions)
            server.reset(whole_body=1)
            at.pipeline(folder, questions, 64)
            calls = _blow_up(folder / "run" / "ledger.db", questions, arguments.calls)
            _time(at, folder, questions, calls)


def _blow_up(path: Path, questions: Path, wanted: int) -> int:
    """Copies of every row under other names, in the ledger and in the question file; returns the number of calls."""
    with closing(sqlite3.connect(path)) as ledger, questions.open("a", encoding="utf-8") as sink:
        items = [(name, unpack_story(blob)) for name, blob in ledger.execute("SELECT id, story FROM items")]
        outcomes = ledger.execute("SELECT * FROM outcomes").fetchall()
        calls = ledger.execute("SELECT * FROM calls").fetchall()
        columns = [row[1] for row in ledger.execute("PRAGMA table_info(calls)")]
        key, asked = columns.index("key"), columns.index("question")
        for number in range(1, wanted // len(calls) + 1):
            for place, (name, story) in enumerate(items, number * len(items)):
                question = replace(story.question, id=f"{name}-{number}")
                copy = replace(story, question=question)
                row = (place, question.id, content_hash(copy), pack(copy))
                ledger.execute("INSERT INTO items VALUES (?, ?, ?, ?)", row)
                sink.write(json.dumps(native_row(question)) + "\n")
            marks = ", ".join("?" * len(outcomes[0]))
            rows = [(f"{row[0]}-{number}", *row[1:]) for row in outcomes]
            ledger.executemany(f"INSERT INTO outcomes VALUES ({marks})", rows)  # noqa: S608 - question marks only
            for row in calls:
                copied = [None, *row[1:]]
                copied[key] = blake2b(row[key] + b"%d" % number, digest_size=len(row[key])).digest()
                copied[asked] = f"{row[asked]}-{number}"
                marks = ", ".join("?" * len(copied))
                ledger.execute(f"INSERT INTO calls VALUES ({marks})", copied)  # noqa: S608 - question marks only
            ledger.commit()
        found: int = ledger.execute("SELECT COUNT(*) FROM calls").fetchone()[0]
    return found


def _time(at: Setting, folder: Path, questions: Path, calls: int) -> None:
    lines: list[tuple[str, str, float]] = []
    for name, latency in (
        ("after kill -9, a longer file", SLOW),
        ("after kill -9, the same file", SLOW),
        ("the same, to its end", 0),
        ("after a clean end, a longer file", SLOW),
    ):
        if "longer" in name:
            row = {"id": f"new-{len(lines)}", "question": f"Which drug, {len(lines)}?", "options": ["a", "b"]}
            with questions.open("a", encoding="utf-8") as sink:
                sink.write(json.dumps({**row, "answer": "a"}) + "\n")
        at.server.reset(whole_body=1, latency_ms=latency)
        first = FirstRequest(at.server, go_on=not latency)
        run = at.pipeline(folder, questions, 64, limit=40 if latency else 300, seen=first)
        lines.append((name, str(first), run.peak_mb))
    print(f"{calls:,} recorded calls")
    table(["resume", "s to the first request", "peak MB"], lines)


if __name__ == "__main__":
    main()
