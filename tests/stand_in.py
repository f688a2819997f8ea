"""A stand-in for servers of models, as a program that is called as they are; the standard library only, so it is quick.

Beside their own options it takes those that say how it fails: ``--dies STATUS`` while it starts, ``--dies-in FOLDER``
after every third reply and as often as the folder had files, ``--never-ready``, ``--slow SECONDS`` to become ready,
``--serves NAME`` in place of the name that it was given, ``--children`` that outlive their parent, ``--says TEXT``,
``--mute``, to answer no request.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_EACH = 3
_STARTED = time.monotonic()


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    program = Path(sys.argv[0]).name
    if program in ("vllm", "sglang"):
        parser.add_argument("verb", choices=["serve"])
    parser.add_argument("weights", nargs="?")
    parser.add_argument("--served-model-name", "--alias", dest="name")
    parser.add_argument("--model-path", "--model", dest="path")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--max-model-len", "--context-length", "--ctx-size", type=int)
    parser.add_argument("--dies", type=int)
    parser.add_argument("--dies-in", type=Path)
    parser.add_argument("--never-ready", action="store_true")
    parser.add_argument("--slow", type=float, default=0.0)
    parser.add_argument("--serves")
    parser.add_argument("--children", action="store_true")
    parser.add_argument("--says", default="")
    parser.add_argument("--mute", action="store_true")
    return parser.parse_args()


GIVEN = _given()


class Handler(BaseHTTPRequestHandler):
    """Answers as such servers do."""

    protocol_version = "HTTP/1.1"
    replies = 0

    def do_GET(self) -> None:
        ready = not GIVEN.never_ready and time.monotonic() - _STARTED >= GIVEN.slow
        if self.path == "/health":
            self._send(200 if ready else 503, {})
        elif self.path == "/v1/models":
            entry = {
                "id": GIVEN.serves or GIVEN.name or GIVEN.weights or GIVEN.path,
                "max_model_len": GIVEN.max_model_len,
            }
            self._send(200, {"object": "list", "data": [entry]})
        else:
            self._send(404, {})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Handler.replies += 1
        if GIVEN.mute:
            time.sleep(600)
        marks = sorted(GIVEN.dies_in.iterdir()) if GIVEN.dies_in else []
        if Handler.replies % _EACH == 0 and marks:
            marks[0].unlink()
            sys.stderr.write("\x1b[31mRuntimeError\x1b[0m: the engine is gone\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        text = json.dumps({"verdict": "Correct", "reason": "so it is"})
        if "response_format" not in asked:
            words = " ".join(f"word{number}" for number in range(90))
            own = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
            text = f"Reading {own}. {words}\n\nAnswer: B"
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        self._send(200, {"choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})

    def _send(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    sys.stdout.write(f"argv {json.dumps(sys.argv[1:])}\nenv {json.dumps(sorted(os.environ))}\n{GIVEN.says}\n")
    sys.stdout.flush()
    if GIVEN.dies is not None:
        sys.stderr.write("\x1b[31mValueError\x1b[0m: no weights here\n")
        raise SystemExit(GIVEN.dies)
    if GIVEN.children:
        subprocess.Popen(["sleep", "600"])
        subprocess.Popen(["sleep", "601"], start_new_session=True)
    ThreadingHTTPServer((GIVEN.host, GIVEN.port), Handler).serve_forever()
