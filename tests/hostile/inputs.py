"""The product of hostile inputs and the commands that read them, and what each of them must not do."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import count, cycle
from pathlib import Path
from typing import NamedTuple

import bad_files
import bad_recipes
import bad_replies

from killed_at import Commands, Ended

SECONDS = 10
"""Of computing; a shared machine may take several times as long."""
WAIT = 60
"""Seconds until a command is ended that waits, or computes, without end."""
PEAK_MB = 600
CODES = {0, 1, 2, 3, 4, 5, 130}
"""What docs/running.md says that a command may answer with."""
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

ROWS = {
    "questions": ["questions", "FILE", "-o", "out.jsonl"],
    "run": ["run", "FILE", "-r", "good.yaml", "-o", "run", "--max-failures", "9"],
    "run --skip-bad": ["run", "FILE", "-r", "good.yaml", "-o", "run", "--skip-bad", "--max-failures", "9"],
    "plan": ["plan", "FILE", "-r", "good.yaml", "-o", "run"],
    "prompt": ["prompt", "FILE", "--stage", "generate", "-r", "good.yaml"],
    "import": ["import", "FILE", "-o", "imported"],
    "import to parquet": ["import", "FILE", "-o", "imported.parquet"],
    "generate": ["generate", "FILE", "-o", "cots.jsonl", "-r", "good.yaml"],
    "verify": ["verify", "FILE", "-o", "verified.jsonl", "-r", "good.yaml", "--skip-bad"],
    "rank": ["rank", "FILE", "-o", "ranked.json", "-r", "good.yaml", "--skip-bad", "--layout", "original"],
    "summarize": ["summarize", "FILE", "-o", "summarized.jsonl", "-r", "good.yaml", "--skip-bad"],
    "judge-card": ["judge-card", "FILE", "-r", "good.yaml", "-o", "judge", "--skip-bad"],
    "check": ["check", "FILE", "--exact", "--json", "report.json", "--html", "report.html"],
    "check --against": ["check", "good.jsonl", "--exact", "--against", "FILE"],
    "index": ["index", "FILE", "-o", "out.index.jsonl"],
    "evaluate": ["evaluate", "FILE", "-r", "good.yaml", "-m", "one", "-o", "evaluated", "--skip-bad"],
    "train": ["train", "FILE", "-c", "train.yaml", "--emit", "axolotl", "-o", "emitted"],
    "replies": ["run", "good.jsonl", "-r", "replies.yaml", "-o", "run", "--max-failures", "9"],
}
"""Commands that read a file of rows."""
_READERS = {
    **dict.fromkeys(
        ("story", "original"), ("run --skip-bad", "import", "verify", "rank", "summarize", "check", "judge-card")
    ),
    "record": ("import", "summarize", "check", "judge-card"),
    **dict.fromkeys(("complex_cot", "alpaca", "sharegpt", "messages"), ("import", "import to parquet", "check")),
    "training": ("train", "check"),
    "rule": ("replies",),
    "index": ("check --against",),
}
_QUESTIONS = (
    "questions",
    "run",
    "run --skip-bad",
    "plan",
    "prompt",
    "generate",
    "check",
    "index",
    "evaluate",
    "check --against",
)

RECIPES = {
    "run": ["run", "good.jsonl", "-r", "FILE", "-o", "run", "--max-failures", "9"],
    "prompt": ["prompt", "good.jsonl", "--stage", "generate", "-r", "FILE"],
    "doctor": ["doctor", "-r", "FILE"],
    "plan": ["plan", "good.jsonl", "-r", "FILE", "-o", "run"],
    "generate": ["generate", "good.jsonl", "-r", "FILE", "-o", "cots.jsonl"],
    "evaluate": ["evaluate", "good.jsonl", "-r", "FILE", "-m", "one", "-o", "evaluated"],
    "train": ["train", "training.jsonl", "-c", "FILE", "--emit", "trl-cli", "-o", "emitted"],
}
_PROMPTED = ("evaluate", "good.jsonl", "-r", "good.yaml", "-m", "one", "--prompt")
SMALL = {
    **RECIPES,
    "evaluate --prompt": [*_PROMPTED, "FILE", "-o", "evaluated"],
    "replies": ROWS["replies"],
    "a template": ["run", "good.jsonl", "-r", "templates.yaml", "-o", "run"],
    "a chat template": ["export", "nothing", "--template", "FILE", "-o", "data"],
}
TEMPLATES = {
    "prompt": ["prompt", "good.jsonl", "--stage", "generate", "-r", "templates.yaml"],
    "run": ["run", "good.jsonl", "-r", "templates.yaml", "-o", "run", "--max-failures", "9"],
    "evaluate --prompt": [*_PROMPTED, "prompts/generate.md", "-o", "e"],
}
REPLIES = {
    "run": ["run", "good.jsonl", "-r", "replies.yaml", "-o", "run", "--max-failures", "9"],
    "evaluate": ["evaluate", "good.jsonl", "-r", "replies.yaml", "-m", "one", "-o", "evaluated"],
    "judge-card": ["judge-card", "stories.jsonl", "-r", "replies.yaml", "-o", "judge"],
}
URL = "http://SERVER"
"""Where the bodies are served, in the words of a case."""


_OF_RECIPES = ("run", "prompt", "doctor", "generate", "evaluate")
_TRAINED = ("base_model", "variant", "epochs", "trl_args", "template", "lora", "seed", "other")
_PLACES = {"a template": "prompts/generate.md", "replies": "rows.jsonl"}


class Case(NamedTuple):
    """One command line on one hostile input."""

    name: str
    words: list[str]
    make: Callable[[Path], object]
    """Puts the input into a folder."""


def _written(name: str, content: bytes | str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(
        content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    )


def _made(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: make(folder / name)


def cases() -> Iterator[Case]:
    """Every input, each with the commands that read such a thing, or with one of them in turn where there are many."""
    yield from _of_rows()
    yield from _of_recipes()
    for name, text in bad_recipes.TEMPLATES.items():
        made = _written("prompts/generate.md", "{# {{ question }} #}" + text)
        yield from (Case(f"{command}: template: {name}", words, made) for command, words in TEMPLATES.items())
    for name, text in bad_replies.TEXTS.items():
        made = _written("rows.jsonl", json.dumps({"reply": text}) + "\n")
        yield from (Case(f"{command}: reply: {name}", words, made) for command, words in REPLIES.items())
    yield from _of_servers()


def _of_rows() -> Iterator[Case]:
    turn = count()
    for layout, name, content in bad_files.rows_with_values():
        readers = _READERS.get(layout, _QUESTIONS)
        for _ in range(min(2, len(readers))):
            command = readers[next(turn) % len(readers)]
            yield Case(f"{command}: {name}", _with(ROWS[command], "rows.jsonl"), _written("rows.jsonl", content))
    for name, make in {**bad_files.FILES, **bad_files.parquets()}.items():
        for command, words in ROWS.items():
            yield Case(f"{command}: {name}", _with(words, "rows.jsonl"), _made("rows.jsonl", make))


def _of_recipes() -> Iterator[Case]:
    turn = cycle(_OF_RECIPES)
    for name, value in bad_recipes.VALUES.items():
        for field, put in bad_recipes.FIELDS.items():
            yield _recipe(next(turn), f"{field}: {name}", put(value))
        for field in _TRAINED:
            text = f"{bad_recipes.TRAINING if field != 'base_model' else ''}{field}: {value}\n"
            yield _recipe("train", f"{field}: {name}", text)
    for name in bad_recipes.BACKENDS:
        yield from (_recipe(one, f"backend: {name[:40]}", bad_recipes.recipe(name)) for one in ("prompt", "doctor"))
    for name, text in bad_recipes.WHOLE.items():
        yield from (_recipe(one, f"recipe: {name}", text) for one in ("run", "train"))
    for name, make in bad_recipes.FILES.items():
        for command, words in SMALL.items():
            place = _PLACES.get(command, "f.yaml")
            yield Case(f"{command}: file: {name}", _with(words, place), _made(place, make))


def _recipe(command: str, name: str, text: str) -> Case:
    return Case(f"{command}: {name}", _with(RECIPES[command], "r.yaml"), _written("r.yaml", text))


def _of_servers() -> Iterator[Case]:
    """Commands that ask a server which answers with the hostile body whose number its path begins with."""
    for number, name in enumerate(bad_replies.BODIES):
        yield Case(f"doctor: body: {name}", ["doctor", "--endpoint", f"{URL}/{number}/v1", "--model", "m"], _nothing)


def _nothing(_: Path) -> None:
    """Put nothing into the folder: the input is elsewhere."""


def _with(words: list[str], file: str) -> list[str]:
    return [file if word == "FILE" else word for word in words]


STORY = json.dumps(bad_files.ROWS["story"])
GOOD = {
    "work/good.jsonl": bad_files.GOOD + "\n",
    "work/stories.jsonl": STORY + "\n",
    "work/training.jsonl": json.dumps(bad_files.ROWS["training"]) + "\n",
    "work/good.yaml": bad_recipes.GOOD,
    "work/train.yaml": bad_recipes.TRAINING,
    "work/replies.yaml": bad_recipes.recipe(entry=", replies: rows.jsonl"),
    "work/templates.yaml": bad_recipes.recipe(more="prompts: prompts"),
    "outside/secret.txt": "nobody may read this",
    "outside/evil.py": "open('../outside/owned', 'w')\n",
}


class Tried(NamedTuple):
    """What a command did, and what was wrong with that."""

    ended: Ended
    problems: list[str]


def tried(commands: Commands, root: Path, case: Case, url: str) -> Tried:
    """Run one case in a folder of its own below a root; ``url`` is where the bodies are served."""
    shutil.rmtree(root, ignore_errors=True)
    for name, text in GOOD.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "work/prompts").mkdir()
    case.make(root / "work")
    before = _beside(root)
    ended = commands.run(root / "work", [word.replace(URL, url) for word in case.words], seconds=WAIT)
    problems = list(_problems(ended))
    if _beside(root) != before:
        problems.append("outside")
    return Tried(ended, problems)


def _beside(root: Path) -> dict[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file() and not path.is_relative_to(root / "work"))
    return {str(path): path.read_bytes() for path in found if path.name != "work.log"}


def _problems(ended: Ended) -> Iterator[str]:
    if ended.code == -14 or ended.cpu_seconds > SECONDS:
        yield "unbounded time"
    elif ended.code not in CODES:
        yield f"exit {ended.code}"
    if ended.peak_mb > PEAK_MB:
        yield "unbounded memory"
    if "Traceback" in ended.shown:
        yield "traceback"
    if _RAW.search(ended.shown):
        yield "raw escape"
    if "nobody may read this" in ended.shown or "root:" in ended.shown:
        yield "told a secret"
