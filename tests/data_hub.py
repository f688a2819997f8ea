"""A stand-in of the hub that has data sets: files by commit, and rows as publishers write them."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from hashlib import sha1, sha256
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web

from reasonmed.questions.benchmarks import registry

MEDQA = registry()["medqa-4options"].files
assert MEDQA is not None
COMMIT, OTHER = MEDQA.revision, "b" * 40
LARGE = ".parquet"
"""Files with this end have their sha256 as hash at the stand-in, as large files do; the others git's."""


class DataHub:
    """The part of the hub's API that reads data sets. Files by commit; it remembers what it was asked."""

    def __init__(self, *commits: dict[str, bytes]) -> None:
        self.base = ""
        self.commits = dict(zip((COMMIT, OTHER), commits, strict=False))
        self.names: list[str] | None = None
        self.served: Callable[[bytes], bytes] = bytes
        self.status: dict[str, Any] = {}
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = unquote(request.path)
        self.asked[f"{request.method} {path}"] += 1
        self.headers.append(dict(request.headers))
        if self.status:
            return web.json_response({"error": "no"}, **self.status)
        if path.startswith("/api/datasets/"):
            repo, _, revision = path.removeprefix("/api/datasets/").partition("/revision/")
            return self._listed(repo, revision)
        _, _, rest = path.partition("/resolve/")
        commit, _, name = rest.partition("/")
        if name not in self.commits.get(commit, {}):
            return web.Response(status=404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        return self._file(request, commit, name)

    def _listed(self, repo: str, revision: str) -> web.StreamResponse:
        commit = OTHER if revision == "main" else revision
        if commit not in self.commits:
            return web.json_response({}, status=404, headers={"X-Error-Code": "RevisionNotFound"})
        files = self.commits[commit]
        siblings = [self._told(name, files.get(name, b"")) for name in (self.names or files)]
        return web.json_response({"id": repo, "sha": commit, "siblings": siblings})

    def _told(self, name: str, content: bytes) -> dict[str, Any]:
        one: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": git_hash(content)}
        if name.endswith(LARGE):
            one |= {"blobId": "c" * 40, "lfs": {"sha256": sha256(content).hexdigest(), "size": len(content)}}
            one["lfs"]["pointerSize"] = 130
        return one

    def _file(self, request: web.Request, commit: str, name: str) -> web.StreamResponse:
        content = self.commits[commit][name]
        mark = sha256(content).hexdigest() if name.endswith(LARGE) else git_hash(content)
        told = {"ETag": f'"{mark}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if request.method == "HEAD":
            return web.Response(headers={**told, "Content-Length": str(len(content))})
        begun = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if begun:
            told["Content-Range"] = f"bytes {begun}-{len(content) - 1}/{len(content)}"
        return web.Response(body=self.served(content)[begun:], headers=told, status=206 if begun else 200)


def git_hash(content: bytes) -> str:
    return sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - git's own


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    pyarrow = pytest.importorskip("pyarrow", reason="the hub's files are parquet")
    from pyarrow import parquet as format_

    sink = io.BytesIO()
    format_.write_table(pyarrow.Table.from_pylist(rows), sink, compression="none", use_dictionary=False)
    return sink.getvalue()


def medqa(count: int = 6, word: str = "drug") -> list[dict[str, Any]]:
    return [
        {"id": f"test-{n:05}", "sent1": f"Case {n}: which {word}?", "sent2": "", "label": n % 4}
        | {f"ending{place}": f"choice {place}" for place in range(4)}
        for n in range(count)
    ]


def medmcqa(count: int = 6) -> list[dict[str, Any]]:
    more = {"choice_type": "single", "exp": None, "subject_name": "Anatomy", "topic_name": None}
    return [
        {
            "id": f"id-{n}",
            "question": f"Case {n}?",
            "opa": "a",
            "opb": "b",
            "opc": "c",
            "opd": "d",
            "cop": n % 4,
            **more,
        }
        for n in range(count)
    ]


def mmlu(subject: str, count: int = 4) -> list[dict[str, Any]]:
    return [
        {"question": f"{subject} {n // 2}?", "subject": subject, "choices": ["w", "x", "y", "z"], "answer": n // 2}
        for n in range(count)
    ]


def pubmedqa(ids: list[int]) -> list[dict[str, Any]]:
    return [
        {
            "pubid": one,
            "question": f"Does {one}?",
            "context": {"contexts": ["We asked.", "We saw."], "labels": ["AIM", "RESULTS"], "meshes": ["Humans"]},
            "reasoning_required_pred": "yes",
            "reasoning_free_pred": "yes",
            "long_answer": "It does.",
            "final_decision": ("yes", "no", "maybe")[one % 3],
        }
        for one in ids
    ]


def medxpertqa(count: int = 3) -> list[dict[str, Any]]:
    letters = "ABCDEFGHIJ"
    return [
        {
            "id": f"Text-{n}",
            "question": f"Case {n}?\nAnswer Choices: " + " ".join(f"({one}) option {one}" for one in letters),
            "options": {one: f"option {one}" for one in letters},
            "label": letters[n],
            "medical_task": "Diagnosis",
            "body_system": "Cardiovascular",
            "question_type": "Reasoning",
        }
        for n in range(count)
    ]
