"""Files of rows that nobody means well with: every layout with a hostile value in each field, and hostile files."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

ESC = "\x1b]0;owned\x07\x1b[31mred\x1b[0m\x9b2J\u202eevil"
HUGE = 3 << 30
"""Bytes of a sparse file: more than anybody should read into memory."""

VALUES = {
    "deep list": "[" * 50_000 + "]" * 50_000,
    "deep map": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "list 150 deep": "[" * 150 + "]" * 150,
    "map 900 deep": '{"question":' * 900 + "1" + "}" * 900,
    "open list": "[" * 100_000,
    "integer of 10,000 digits": "9" * 10_000,
    "integer of 70 bits": str(1 << 70),
    "minus 2**63": str(-(1 << 63)),
    "1e400": "1e400",
    "1e308": "1e308",
    "NaN": "NaN",
    "minus infinity": "-Infinity",
    "long fraction": "0." + "1" * 50_000,
    "empty text": '""',
    "blank text": '" \\n\\t "',
    "half a character": '"\\ud800 x"',
    "NUL": '"a\\u0000b"',
    "raw NUL": '"a\x00b"',
    "escapes": json.dumps(ESC),
    "raw escapes": f'"{ESC}"',
    "long text": '"' + "a " * 1_000_000 + '"',
    "many line breaks": '"' + "\\n" * 20_000 + '"',
    "many letters": '"' + "A. " * 30_000 + '"',
    "many brackets": '"' + "(" * 100_000 + '"',
    "a traversal": '"../../outside/secret.txt"',
    "a template": "\"{{ 7 * 7 }}{% include '/etc/passwd' %}\"",
    "an HTML page": '"<script>alert(1)</script>"',
    "true": "true",
    "null": "null",
    "number": "7",
    "minus 1": "-1",
    "half": "0.5",
    "empty list": "[]",
    "empty map": "{}",
    "list of lists": "[[[]], [[]]]",
    "mixed list": '[1, null, {"a": [2]}, "x", true, 1e300]',
    "list of 100,000": json.dumps([str(number) for number in range(100_000)]),
    "map of 100,000": json.dumps({str(number): number for number in range(100_000)}),
    "map with a key twice": '{"A": "one", "A": "two", "B": "three"}',
    "map with an empty key": '{"": {"": {"": ""}}}',
}
"""JSON, or what looks like it, for a field that should be something else."""

OPTIONS = ["Heparin", "Warfarin", "Aspirin", "Alteplase"]
MESSAGES = [{"role": "user", "content": "Which drug?"}, {"role": "assistant", "content": "B. Warfarin"}]

ROWS: dict[str, dict[str, Any]] = {
    "native": {"id": "q1", "question": "Which drug?", "options": OPTIONS, "answer": "Warfarin", "meta": {"a": 1}},
    "medqa": {
        "question": "Which drug?",
        "answer": "Warfarin",
        "options": dict(zip("ABCD", OPTIONS, strict=True)),
        "answer_idx": "B",
        "meta_info": "step1",
    },
    "medmcqa": {
        "id": "x1",
        "question": "Which drug?",
        **dict(zip(("opa", "opb", "opc", "opd"), OPTIONS, strict=True)),
        "cop": 2,
        "choice_type": "single",
        "exp": "so",
        "subject_name": "Pharmacology",
    },
    "pubmedqa": {
        "QUESTION": "Does it?",
        "CONTEXTS": ["It may.", "It did."],
        "final_decision": "yes",
        "LONG_ANSWER": "It does.",
    },
    "kormedmcqa": {
        "subject": "doctor",
        "year": 2022,
        "period": 1,
        "q_number": 1,
        "question": "Which drug?",
        **dict(zip("ABCDE", [*OPTIONS, "None"], strict=True)),
        "answer": 2,
        "cot": "",
    },
    "medxpertqa": {
        "id": "Text-1",
        "question": "Which drug?",
        "options": dict(zip("ABCD", OPTIONS, strict=True)),
        "label": "B",
        "medical_task": "Treatment",
        "body_system": "Blood",
        "question_type": "Reasoning",
    },
    "story": {
        "question": {"id": "q1", "stem": "Which drug?", "options": OPTIONS, "answer": 1},
        "chains": [{"text": "It is B.", "model": "m", "answer": 1, "verdict": {"outcome": "correct", "reason": "ok"}}],
        "tier": "easy",
        "kept": [{"text": "It is B.", "model": "m", "response": "B."}],
    },
    "original": {
        "question": "Which drug?",
        "options": dict(zip("ABCD", OPTIONS, strict=True)),
        "answer": "Warfarin",
        "answer_idx": "B",
        "model1_COT1": "It is B. Answer: B",
        "model2_COT1": "It is B. Answer: B",
        "correct": {"model1_COT1": "It is B. Answer: B"},
        "error": {"model2_COT1": "It is C. Answer: C"},
        "verification_reasons": {"model2_COT1": "wrong"},
        "difficulty": "medium",
        "_reasonmed": {"chains": {"model1_COT1": {"temperature": 0.7}}},
    },
    "record": {
        "id": "q1-1",
        "question_id": "q1",
        "question": "Which drug?",
        "options": OPTIONS,
        "answer": 1,
        "chain_of_thought": "It is B.",
        "response": "B.",
        "tier": "easy",
        "provenance": {"writer": "m"},
        "flags": [],
    },
    "complex_cot": {"Question": "Which drug?", "Complex_CoT": "It is B.", "Response": "B."},
    "alpaca": {"instruction": "Which drug?", "input": "", "output": "<think>It is B.</think>B."},
    "sharegpt": {"conversations": [{"from": "human", "value": "Which drug?"}, {"from": "gpt", "value": "B."}]},
    "messages": {"messages": MESSAGES},
    "training": {"id": "q1-1", "question_id": "q1", "prompt": MESSAGES[:1], "completion": MESSAGES[1:]},
    "rule": {"stage": "generate", "contains": "drug", "reply": "Answer: B", "finish_reason": "stop"},
    "index": {"reasonmed_index": 1, "name": "b", "questions": 1, "total": 1},
}
"""One row of every layout that a command reads."""

_MARK = "hostile-value"


def with_value(row: dict[str, Any], field: str, value: str) -> str:
    """A row as JSON with this text in the place of a field's value."""
    return json.dumps({**row, field: _MARK}).replace(f'"{_MARK}"', value)


def rows_with_values() -> Iterator[tuple[str, str, bytes]]:
    """Layout, name and content of JSON Lines: a good row, and one for each of its fields with a hostile value there."""
    for layout, row in ROWS.items():
        for name, value in VALUES.items():
            lines = [json.dumps(row), *(with_value(row, field, value) for field in row)]
            yield layout, f"{layout}: {name}", ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def sparse(head: bytes, size: int = HUGE) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.write(head)
            file.truncate(size)

    return make


def _bytes(content: bytes | str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content if isinstance(content, bytes) else content.encode())


GOOD = json.dumps(ROWS["native"])
_TWICE = '{"id": "q2", "question": "Which?", "options": ["a", "b"], "answer": "a", "answer": "b"}'
_CSV = "question,A,B,C,D,answer\nWhich drug?,Heparin,Warfarin,Aspirin,Alteplase,B\n"


def _unreadable(path: Path) -> None:
    path.write_text(GOOD)
    path.chmod(0)


FILES: dict[str, Callable[[Path], object]] = {
    "empty": _bytes(b""),
    "blank": _bytes(b" \n" * 10_000),
    "a mark and nothing": _bytes(b"\xef\xbb\xbf"),
    "UTF-16 with a mark": _bytes(GOOD.encode("utf-16")),
    "UTF-16 BE": _bytes(GOOD.encode("utf-16-be")),
    "UTF-32 with a mark": _bytes(GOOD.encode("utf-32")),
    "UTF-32 BE with a mark": _bytes(b"\x00\x00\xfe\xff" + GOOD.encode("utf-32-be")),
    "Latin-1": _bytes('{"question": "é", "options": ["é", "b"], "answer": "b"}\n'.encode("latin-1")),
    "NUL bytes": _bytes(b"\0" * 1000),
    "a row with NUL behind it": _bytes(GOOD.encode() + b"\n\0\0\0\n"),
    "noise": _bytes(bytes(range(256)) * 40),
    "gzip bomb": _bytes(gzip.compress(b"0" * (50 << 20))),
    "xz bomb": _bytes(lzma.compress(b"0" * (50 << 20))),
    "an open list": _bytes("[" * 200_000),
    "a deep list": _bytes("[" * 200_000 + "]" * 200_000),
    "a deep map": _bytes('{"a":' * 100_000),
    "open braces": _bytes("{" * 200_000),
    "braces on lines": _bytes("{\n" * 100_000),
    "brackets on lines": _bytes("[\n" * 100_000),
    "quotes": _bytes('"' * 200_000),
    "commas": _bytes("," * 200_000),
    "line breaks": _bytes("\n" * 200_000 + GOOD),
    "line breaks in a list": _bytes("[" + "\n" * 200_000 + GOOD + "]"),
    "carriage returns": _bytes(GOOD + "\r" * 200_000),
    "scalars": _bytes("1\n2\n3\n"),
    "a list of scalars": _bytes("[" + "1," * 100_000 + "1]"),
    "a list of empty maps": _bytes("[" + "{}," * 100_000 + "{}]"),
    "a list of a huge integer": _bytes("[" + "9" * 100_000 + "]"),
    "a list of 1e400": _bytes("[1e400]"),
    "an open text": _bytes('{"question": "' + "a" * 5_000_000),
    "an open text in a list": _bytes('[{"question": "' + "a" * 5_000_000),
    "a map of rows with a row twice": _bytes('{"q1": ' + GOOD + ',\n "q1": ' + GOOD + "}"),
    "a key twice": _bytes(f"{GOOD}\n{_TWICE}\n"),
    "a key twice in a list": _bytes(f"[{GOOD}, {_TWICE}]"),
    "a key twice over lines": _bytes("{\n" + _TWICE[1:].replace(",", ",\n")),
    "a million cells": _bytes("a," * 1_000_000),
    "a CSV quote left open": _bytes(_CSV + '"' + "x,y\n" * 100_000),
    "a CSV cell of 1 MB": _bytes(_CSV + '"' + "x" * 1_000_000 + '",a,b,c,d,A\n'),
    "a CSV with NUL": _bytes(_CSV + "Wh\0ich?,a,b,c,d,A\n"),
    "a CSV with escapes": _bytes(_CSV + f"{ESC},a,b,c,d,{ESC}\n"),
    "a CSV header with escapes": _bytes(f"question,A,B,{ESC},answer\nx,a,b,c,A\nx\n"),
    "a CSV header of 10,000 names": _bytes("question," + ",".join(f"c{n}" for n in range(10_000)) + "\nx,y\n"),
    "a TSV with a quote": _bytes(_CSV.replace(",", "\t") + 'a"\t"b\tc\td\te\tA\n'),
    "a JSON text of 3 GB": sparse(b'{"question": "'),
    "a list that goes on for 3 GB": sparse(b'[{"question": "a'),
    "3 GB of zeros": sparse(b""),
    "3 GB behind a row": sparse(GOOD.encode() + b"\n"),
    "a CSV line of 3 GB": sparse(_CSV.encode() + b"a"),
    "3 GB that begin as parquet": sparse(b"PAR1"),
    "a folder": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to /dev/tty": lambda path: path.symlink_to("/dev/tty"),
    "a pipe": os.mkfifo,
    "nothing": lambda _: None,
    "unreadable": _unreadable,
}
"""Makers of whole files: what one may find under the name of a file of rows."""


def parquets() -> dict[str, Callable[[Path], object]]:
    """Makers of hostile parquet files."""
    import pyarrow as pa
    from pyarrow import parquet

    def table(columns: dict[str, Any], **how: Any) -> bytes:
        sink = io.BytesIO()
        parquet.write_table(pa.table(columns), sink, **how)
        return sink.getvalue()

    def rows(**others: Any) -> bytes:
        return table({"question": ["Which?"], "options": [OPTIONS], "answer": ["Warfarin"], **others})

    def zeros() -> bytes:
        """A few kilobytes that declare 4 GB."""
        sink = io.BytesIO()
        part = pa.table({"question": pa.array([b"\0" * (1 << 20)] * 64, pa.binary())})
        with parquet.ParquetWriter(sink, part.schema, compression="zstd", use_dictionary=False) as writer:
            for _ in range(64):
                writer.write_table(part)
        return sink.getvalue()

    def repeated() -> bytes:
        """One text of 1 MB in a dictionary, said in every of 100,000 rows."""
        texts = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["a" * (1 << 20)]))
        return table({"question": texts, "answer": ["x"] * 100_000}, compression="zstd")

    good = rows()
    deep: pa.Array = pa.array([1])
    for _ in range(60):
        deep = pa.ListArray.from_arrays([0, len(deep)], deep)
    made = {
        "declares 4 GB": zeros(),
        "repeats a text": repeated(),
        "cut": good[: len(good) // 2],
        "without its end": good[:-8],
        "with a wrong end": good[:-8] + b"\xff\xff\xff\x7fPAR1",
        "garbled": good[:4] + bytes(byte ^ 0x55 for byte in good[4:-100]) + good[-100:],
        "garbled facts": good[:-60] + bytes(byte ^ 0x55 for byte in good[-60:-8]) + good[-8:],
        "only its marks": b"PAR1" * 3,
        "dates": rows(when=pa.array([10**9], pa.timestamp("ns", "UTC"))),
        "a date out of range": rows(when=pa.array([2**52], pa.timestamp("ms"))),
        "a wrong time zone": rows(when=pa.array([1], pa.timestamp("s", "No/Where"))),
        "bytes": rows(question=pa.array([b"\xff\xfe"], pa.binary())),
        "no UTF-8": rows(question=pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"]).buffers())),
        "durations": rows(took=pa.array([2**62], pa.duration("ms"))),
        "decimals": rows(answer_index=pa.array([Decimal(1)], pa.decimal128(38, 2))),
        "NaN": rows(answer_index=pa.array([float("nan")])),
        "infinity": rows(answer_index=pa.array([float("inf")])),
        "deep": rows(meta=deep),
        "escapes": rows(**{ESC: [ESC]}),
        "10,000 columns": table({f"c{number}": [1] for number in range(10_000)}),
        "no columns": table({}),
        "no rows": table({"question": pa.array([], pa.string())}),
    }
    return {f"parquet: {name}": _bytes(content) for name, content in made.items()}
