from __future__ import annotations

import asyncio
import re
import shutil
import ssl
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from yarl import URL

from reasonmed.backends import azure, openai
from reasonmed.backends._http import address, proxy_of, shown
from reasonmed.backends.openai import OpenAI
from reasonmed.errors import CredentialRejected, ModelNotServed, ReasonMedError, Unreachable, UsageError
from reasonmed.exchange import Message, Request
from support import reply, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from reasonmed.backends._endpoint import EndpointSettings
    from reasonmed.exchange import Completion

KEY = "secret-0123456789"
ASKED = Request(model="m", messages=(Message("user", "hello"),))
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("TEST_API_KEY", KEY)


def entry(url: str, **others: object) -> EndpointSettings:
    return openai.Settings.model_validate(
        {"backend": "openai", "model": "m", "base_url": url, "api_key_env": "TEST_API_KEY", **others}
    )


async def ask(settings: EndpointSettings) -> Completion:
    endpoint = OpenAI(settings, 2)
    try:
        return await endpoint.complete(ASKED)
    finally:
        await endpoint.aclose()


class Kept:
    """What a server was sent: paths, and the headers that may carry the key."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, received: web.Request) -> None:
        headers = received.headers
        self.seen.append((received.path, headers.get("Authorization") or headers.get("api-key") or ""))


@asynccontextmanager
async def stranger() -> AsyncIterator[tuple[str, Kept]]:
    kept = Kept()

    async def answer(received: web.Request) -> web.StreamResponse:
        kept(received)
        return reply("from a stranger")

    async with served(answer) as url:
        yield url, kept


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", ["openai", "azure"])
async def test_no_redirect_takes_the_key_to_another_origin(status: int, kind: str) -> None:
    async with stranger() as (elsewhere, kept):

        async def moved(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": f"{elsewhere}/chat/completions?sig=private"})

        async with served(moved) as url:
            settings = (
                entry(url)
                if kind == "openai"
                else azure.Settings(backend="azure", endpoint=url, deployment="d", api_key_env="TEST_API_KEY")
            )
            with pytest.raises(ModelNotServed, match=re.escape(elsewhere)) as caught:
                await ask(settings)
            endpoint = openai.connect(settings, 1)
            await endpoint.facts()
            await endpoint.aclose()
    assert kept.seen == []
    assert caught.value.exit_code == 2
    assert "private" not in str(caught.value)


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_within_the_origin_is_followed_with_its_method(status: int) -> None:
    async def moves(received: web.Request) -> web.StreamResponse:
        if received.path.startswith("/moved"):
            return reply(f"{received.method} {(await received.json())['model']}")
        return web.Response(status=status, headers={"Location": "/moved/chat/completions"})

    async with served(moves) as url:
        assert (await ask(entry(url))).text == "POST m"


@pytest.mark.parametrize(
    ("status", "location"),
    [(301, "/moved"), (303, "/login"), (307, ""), (307, "http://"), (307, "mailto:a@b"), (307, "http://h:99999/")],
)
async def test_a_redirect_that_is_not_followed_is_a_mistake_of_the_address(status: int, location: str) -> None:
    async def moved(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": location} if location else {})

    async with served(moved) as url:
        with pytest.raises(ModelNotServed, match="the recipe"):
            await ask(entry(url))


async def test_a_redirect_in_a_circle_ends() -> None:
    async def moved(_: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "/v1/chat/completions"})

    async with served(moved) as url:
        with pytest.raises(ModelNotServed, match="more than"):
            await ask(entry(url))


class Proxy:
    """A proxy on loopback: forwards plain requests, opens tunnels, may ask for a name and a password."""

    def __init__(self, refuse: int = 0, credentials: str = "") -> None:
        self.refuse, self.credentials = refuse, credentials
        self.asked: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.asked.append(f"{method} {target}")
        status = self.refuse or (407 if self.credentials and self.credentials.encode() not in head else 0)
        if status:
            writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            writer.close()
            return
        url = URL(f"//{target}" if method == "CONNECT" else target)
        there, out = await asyncio.open_connection("127.0.0.1", url.port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            out.write(head.replace(target.encode(), url.raw_path_qs.encode(), 1))
        await asyncio.gather(self._pipe(reader, out), self._pipe(there, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
        writer.close()


async def good(_: web.Request) -> web.StreamResponse:
    return reply(
        "good",
    )


async def test_http_proxy_is_used_and_sees_a_host_that_only_it_can_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy()
    async with served(good) as url, proxy.running() as there:
        monkeypatch.setenv("HTTP_PROXY", f"http://{there}")
        named = str(URL(url).with_host("models.invalid"))
        assert (await ask(entry(named))).text == "good"
    assert proxy.asked == [f"POST {named}/chat/completions"]


async def test_a_host_in_no_proxy_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy()
    async with served(good) as url, proxy.running() as there:
        monkeypatch.setenv("http_proxy", there)
        monkeypatch.setenv("no_proxy", "example.org, 127.0.0.0/8")
        assert (await ask(entry(url))).text == "good"
    assert proxy.asked == []


async def test_a_proxy_gets_the_name_and_password_of_its_variable_and_no_message_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = Proxy(credentials="Basic bWU6cGFzcw==")
    async with served(good) as url, proxy.running() as there:
        monkeypatch.setenv("HTTP_PROXY", f"http://{there}")
        with pytest.raises(CredentialRejected, match="NAME:PASSWORD"):
            await ask(entry(url))
        monkeypatch.setenv("HTTP_PROXY", f"http://me:pass@{there}")
        assert (await ask(entry(url))).text == "good"
        proxy.credentials = "another"
        with pytest.raises(CredentialRejected) as caught:
            await ask(entry(url))
    assert "pass@" not in str(caught.value)


async def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:pass@127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"the proxy http://127\.0\.0\.1:9 of HTTP_PROXY") as caught:
        await ask(entry("http://models.invalid/v1"))
    assert "pass" not in str(caught.value)


@pytest.mark.parametrize(("status", "error"), [(407, CredentialRejected), (403, ModelNotServed), (502, Unreachable)])
async def test_a_proxy_that_opens_no_tunnel_says_why(
    monkeypatch: pytest.MonkeyPatch, status: int, error: type[ReasonMedError]
) -> None:
    async with Proxy(refuse=status).running() as there:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{there}")
        with pytest.raises(error, match=str(status)):
            await ask(entry("https://models.invalid/v1"))


@pytest.mark.parametrize("value", ["socks5://me:pass@h:1080", "http://h:99999", "http://", "://"])
def test_a_variable_that_names_no_usable_proxy_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(UsageError, match="HTTPS_PROXY is") as caught:
        entry("https://h/v1").ready()
    assert "pass" not in str(caught.value)


@pytest.mark.parametrize(
    ("spared", "url", "direct"),
    [
        ("*", "http://h/v1", True),
        ("h", "http://h/v1", True),
        ("h", "http://a.h/v1", True),
        (".example.org", "http://a.example.org/v1", True),
        ("*.example.org", "http://a.example.org/v1", True),
        ("EXAMPLE.org", "http://Example.ORG/v1", True),
        ("example.org", "http://notexample.org/v1", False),
        ("h:8000", "http://h:8000/v1", True),
        ("h:8000", "http://h:9000/v1", False),
        ("10.0.0.0/8", "http://10.1.2.3/v1", True),
        ("10.0.0.0/8", "http://11.1.2.3/v1", False),
        ("10.1.2.3", "http://10.1.2.3:80/v1", True),
        ("::1", "http://[::1]:80/v1", True),
        ("[::1]:80", "http://[::1]:80/v1", True),
        ("", "http://h/v1", False),
        (",, ,", "http://h/v1", False),
    ],
)
def test_no_proxy_holds_hosts_domains_networks_and_ports(
    monkeypatch: pytest.MonkeyPatch, spared: str, url: str, *, direct: bool
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", spared)
    assert (proxy_of(URL(url)) is None) is direct


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority's certificate, ca.pem, and one that it signed for localhost, server.pem."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("certificates are made with the openssl command, which is not installed")
    folder = tmp_path_factory.mktemp("authority")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1", encoding="utf-8")
    new = "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    for command in (
        f"{new} -x509 -days 2 -subj /CN=Authority -keyout ca.key -out ca.pem",
        f"{new} -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
    ):
        subprocess.run([openssl, *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


@asynccontextmanager
async def secure(authority: Path) -> AsyncIterator[str]:
    """A server with TLS, whose certificate only that authority vouches for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", good)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://localhost:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def test_a_certificate_of_an_unknown_authority_is_refused_with_the_fix(authority: Path) -> None:
    async with secure(authority) as url:
        with pytest.raises(ModelNotServed, match="ca_file"):
            await ask(entry(url))


async def test_ca_file_beside_the_recipe_is_trusted(authority: Path) -> None:
    async with secure(authority) as url:
        told = {"backend": "openai", "model": "m", "base_url": url, "ca_file": "ca.pem"}
        settings = openai.Settings.model_validate(told, context={"folder": authority})
        settings.ready()
        assert (await ask(settings)).text == "good"


async def test_ssl_cert_file_is_trusted_through_a_proxy_too(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    proxy = Proxy()
    async with secure(authority) as url, proxy.running() as there:
        assert (await ask(entry(url))).text == "good"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{there}")
        assert (await ask(entry(url))).text == "good"
    assert proxy.asked == [f"CONNECT localhost:{URL(url).port}"]


async def test_a_plain_server_behind_https_is_told_from_a_service_that_is_away() -> None:
    async with served(good) as url:
        with pytest.raises(ModelNotServed, match="http://"):
            await ask(entry(url.replace("http://", "https://")))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_holds_no_certificates_is_refused_before_the_first_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"ca_file is .*ca\.pem"):
        entry("https://h/v1", ca_file=str(path)).ready()
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(UsageError, match=r"SSL_CERT_FILE is .*ca\.pem"):
        entry("https://h/v1").ready()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ftp://h/v1", "http://"),
        ("h:8000/v1", "http://"),
        ("http:///v1", "host"),
        ("http://h:99999/v1", "99999|port|Port"),
        ("http://h:0/v1", "port"),
        ("http://h:eight/v1", "https://HOST"),
        ("http://a..b/v1", "https://HOST"),
        ("http://" + 70 * "a" + "/v1", "https://HOST"),
        ("http://h /v1", "spaces"),
        ("http://h/v1\n", "line breaks"),
        ("http://h/v1?a=1", r"\?"),
        ("http://h/v1#a", r"\?"),
        ("http://[::1/v1", "https://HOST"),
    ],
)
def test_an_address_that_no_request_can_reach_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        address(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://h/v1",
        "https://h:8000/v1/",
        "HTTP://h",
        "http://[::1]:80/v1",
        "http://my_host/v1",
        "https://bücher.de/v1",
    ],
)
def test_an_address_that_may_be_reached_is_taken(text: str) -> None:
    assert address(text) == text


def test_an_address_that_ends_in_the_path_of_completions_is_refused() -> None:
    with pytest.raises(ValueError, match="must end before"):
        entry("http://h/v1/chat/completions")


@pytest.mark.parametrize("url", ["http://me:pass@h/v1", "http://token@h/v1", "http://:pass@h/v1", "http://me:@h/v1"])
def test_a_name_or_a_password_in_an_address_is_refused(url: str) -> None:
    assert shown(URL("http://me:pass@h/v1?key=1#x")) == "http://h/v1"
    with pytest.raises(ValueError, match="must have no name or password in it"):
        address(url)
    with pytest.raises(ValueError, match="in base_url"):
        entry(url)


@pytest.mark.parametrize(
    ("key", "named"), [("abc\ndef", "a line break as character 4 of 7"), ("ab cd", "a space"), ("“abc”", r"U\+201C")]
)
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, key: str, named: str
) -> None:
    monkeypatch.setenv("TEST_API_KEY", key)
    with pytest.raises(UsageError, match=f"TEST_API_KEY has {named}") as caught:
        entry("http://h/v1").ready()
    assert "abc" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("field", ["model", "messages", "temperature", "max_completion_tokens"])
def test_extra_body_cannot_override_what_the_recipe_says_elsewhere(field: str) -> None:
    with pytest.raises(ValueError, match=f"must not hold {field}"):
        entry("http://h/v1", extra_body={field: 1, "top_k": 5})
