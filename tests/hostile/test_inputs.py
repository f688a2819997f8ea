"""No file, recipe, template or reply of a stranger crashes a command, keeps it, or has it touch what is not its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import bad_replies
import pytest
from inputs import Case, cases, tried

from killed_at import Commands

STRIDE = 1 if "REASONMED_EVERY_STEP" in os.environ else 421
"""`make test` takes one case in so many, `make test-heavy` all of them."""
CASES = list(cases())[::STRIDE]
_BODIES = [body.encode("utf-8", "surrogatepass") for body in bad_replies.BODIES.values()]


class _Answers(BaseHTTPRequestHandler):
    """Answers each path with the body whose number it begins with."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        body = _BODIES[int(self.path.split("/")[1])]
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - the server's own name

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("case", CASES, ids=[case.name.encode("unicode_escape").decode() for case in CASES])
def test_a_hostile_input_ends_a_command_well(commands: Commands, tmp_path: Path, url: str, case: Case) -> None:
    found = tried(commands, tmp_path / "root", case, url)
    assert not found.problems, f"{found.problems}: {found.ended}"
