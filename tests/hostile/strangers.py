"""What a stranger may hand over: runs, exports, cards, evaluations and models in which something is wrong."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from killed_at import Commands

ESCAPES = "\x1b[31m\x9b31m\u202e[bold red]x[/] <img src=x onerror=y> |`](http://x.example)\nmore"
"""What a terminal, a table, Markdown or HTML would obey."""
CODE = "xml.dom.expatbuilder"
"""A module that is there, and that no command needs."""
OUTSIDE = "words-from-outside-7a1"
NESTED = "\x00nested"
"""Stands for a value that is nested beyond any parser's patience."""
_DEEP = "[" * 100_000 + "]" * 100_000
QUESTIONS = [
    {"id": f"q{number}", "question": f"Case {number}: which drug lowers fever?", "options": options, "answer": "A"}
    for number in range(3)
    for options in [["Aspirin", "Warfarin", f"Drug {number}", "Heparin"]]
]
RECIPE = """\
models:
  one: {backend: scripted, model: made-up-1}
  two: {backend: scripted, model: made-up-2}
stages:
  generate: {models: [one, two], temperatures: [0.7, 0.9], max_tokens: 2000}
  verify: {model: one, canaries: 0.5}
  route: {easy: 1, medium: 2}
  rank: {model: one, keep: 1}
  refine: {model: two}
  optimize: {model: two, blind: false}
  summarize: {model: two}
  score: {model: one}
"""
EXPORT = ["export", "run", "-o", "data", "--demo", "--format", "records,trl-sft", "--split", "0.5,0.25,0.25"]
ASKED = ["-r", "recipe.yaml", "-o", "scores"]
EVALUATE = ["evaluate", "questions.jsonl", "-m", "one", "-m", "two", *ASKED]

BUILT = (
    ["run", "questions.jsonl", "-r", "recipe.yaml", "-o", "run", "--max-failures", "9"],
    ["judge-card", "run", "-r", "recipe.yaml", "-o", "card"],
    ["check", "run", "--exact", "--json", "findings.json"],
    [*EXPORT, "--findings", "findings.json", "--judge-card", "card/judge_card.json"],
    EVALUATE,
)
"""The commands that make the good folders."""

RUN_READERS = (
    ["status", "run"],
    ["why", "run", "q0", "--full"],
    ["export", "run", "-o", "made", "--demo", "--format", "records,trl-sft,verifier"],
    ["check", "run", "--exact", "--json", "made.json", "--html", "made.html"],
    ["diff", "run", "good"],
    ["diff", "good", "run"],
    ["rebuild", "run"],
    ["retry", "run", "--class", "context"],
    ["run", "questions.jsonl", "-r", "recipe.yaml", "-o", "run", "--max-failures", "9"],
    ["run", "questions.jsonl", "-r", "recipe.yaml", "-o", "made", "--fork", "run", "--max-failures", "9"],
    ["judge-card", "run", "-r", "recipe.yaml", "-o", "made"],
    ["ctl", "run", "status"],
)
EXPORT_READERS = (
    ["card", "data"],
    ["card", "data", "--force"],
    ["push", "data", "--to", "me/data", "--dry-run", "--demo"],
    ["check", "data", "--exact", "--json", "made.json"],
    [*EXPORT, "--force"],
)
SCORES_READERS = (["compare", "scores", "scores"], EVALUATE, ["compare", "scores", "scores", "-a", "one", "--json"])
CARD_READERS = (
    ["card", "data", "--judge-card", "card/judge_card.json"],
    ["judge-card", "run", "-r", "recipe.yaml", "-o", "card"],
    ["plan", "questions.jsonl", "-r", "gated.yaml", "-o", "made", "--pilot", "2"],
)
FINDINGS_READERS = (
    ["card", "data", "--findings", "findings.json"],
    ["export", "run", "-o", "made", "--demo", "--findings", "findings.json", "--drop", "*"],
)
MODEL_READERS = (["evaluate", "questions.jsonl", "-m", "model", "-o", "made"],)
DOCUMENTS = {
    "run/run.json": RUN_READERS,
    "data/export.json": EXPORT_READERS,
    "scores/results.json": SCORES_READERS,
    "scores/evaluation.json": SCORES_READERS[1:2],
    "card/judge_card.json": CARD_READERS,
    "findings.json": FINDINGS_READERS,
    "model/run.json": MODEL_READERS,
}
FOLDERS = {"run": RUN_READERS, "data": EXPORT_READERS, "scores": SCORES_READERS, "card": CARD_READERS[:2]}
MADE = ("made", "made.json", "made.html")
"""What commands are asked to write."""


class Case(NamedTuple):
    """A folder with one thing wrong in it, and a command that reads it."""

    name: str
    spoil: Callable[[Path], None]
    words: list[str]


def build(folder: Path, commands: Commands) -> None:
    """Make the good folders, and one outside that is nobody's business."""
    folder.mkdir()
    (folder / "questions.jsonl").write_text("".join(json.dumps(one) + "\n" for one in QUESTIONS), encoding="utf-8")
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    gate = "canaries: 0.5, require_judge_card: {file: card/judge_card.json, sensitivity: 0.1, specificity: 0.1}"
    (folder / "gated.yaml").write_text(RECIPE.replace("canaries: 0.5", gate), encoding="utf-8")
    for words in BUILT:
        ended = commands.run(folder, words)
        assert ended.code == 0, ended.shown
    shutil.copytree(folder / "run", folder / "good")
    model = folder / "model"
    model.mkdir()
    told = {"base_model": {"name": "some/base", "identity": "x"}, "stems": ["00ff"], "question_ids": ["q0"]}
    (model / "run.json").write_text(json.dumps(told), encoding="utf-8")
    (model / "config.json").write_text("{}", encoding="utf-8")
    outside = folder / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text(f"{OUTSIDE}\n", encoding="utf-8")
    for name in ("run", "data", "scores", "card"):
        shutil.copytree(folder / name, outside / name)


def cases(good: Path, group: str) -> Iterator[Case]:
    """All cases of a group: a document, ``rows``, ``stories``, ``tables``, ``pages`` or ``files``."""
    if group in DOCUMENTS:
        yield from _document_cases(good, group)
    else:
        yield from {"rows": _row_cases, "stories": _story_cases, "tables": _table_cases, "files": _file_cases}[group](
            good
        )


# JSON documents


def _document_cases(good: Path, name: str) -> Iterator[Case]:
    readers = DOCUMENTS[name]
    content = json.loads((good / name).read_text(encoding="utf-8"))
    for text in ("", "null", "[]", "{}", "7", _DEEP, '{"format": 1}', '{"format": 2}', '{"a"', "\ufeff{}", '"\\ud800"'):
        for words in readers:
            yield Case(f"{name} is {text[:12]!r}", partial(_write, name=name, text=text), words)
    yield from _rotated(name, readers, _mutants(content, good), partial(_written, name=name))


def _rotated(
    name: str,
    readers: tuple[list[str], ...],
    mutants: Iterator[tuple[str, int, Any]],
    spoil: Callable[[Any], Callable[[Path], None]],
) -> Iterator[Case]:
    """Fields at the top before three readers in turn, deeper ones before one; of those, every second value."""
    for number, (what, depth, mutant) in enumerate(mutants):
        if depth > 2 and number % 2:
            continue
        for turn in range(min(3, len(readers)) if depth == 1 else 1):
            words = readers[(number // 2 + turn) % len(readers)]
            yield Case(f"{name}: {what}", spoil(mutant), words)


def _written(mutant: Any, name: str) -> Callable[[Path], None]:
    return partial(_write, name=name, text=json.dumps(mutant).replace(json.dumps(NESTED), _DEEP))


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def _mutants(content: Any, good: Path) -> Iterator[tuple[str, int, Any]]:
    """A document with one field replaced, for every field and every kind of wrong value."""
    for path in _paths(content):
        where = ".".join(map(str, path))
        for what, wrong in _wrong(_at(content, path), good):
            yield f"{where} {what}", len(path), _replaced(content, path, wrong)
        yield f"{where} missing", len(path), _without(content, path)
        if isinstance(path[-1], str):
            for what, name in (("up", _UP), ("absolute", str(good / "outside/secret.txt")), ("escapes", ESCAPES)):
                yield f"{where} renamed {what}", len(path), _renamed(content, path, name)


_UP = "../outside/secret.txt"


def _wrong(value: Any, good: Path) -> Iterator[tuple[str, Any]]:
    yield "nested", NESTED
    if value is not None:
        yield "null", None
    if isinstance(value, str | None):
        yield from (("7", 7), ("up", _UP), ("escapes", ESCAPES), ("code", CODE), ("empty", ""))
        yield "absolute", str(good / "outside/secret.txt")
    elif isinstance(value, bool | int | float):
        yield from (("text", ESCAPES), ("negative", -1), ("huge", 10**30), ("real", 1e308), ("list", [1]))
    elif isinstance(value, list):
        yield from (("object", {"a": 1}), ("nulls", [None]), ("lists", [[]]), ("text", ESCAPES), ("up", [_UP]))
    else:
        yield from (("list", [1]), ("text", "x"), ("strange", {ESCAPES: ESCAPES, _UP: _UP}), ("empty", {}))


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every field once: of a list the first, of like members of an object the first."""
    if isinstance(value, list) and value:
        yield (*path, 0)
        yield from _paths(value[0], (*path, 0))
    elif isinstance(value, dict):
        seen: set[str] = set()
        alike = len(value) > 2 and len({_shape(one) for one in value.values()}) == 1
        for name, one in value.items():
            if alike and seen:
                break
            seen.add(name)
            yield (*path, name)
            yield from _paths(one, (*path, name))


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return str(sorted((name, _shape(one)) for name, one in value.items()))
    return f"[{_shape(value[0]) if value else ''}]" if isinstance(value, list) else type(value).__name__


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


def _copy_to(content: Any, path: tuple[str | int, ...]) -> tuple[Any, Any]:
    """A copy, and what in it holds the field."""
    made = json.loads(json.dumps(content))
    return made, _at(made, path[:-1])


def _replaced(content: Any, path: tuple[str | int, ...], wrong: Any) -> Any:
    made, holder = _copy_to(content, path)
    holder[path[-1]] = wrong
    return made


def _without(content: Any, path: tuple[str | int, ...]) -> Any:
    made, holder = _copy_to(content, path)
    del holder[path[-1]]
    return made


def _renamed(content: Any, path: tuple[str | int, ...], name: str) -> Any:
    made, holder = _copy_to(content, path)
    holder[name] = holder.pop(path[-1])
    return made


# The ledger

_VALUES: tuple[tuple[str, Any], ...] = (
    ("null", None),
    ("escapes", ESCAPES),
    ("up", _UP),
    ("negative", -1),
    ("huge", 2**62),
    ("infinite", 9e999),
    ("bytes", b"\x00\xff\x9b31m"),
    ("empty", ""),
)
_BOMB = 300 << 20


def _row_cases(good: Path) -> Iterator[Case]:
    mutants = ((f"{table}.{column} {what}", 2, (table, column, value)) for table, column, what, value in _cells(good))
    yield from _rotated(
        "ledger.db", RUN_READERS, mutants, lambda one: partial(_set, table=one[0], column=one[1], value=one[2])
    )
    facts = {
        "format": ("x", "1", "-1", "9" * 99),
        "state": (ESCAPES, "", "running"),
        "lost_usd": ("x", "nan", "inf", "-1", "1e999"),
        "reserved_usd": ("x", "nan", "inf", "-1"),
        "harmless": ("x", "[]", "7", _DEEP, json.dumps({"limits": [ESCAPES]})),
        "admitted": ("x",),
        "served made-up-1": ("x", "7", "{}", "[7]", _DEEP, json.dumps([ESCAPES])),
    }
    for name, values in facts.items():
        for value in values:
            for words in RUN_READERS:
                yield Case(f"fact {name} is {value[:20]!r}", partial(_fact, name=name, value=value), words)
    for what, blob in _blobs():
        for table, column in (("items", "story"), ("outcomes", "story"), ("calls", "texts")):
            for words in RUN_READERS:
                yield Case(f"{table}.{column} is {what}", partial(_set, table=table, column=column, value=blob), words)


def _blobs() -> Iterator[tuple[str, bytes]]:
    yield "a bomb", zlib.compress(b'{"question": "' + b"a" * _BOMB + b'"}', 9)
    yield "not packed", b"{}"
    yield "half", zlib.compress(b"{}" * 99)[:9]
    yield "no JSON", zlib.compress(b"\xff\xfe{")
    yield "deep", zlib.compress(_DEEP.encode())
    yield "deep texts", zlib.compress(b"[]\x00" + _DEEP.encode())


def _cells(good: Path) -> Iterator[tuple[str, str, str, Any]]:
    with closing(sqlite3.connect(good / "run" / "ledger.db")) as ledger:
        tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {name: [row[1] for row in ledger.execute(f"PRAGMA table_info({name})")] for name in tables}
    for table in tables:
        for column in columns[table]:
            for what, value in _VALUES:
                yield table, column, what, value


def _changed(folder: Path, change: Callable[[sqlite3.Connection], object], name: str = "run") -> None:
    path = folder / name / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as ledger:
        change(ledger)
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    facts = path.stat()
    (folder / name / ".ledger.db.closed").write_text(f"{facts.st_size} {facts.st_mtime_ns}", encoding="ascii")


def _set(folder: Path, table: str, column: str, value: Any) -> None:
    """Set a cell of the first row, in a table without constraints where the value breaks one."""

    def change(ledger: sqlite3.Connection) -> None:
        first = f"rowid = (SELECT MIN(rowid) FROM {table})"  # noqa: S608
        try:
            ledger.execute(f"UPDATE {table} SET {column} = ? WHERE {first}", (value,))  # noqa: S608
        except sqlite3.Error:
            ledger.execute(f"CREATE TABLE copy AS SELECT * FROM {table}")  # noqa: S608
            ledger.execute(f"DROP TABLE {table}")
            ledger.execute(f"ALTER TABLE copy RENAME TO {table}")
            ledger.execute(f"UPDATE {table} SET {column} = ? WHERE {first}", (value,))  # noqa: S608

    _changed(folder, change)


def _fact(folder: Path, name: str, value: str) -> None:
    _changed(folder, lambda ledger: ledger.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value)))


def _story_cases(good: Path) -> Iterator[Case]:
    with closing(sqlite3.connect(good / "run" / "ledger.db")) as ledger:
        for table in ("outcomes", "items"):
            blobs = [blob for (blob,) in ledger.execute(f"SELECT story FROM {table}")]  # noqa: S608
            story = max((json.loads(zlib.decompress(blob)) for blob in blobs), key=lambda one: len(list(_paths(one))))
            mutants = [*_mutants(story, good), *_out_of_range(story)]
            yield from _rotated(f"{table}.story", RUN_READERS, iter(mutants), partial(_packed, table=table))


def _out_of_range(story: Any) -> Iterator[tuple[str, int, Any]]:
    """Indices that point at nothing, with every reader."""
    for path in _paths(story):
        if path[-1] in ("answer", "parent", "blind_answer", "sample", "round", "score"):
            for wrong in (55, -3, 2**62):
                yield f"{'.'.join(map(str, path))} is {wrong}", 1, _replaced(story, path, wrong)
    yield "options are two", 1, _replaced(story, ("question", "options"), ["a", "b"])
    yield "options are 99", 1, _replaced(story, ("question", "options"), [str(number) for number in range(99)])
    yield "no options", 1, _replaced(story, ("question", "options"), [])
    if "chains" in story:
        yield "no chains", 1, _replaced(story, ("chains",), [])


def _packed(mutant: Any, table: str) -> Callable[[Path], None]:
    text = json.dumps(mutant).replace(json.dumps(NESTED), _DEEP)
    return partial(_set_story, table=table, blob=zlib.compress(text.encode("utf-8", "surrogatepass")))


def _set_story(folder: Path, table: str, blob: bytes) -> None:
    _changed(folder, lambda ledger: ledger.execute(f"UPDATE {table} SET story = ?", (blob,)))  # noqa: S608


_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
_ENDLESS_VIEW = """
CREATE VIEW outcomes AS ENDLESS SELECT 'q' || i AS id, 'easy' AS tier, NULL AS reason, 1 AS records, 1 AS right,
0 AS wrong, 0 AS undecided, 0 AS missing, 0 AS unsampled, 0 AS prechecked, x'00' AS story FROM n
""".replace("ENDLESS", _ENDLESS)
_ENDLESS_TRIGGER = """
CREATE TRIGGER t AFTER INSERT ON facts BEGIN DELETE FROM items WHERE id IN (ENDLESS SELECT i FROM n); END
""".replace("ENDLESS", _ENDLESS)
_STATEMENTS = {
    **{f"no table {name}": (f"DROP TABLE {name}",) for name in ("facts", "items", "calls", "outcomes", "totals")},
    **{f"no table {name} ": (f"DROP TABLE {name}",) for name in ("scores", "sessions", "canaries", "multiples")},
    "other columns": ("ALTER TABLE calls RENAME COLUMN texts TO words",),
    "a column more": ("ALTER TABLE outcomes ADD COLUMN more TEXT",),
    "one column": ("DROP TABLE items", "CREATE TABLE items (x)"),
    "endless view": ("DROP TABLE outcomes", _ENDLESS_VIEW),
    "a view": ("ALTER TABLE totals RENAME TO hidden", "CREATE VIEW totals AS SELECT * FROM hidden"),
    "a trigger": ("CREATE TRIGGER t AFTER INSERT ON sessions BEGIN DELETE FROM outcomes; END",),
    "an endless trigger": (_ENDLESS_TRIGGER,),
    "generated columns": ("ALTER TABLE items ADD COLUMN g TEXT AS (printf('%.*c', 100000000, 'x'))",),
    "a huge blob": ("UPDATE calls SET texts = zeroblob(400000000) WHERE call = 1",),
    "a huge text": ("UPDATE outcomes SET tier = printf('%.*c', 300000000, 'x')",),
    "a huge id": ("UPDATE outcomes SET id = printf('%.*c', 3000000, 'x') WHERE id = 'q0'",),
    "no rows": ("DELETE FROM items", "DELETE FROM outcomes", "DELETE FROM calls"),
    "no items": ("DELETE FROM items",),
    "duplicate positions": ("UPDATE items SET position = 0",),
    "huge positions": ("UPDATE items SET position = 9223372036854775807 - position",),
    "negative positions": ("UPDATE items SET position = -5 - position",),
    "sums that overflow": ("UPDATE outcomes SET records = 9223372036854775807",),
    "many records": ("UPDATE outcomes SET records = 1000000000",),
}


def _table_cases(good: Path) -> Iterator[Case]:
    for what, statements in _STATEMENTS.items():
        for words in RUN_READERS:
            yield Case(what, partial(_execute, statements=statements), words)
    size = (good / "run" / "ledger.db").stat().st_size
    for start in (0, 16, 28, 100, 4096, *range(8192, size, max(4096, size // 6 // 4096 * 4096))):
        for length in (16, 4096):
            for words in RUN_READERS:
                yield Case(f"{length} bytes of garbage at {start}", partial(_garble, at=start, length=length), words)
    for kept in (1, 99, 100, 4096, size // 2, size - 1):
        for words in RUN_READERS:
            yield Case(f"cut at {kept}", partial(_cut, at=kept), words)
    for words in RUN_READERS:
        yield Case("another database", _another, words)


def _execute(folder: Path, statements: tuple[str, ...]) -> None:
    def change(ledger: sqlite3.Connection) -> None:
        for statement in statements:
            ledger.execute(statement)

    _changed(folder, change)


def _garble(folder: Path, at: int, length: int) -> None:
    with (folder / "run" / "ledger.db").open("r+b") as file:
        file.seek(at)
        file.write(bytes((at * 7 + number * 131) % 251 for number in range(length)))


def _cut(folder: Path, at: int) -> None:
    os.truncate(folder / "run" / "ledger.db", at)


def _another(folder: Path) -> None:
    (folder / "run" / "ledger.db").unlink()
    with closing(sqlite3.connect(folder / "run" / "ledger.db")) as other:
        other.execute("CREATE TABLE songs (title TEXT, seconds INTEGER)")
        other.commit()


# Files


def _file_cases(good: Path) -> Iterator[Case]:
    for folder, readers in FOLDERS.items():
        for path in sorted((good / folder).rglob("*")):
            name = str(path.relative_to(good))
            kinds = _FILES if path.is_file() else _PLACES
            for number, (what, spoil) in enumerate(kinds.items()):
                main = path.parent == good / folder and path.suffix in (".json", ".db", ".lock", ".jsonl", ".sock")
                chosen = readers if main else [readers[number % len(readers)]]
                for words in chosen:
                    yield Case(f"{name} is {what}", partial(spoil, name=name), words)
    for name in ("run/ctl.sock", "run/ledger.db-journal", "run/crash.txt", "data/.reasonmed-export.part"):
        for what in ("a link out", "a pipe", "a folder"):
            for words in FOLDERS[name.partition("/")[0]]:
                yield Case(f"{name} is {what}", partial({**_FILES, **_PLACES}[what], name=name), words)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _missing(folder: Path, name: str) -> None:
    _remove(folder / name)


def _directory(folder: Path, name: str) -> None:
    _remove(folder / name)
    (folder / name).mkdir()
    (folder / name / "a").write_text("a", encoding="utf-8")


def _linked(folder: Path, name: str) -> None:
    """To a file outside that would do as well."""
    _remove(folder / name)
    (folder / name).symlink_to(folder / "outside" / name)


def _linked_to(target: str) -> Callable[..., None]:
    def spoil(folder: Path, name: str) -> None:
        _remove(folder / name)
        (folder / name).symlink_to(target.replace("FOLDER", str(folder)).replace("SELF", str(folder / name)))

    return spoil


def _pipe(folder: Path, name: str) -> None:
    _remove(folder / name)
    os.mkfifo(folder / name)


def _of(text: bytes) -> Callable[..., None]:
    def spoil(folder: Path, name: str) -> None:
        _remove(folder / name)
        (folder / name).write_bytes(text)

    return spoil


def _half(folder: Path, name: str) -> None:
    os.truncate(folder / name, (folder / name).stat().st_size // 2)


_FILES: dict[str, Callable[..., None]] = {
    "missing": _missing,
    "a folder": _directory,
    "a link out": _linked,
    "a link to a secret": _linked_to("FOLDER/outside/secret.txt"),
    "a link to nothing": _linked_to("FOLDER/outside/nothing"),
    "a link to itself": _linked_to("SELF"),
    "a link to zeros": _linked_to("/dev/zero"),
    "a pipe": _pipe,
    "empty": _of(b""),
    "garbage": _of(b"\x00\xff\x1b[31m garbage" * 200),
    "half": _half,
}
_PLACES: dict[str, Callable[..., None]] = {
    "missing": _missing,
    "a link out": _linked,
    "a link to nothing": _linked_to("FOLDER/outside/nothing"),
    "a pipe": _pipe,
    "empty": _of(b""),
}
