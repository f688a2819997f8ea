"""A server that repeats the key in whatever it says, in every form: no byte that is printed or written has it."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from killed_at import Commands, Ended
from support import prose

WINDOW = 8
"""So many characters of a key in a row are a leak."""
EVERY = "REASONMED_EVERY_STEP" in os.environ
"""`make test` plays every key and every oddity once or twice, `make test-heavy` each key with each oddity."""
KEYS = {
    "PLAIN_KEY": "sk-proj-Zt4Vw91Qm7xLr0Bq",
    "LINE_KEY": "sk-Hq81-xxTr5-bVn20-uuEw\n",
    "SPACES_KEY": "  gx77/Kd+02=Lq/Wz9Vb+Nn==\t",
    "QUOTED_KEY": '"9f-Rr2q-Xo8w-Yt6e-Ui1p"',
    "SIGNS_KEY": "a'b\"c\\d<e>&%41/{f}-7Gk3",
    "LONG_KEY": "".join(f"{number * number * 7919:x}Zq" for number in range(11, 200))[:200],
    "INNER_KEY": "part1-Jw8 part2-Kx9 part3-Ly0",
    "UNICODE_KEY": "schlüssel-Ä9-für-Ω8-labor",
}
UNSENDABLE = ("INNER_KEY", "UNICODE_KEY")


def forms(key: str) -> list[str]:
    """The key as a server repeats it."""
    both = base64.b64encode(f"me:{key}".encode()).decode()
    escaped = json.dumps(key)[1:-1]
    return [key, f"Bearer {key}", escaped, json.dumps(escaped)[1:-1], quote(key, safe=""), quote_plus(key), both]


class Echo(BaseHTTPRequestHandler):
    """Answers by the model's name, an oddity: with the key that came, in many forms, another one first each time."""

    protocol_version = "HTTP/1.1"
    turns = 0

    def do_GET(self) -> None:
        self._send(404, b"{}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Authorization"].removeprefix("Bearer ")
        first = Echo.turns % len(forms(key))
        Echo.turns += 1
        said = "; ".join(forms(key)[first:] + forms(key)[:first])
        getattr(self, f"_{body['model']}")(key, said)

    def _send(self, status: int, body: bytes, reason: str | None = None, length: int = 0, **headers: str) -> None:
        self.send_response(status, reason)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = length > 0

    def _error(self, status: int, message: object) -> None:
        self._send(status, json.dumps({"error": {"message": message, "type": "odd", "param": str(message)}}).encode())

    def _reply(self, text: str, model: str = "m", finish: str = "stop") -> None:
        message = {"role": "assistant", "content": text, "reasoning_content": text}
        told = {"choices": [{"message": message, "finish_reason": finish}], "model": model, "usage": {}}
        self._send(200, json.dumps(told).encode())

    def _unauthorized(self, _: str, said: str) -> None:
        self._error(401, f"Incorrect API key provided: {said}")

    def _credit(self, _: str, said: str) -> None:
        self._error(402, f"no credit for {said}")

    def _forbidden_page(self, _: str, said: str) -> None:
        self._send(403, f"<html><body>no: <b>{said}</b></body></html>".encode())

    def _bad_request(self, _: str, said: str) -> None:
        self._error(400, f"{said} is bad")

    def _unknown_model(self, _: str, said: str) -> None:
        self._error(404, f"no model for {said}")

    def _nested(self, _: str, said: str) -> None:
        self._error(400, json.dumps({"detail": {"headers": said, "message": said}}))

    def _no_json(self, _: str, said: str) -> None:
        self._send(400, f"bad header Authorization: {said}".encode())

    def _straddling(self, key: str, _: str) -> None:
        self._send(400, f"{'x' * 590} {'y' * 3400}{key} {key}".encode())

    def _straddling_line(self, key: str, _: str) -> None:
        self._error(400, f"{'x ' * 295}{key} {'z' * 3500}{key}")

    def _cut_text(self, key: str, _: str) -> None:
        self._send(401, f'{{"error": "the key {key[: len(key) * 3 // 4]}'.encode())

    def _failing(self, _: str, said: str) -> None:
        self._error(500, said)

    def _torn(self, key: str, said: str) -> None:
        self._send(500, f"{said} {key}".encode(), length=100_000)

    def _as_success(self, _: str, said: str) -> None:
        self._error(200, f"401 {said}")

    def _reason(self, key: str, _: str) -> None:
        self._send(400, b"{}", reason=f"Bad {key}")

    def _redirected(self, key: str, _: str) -> None:
        self._send(302, b"", Location=f"http://127.0.0.1:9/{quote(key, safe='')}?key={key}")

    def _nowhere(self, key: str, _: str) -> None:
        self._send(307, b"", Location=f"mailto:{'x' * 180}{key}")

    def _packed(self, key: str, _: str) -> None:
        self._send(200, b"{}", Content_Encoding=key)

    def _bad_head(self, key: str, _: str) -> None:
        self.wfile.write(f"HTTP/1.1 200 OK\r\nno header {key}\r\n\r\n".encode())
        self.close_connection = True

    def _now_and_then(self, key: str, said: str) -> None:
        self._error(400, said) if Echo.turns % 3 == 0 else self._reply(f"{prose('B')} {key}")

    def _finish(self, key: str, _: str) -> None:
        self._reply("hello", finish=key)

    def _echo_reply(self, key: str, said: str) -> None:
        self._reply(f"{said} {prose('B')}", model=f"m-{key}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


ODDITIES = tuple(
    name.removeprefix("_")
    for name, value in vars(Echo).items()
    if name[1:2].isalpha() and name[0] == "_" and callable(value) and name not in ("_send", "_error", "_reply")
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}/v1"
        found.shutdown()


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    with pytest.MonkeyPatch.context() as patch:
        for name, key in KEYS.items():
            patch.setenv(name, key)
        with Commands() as served:
            yield served


def _written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every byte below a folder, and what is packed in its ledgers."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes()
        if path.suffix == ".db":
            with closing(sqlite3.connect(path)) as ledger:
                tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
                for name in tables:
                    for row in ledger.execute(f"SELECT * FROM {name}"):  # noqa: S608 - a name of its own
                        yield name, repr(row).encode()
                        yield from ((name, _unpacked(value)) for value in row if isinstance(value, bytes))


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def _leaks(key: str, text: str) -> list[str]:
    """Pieces of the key that stand in a text, in any form that it was sent back in."""
    sent = key.strip()
    core = sent.strip('"')
    found = []
    for form in (core, *forms(core)[2:], *forms(sent)[2:]):
        windows = {form[at : at + WINDOW] for at in range(len(form) - WINDOW + 1)}
        common = {"Bearer sk", base64.b64encode(b"me:sk-pr").decode()[:WINDOW]}
        found += [window for window in windows - common if window in text]
    return found


def _check(ended: Ended, folder: Path, variable: str) -> None:
    found = {"screen": _leaks(KEYS[variable], ended.shown)}
    for place, content in _written(folder):
        found.setdefault(place, []).extend(_leaks(KEYS[variable], content.decode("utf-8", "replace")))
    assert not {place: pieces for place, pieces in found.items() if pieces}, ended.shown
    assert "Traceback" not in ended.shown
    assert ended.code != 70, ended.shown


def _folder(path: Path, url: str, variable: str, *models: str) -> Path:
    """A folder with a question file and a recipe that these models generate for."""
    folder = path / "work"
    folder.mkdir()
    entry = {"backend": "openai", "base_url": url, "api_key_env": variable}
    stages = {
        "generate": {"models": list(models), "temperatures": [0.7], "samples": 3},
        "verify": {"model": models[0]},
        "route": {"easy": 0, "medium": 1},
    }
    limits = {"give_up": 1, "tries": {"server": 1, "network": 1, "timeout": 1}}
    told = {"models": {model: entry | {"model": model} for model in models}, "stages": stages, "limits": limits}
    (folder / "recipe.yaml").write_text(json.dumps(told), encoding="utf-8")
    question = {"question": "Which?", "options": ["a", "b", "c", "d"], "answer": "B"}
    rows = (json.dumps({"id": f"q{number}", **question}) for number in range(3))
    (folder / "q.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return folder


SENT = [name for name in KEYS if name not in UNSENDABLE]
RECORDED = ("now_and_then", "echo_reply")
"""Oddities after which there is something in the ledger."""
PLAYED = (
    [(name, oddity) for name in SENT for oddity in ODDITIES]
    if EVERY
    else [*zip(("SIGNS_KEY", "LINE_KEY"), RECORDED, strict=True), ("SPACES_KEY", "straddling_line")]
)


@pytest.mark.parametrize("variable", SENT)
def test_the_doctor_shows_no_key_that_servers_repeat(
    commands: Commands, server: str, tmp_path: Path, variable: str
) -> None:
    folder, before = _folder(tmp_path, server, variable, *ODDITIES), Echo.turns
    ended = commands.run(folder, ["doctor", "-r", "recipe.yaml"], seconds=60)
    assert Echo.turns >= before + len(ODDITIES)
    _check(ended, folder, variable)


@pytest.mark.parametrize(("variable", "oddity"), PLAYED)
def test_a_key_that_a_server_repeats_is_neither_printed_nor_written(
    commands: Commands, server: str, tmp_path: Path, variable: str, oddity: str
) -> None:
    folder, before = _folder(tmp_path, server, variable, oddity), Echo.turns
    ended = commands.run(folder, ["run", "q.jsonl", "-r", "recipe.yaml", "-o", "run", "--log-json"], seconds=60)
    assert ended.code != -14, ended.shown
    assert Echo.turns > before
    _check(ended, folder, variable)
    for words in (["status", "run"], ["why", "run", "q1"]) if oddity in RECORDED else ():
        _check(commands.run(folder, words), folder, variable)
    if oddity in RECORDED:
        assert "***" in "".join(content.decode("utf-8", "replace") for _, content in _written(folder))


@pytest.mark.parametrize("variable", UNSENDABLE)
def test_a_key_that_no_header_can_hold_is_not_sent_and_not_shown(
    commands: Commands, server: str, tmp_path: Path, variable: str
) -> None:
    folder, before = _folder(tmp_path, server, variable, "echo_reply"), Echo.turns
    ended = commands.run(folder, ["run", "q.jsonl", "--endpoint", server, "--model", "m", "--key-env", variable])
    assert ended.code == 2
    assert variable in ended.shown
    assert Echo.turns == before
    _check(ended, folder, variable)
