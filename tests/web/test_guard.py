"""Who may talk to the viewer."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from reasonmed.runs.directory import RunDirectory
from web_pages import viewed


def test_a_browser_without_the_key_sees_nothing(run26: RunDirectory) -> None:
    with viewed(run26.path) as client, pytest.raises(HTTPError, match="403"):
        urlopen(Request(client.base + "/questions"), timeout=10).close()  # noqa: S310 - loopback


def test_a_foreign_name_for_this_machine_is_refused(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        assert client.get("/", Host="evil.example").status == 403


def test_every_answer_forbids_scripts_of_others_and_frames(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        for path in ("/", "/questions", "/static/view.js", "/style.css", "/nowhere"):
            headers = client.get(path).headers
            assert "script-src 'self';" in headers["content-security-policy"]
            assert headers["x-frame-options"] == "DENY"


def test_the_script_that_others_wrote_is_the_one_that_the_docs_name() -> None:
    root = Path(__file__).parents[2]
    named = re.search(r"htmx.*?sha256 is\s+`([0-9a-f]{64})`", (root / "docs/dependencies.md").read_text(), re.DOTALL)
    script = root / "src/reasonmed/web/static/htmx.min.js"
    assert named
    assert named[1] == sha256(script.read_bytes()).hexdigest()
