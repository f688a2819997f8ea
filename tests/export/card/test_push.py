"""``reasonmed push`` against a stand-in of the hub's API: what goes, and what is refused before anything goes."""

from __future__ import annotations

import asyncio
import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from exports import Export
from hub_server import NOWHERE, reasonmed_with_hub, serving
from product import Done
from reasonmed.export import Settings, export
from runs import run
from support import question, recipe

SECRET = "secret-1"  # noqa: S105 - of the stand-in
LARGE = ".parquet"
"""Files with this end go to the stand-in's large-file storage, the others into the commit itself."""


class Hub:
    """The part of the hub's API that a push uses. Remembers what it got."""

    kind, prefix = "datasets", "/datasets"

    def __init__(self) -> None:
        self.private: bool | None = None
        self.files: dict[str, bytes] = {}
        self.large: dict[str, bytes] = {}
        self.tokens: set[str] = set()
        self.commits = 0
        self.heads = 0
        self.base = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.tokens.add(request.headers.get("Authorization", ""))
        body, path = await request.read(), request.path
        if path.startswith("/put/"):
            self.large[path.rpartition("/")[2]] = body
            return web.Response()
        answers = {
            "/api/repos/create": self._create,
            "/api/validate-yaml": self._checked,
            f"/api/{self.kind}/user/name": lambda _: self._there(),
            f"/api/{self.kind}/user/name/preupload/main": self._modes,
            f"{self.prefix}/user/name.git/info/lfs/objects/batch": self._places,
            f"/api/{self.kind}/user/name/commit/main": self._commit,
        }
        if path not in answers:
            return web.json_response({"error": f"the stand-in has no {path}"}, status=500)
        told = answers[path](body)
        missing = {"X-Error-Code": "RepoNotFound"}
        return web.json_response({}, status=404, headers=missing) if told is None else web.json_response(told)

    def _create(self, body: bytes) -> dict[str, Any]:
        asked = json.loads(body)
        self.private = asked.get("visibility") == "private" or asked.get("private") is True
        return {"url": f"{self.base}/datasets/user/name"}

    def _checked(self, body: bytes) -> dict[str, Any]:
        self.heads += 1
        assert "not for clinical use" in json.loads(body)["content"].lower()
        return {"errors": [], "warnings": []}

    def _there(self) -> dict[str, Any] | None:
        return None if self.private is None else {"id": "user/name", "private": self.private, "sha": "0" * 40}

    def _modes(self, body: bytes) -> dict[str, Any]:
        names = [one["path"] for one in json.loads(body)["files"]]
        modes = {name: "lfs" if name.endswith(LARGE) else "regular" for name in names}
        return {"files": [{"path": name, "uploadMode": modes[name], "shouldIgnore": False} for name in names]}

    def _places(self, body: bytes) -> dict[str, Any]:
        asked = json.loads(body)["objects"]
        made = [{**one, "actions": {"upload": {"href": f"{self.base}/put/{one['oid']}"}}} for one in asked]
        return {"transfer": "basic", "objects": made}

    def _commit(self, body: bytes) -> dict[str, Any]:
        self.commits += 1
        for one in map(json.loads, body.decode().splitlines()):
            value = one["value"]
            if one["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif one["key"] == "lfsFile":
                self.files[value["path"]] = self.large[value["oid"]]
        return {"commitUrl": f"{self.base}/datasets/user/name/commit/1", "commitOid": "1" * 40}


class Models(Hub):
    kind, prefix = "models", ""


async def push(folder: Path, *words: str, hub: str = NOWHERE, token: str | None = SECRET) -> Done:
    return await reasonmed_with_hub(
        folder.parent, "push", str(folder), "--to", "user/name", *words, hub=hub, token=token
    )


@pytest.fixture
def out(exported: Export, tmp_path: Path) -> Path:
    exported(["records", "parquet"])
    return tmp_path / "out"


@pytest.fixture
def hub_library() -> Any:
    return pytest.importorskip("huggingface_hub", reason="push is done by it")


async def test_exactly_the_files_of_the_manifest_go_in_one_commit_and_private(hub_library: Any, out: Path) -> None:
    (out / "notes.txt").write_text("mine")
    async with serving(Hub()) as hub:
        done = await push(out, "--demo", hub=hub.base)
        assert done.code == 0, done.err
        assert "/commit/1" in done.out
        assert hub.private is True
        assert (hub.heads, hub.commits) == (1, 1)
        told = json.loads((out / "export.json").read_text(encoding="utf-8"))
        assert sorted(hub.files) == sorted([*told["files"], "export.json"])
        assert all(content == (out / name).read_bytes() for name, content in hub.files.items())
        assert {sha256(content).hexdigest() for content in hub.large.values()} == set(hub.large)
        assert hub.large
        assert hub.tokens - {""} == {"Bearer secret-1"}


async def test_a_data_set_that_is_there_is_replaced_only_by_force(hub_library: Any, out: Path) -> None:
    async with serving(Hub()) as hub:
        hub.private = True
        refused = await push(out, "--demo", hub=hub.base)
        assert refused.code == 2
        assert "is there already" in refused.err
        assert hub.commits == 0
        assert (await push(out, "--demo", "--force", hub=hub.base)).code == 0
        assert hub.commits == 1


async def test_nothing_becomes_public_unasked(hub_library: Any, out: Path) -> None:
    async with serving(Hub()) as hub:
        hub.private = False
        refused = await push(out, "--demo", "--force", hub=hub.base)
        assert refused.code == 2
        assert "is public" in refused.err
        assert hub.commits == 0
        assert (await push(out, "--demo", "--force", "--public", hub=hub.base)).code == 0


async def test_the_token_is_that_of_the_environment_and_no_saved_login(hub_library: Any, out: Path) -> None:
    async with serving(Hub()) as hub:
        done = await push(out, "--demo", hub=hub.base, token=None)
        assert done.code == 2
        assert "HF_TOKEN" in done.err
        assert not hub.tokens


async def test_a_hub_that_is_away_is_an_error_without_a_traceback(hub_library: Any, out: Path) -> None:
    done = await push(out, "--demo", hub="http://127.0.0.1:9")
    assert done.code == 2
    assert "the hub did not take user/name" in done.err
    assert "Traceback" not in done.err
    assert "secret-1" not in done.err


async def test_a_dry_run_shows_what_would_go_without_network_or_token(out: Path) -> None:
    done = await push(out, "--demo", "--dry-run", token=None)
    assert done.code == 0, done.err
    told = json.loads((out / "export.json").read_text(encoding="utf-8"))
    for name in (*told["files"], "export.json"):
        assert f"{(out / name).stat().st_size:,}  {name}" in done.out
    assert "would go to user/name (private)" in done.out


def test_a_source_without_a_license_stops_it_and_is_named(tmp_path: Path) -> None:
    rows = [question("q1", source="Nobody's"), question("q2", source="Free", license="MIT")]
    made = run(tmp_path / "run", rows, recipe(route={"dispute": False}))
    export(made, tmp_path / "out", Settings(demo=True, disputed=True), ["records"], force=False)
    done = asyncio.run(push(tmp_path / "out", "--demo", "--dry-run"))
    assert done.code == 2
    assert "the license of Nobody's is not known" in done.err


async def test_a_demo_goes_only_when_asked(out: Path) -> None:
    done = await push(out, "--dry-run")
    assert done.code == 2
    assert "--demo" in done.err


async def test_data_that_was_changed_does_not_go(out: Path) -> None:
    (out / "records" / "train.jsonl").write_text("{}\n")
    done = await push(out, "--demo", "--dry-run")
    assert done.code == 2
    assert "was changed after the export" in done.err


def model(folder: Path, base: dict[str, Any]) -> Path:
    """A folder as a training leaves it."""
    for name in ("checkpoints/checkpoint-1", "adapter", "tracked"):
        (folder / name).mkdir(parents=True)
    card = "---\nlibrary_name: transformers\n---\n\nFor research, not for clinical use.\n"
    content = {
        "README.md": card, "run.json": json.dumps({"method": "sft", "base_model": base}), "training.json": "{}",
        "config.json": "{}", "model.parquet": "stored apart", "model.safetensors": "weights", ".lock": "pid 1",
        "adapter/adapter_config.json": "{}", "checkpoints/checkpoint-1/optimizer.pt": "x", "tracked/log": "x",
    }  # fmt: skip
    for name, text in content.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "elsewhere").symlink_to("/etc/hostname")
    return folder


async def test_a_trained_model_goes_with_its_card_and_record_and_nothing_else(hub_library: Any, tmp_path: Path) -> None:
    folder = model(tmp_path / "m", {"name": "a/base"})
    async with serving(Models()) as hub:
        done = await push(folder, hub=hub.base)
        assert done.code == 0, done.err
        assert hub.private is True
        names = ["README.md", "adapter/adapter_config.json", "config.json", "model.parquet", "model.safetensors"]
        assert sorted(hub.files) == [*names, "run.json"]


async def test_a_model_from_the_demo_model_is_pushed_only_as_one(hub_library: Any, tmp_path: Path) -> None:
    trained = {"method": "sft", "base_model": {"name": "embedded", "trained": None}}
    folder = model(tmp_path / "m", {"name": "first-step", "trained": trained})
    refused = await push(folder, "--dry-run", token=None)
    assert refused.code == 2
    assert "push it only with --demo" in refused.err
    shown = await push(folder, "--dry-run", "--demo", token=None)
    assert shown.code == 0, shown.err
    (folder / "model.safetensors").unlink()
    assert "has no weights" in (await push(folder, "--dry-run", "--demo", token=None)).err
