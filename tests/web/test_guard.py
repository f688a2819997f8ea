"""Who may talk to the viewer."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from reasonmed.runs.directory import RunDirectory
from reasonmed.web.guard import Guard
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


def test_a_port_that_was_forwarded_is_another_one_and_the_pages_are_shown(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        hosts = ("127.0.0.1:9", "localhost:18400", "localhost", "127.0.0.1")
        assert [client.get("/questions", Host=host).status for host in hosts] == [200] * len(hosts)


def test_no_name_that_somebody_else_may_point_here_is_taken_for_this_machine(run26: RunDirectory) -> None:
    hosts = (
        "localhost.evil.example",
        "127.0.0.1.evil.example:8400",
        "evil.example:8400",
        "127.0.0.1:8400@evil.example",
        "127.0.0.2:8400",
        "0.0.0.0:8400",
        "localhost:port",
        "localhost:123456",
        "",
    )
    with viewed(run26.path) as client:
        assert [client.get("/questions", Host=host).status for host in hosts] == [403] * len(hosts)


def test_a_write_must_come_from_the_address_that_it_goes_to(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        client.get("/")
        here, forwarded = client.base, {"Host": "localhost:9999"}
        answers = {
            origin: client.post("/questions", {}, Origin=origin, **headers).status
            for origin, headers in (
                (here, {}),
                ("http://localhost:9999", forwarded),
                ("http://localhost:1", forwarded),
                ("http://evil.example", {}),
                ("null", {}),
            )
        }
    assert answers == {
        here: 405,
        "http://localhost:9999": 405,
        "http://localhost:1": 403,
        "http://evil.example": 403,
        "null": 403,
    }


def test_viewers_of_two_keys_keep_their_cookies_apart() -> None:
    names = {Guard(_nothing, key)._cookie for key in ("a" * 32, "b" * 32)}  # noqa: SLF001 - browsers see it
    assert len(names) == 2


async def _nothing(scope: object, receive: object, send: object) -> None:
    """No application."""


def test_a_write_of_endless_fields_is_refused(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        client.get("/review")
        answer = client.post("/review/who", {f"f{number}": "" for number in range(2_000)})
        assert answer.status == 413
        assert "more than 1,000 fields" in answer.text
