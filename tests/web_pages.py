"""The viewer as a browser meets it: a real server on loopback, asked by HTTP or by Debian's chromium."""

from __future__ import annotations

import re
import shutil
from contextlib import closing, contextmanager
from functools import cache
from http.cookiejar import CookieJar
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from reasonmed.web.server import Viewer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Page

_SECONDS = 20.0


class Answer(NamedTuple):
    """What came back: the status, the headers, the text."""

    status: int
    headers: Mapping[str, str]
    text: str


class Client:
    """Asks a viewer as a browser without JavaScript does."""

    def __init__(self, viewer: Viewer) -> None:
        self.link = viewer.link
        parts = urlsplit(viewer.link)
        self.base = f"{parts.scheme}://{parts.netloc}"
        self._cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._cookies))
        self.token = ""
        self.library = viewer.library
        self.index = viewer.library.shown[0].index

    def forget(self) -> None:
        """Go on as a browser that has just opened the viewer's link."""
        self._cookies.clear()
        self.get(self.link.removeprefix(self.base))

    def get(self, path: str, **headers: str) -> Answer:
        found = self._ask(Request(self.base + path, headers=headers))  # noqa: S310 - loopback
        token = re.search(r'data-token="([^"]+)"', found.text)
        self.token = token[1] if token else self.token
        return found

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """Send a form as one of the pages does, unless headers or fields say otherwise."""
        body = urlencode({"token": self.token, **fields}).encode()
        return self._ask(Request(self.base + path, body, {"Origin": self.base, **headers}))  # noqa: S310 - loopback

    def _ask(self, request: Request) -> Answer:
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read().decode())
        except HTTPError as refused:
            return Answer(refused.code, dict(refused.headers), refused.read().decode())


@contextmanager
def viewed(*paths: Path) -> Iterator[Client]:
    """A viewer over folders, with its indexes up to date, and a client that has opened its link."""
    with closing(Viewer(paths, 0)) as viewer:
        viewer.library.catch_up()
        thread = Thread(target=viewer.run)
        thread.start()
        try:
            client = Client(viewer)
            client.get(client.link.removeprefix(client.base))
            yield client
        finally:
            viewer.stop()
            thread.join()


def dead_anchors(text: str) -> set[str]:
    """The places of a page that its own links lead to and that are not there."""
    return set(re.findall(r'href="#([^"]+)"', text)) - set(re.findall(r' id="([^"]+)"', text))


@cache
def chromium() -> str | None:
    """Where Debian's browser is."""
    return shutil.which("chromium")


@contextmanager
def browser(width: int = 1280, height: int = 900, *, dark: bool = False) -> Iterator[Page]:
    """A page of a real browser that can reach nothing but this machine; skips where there is no browser."""
    found = chromium()
    if found is None:
        pytest.skip("no chromium is installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            context = started.new_context(
                viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
            )
            context.set_default_timeout(_SECONDS * 1000)
            yield context.new_page()
        finally:
            started.close()


@contextmanager
def clean(page: Page) -> Iterator[None]:
    """Nothing inside leaves a message of the browser's console behind, a refused script or style included."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield
    assert not said, said


def barriers(page: Page) -> list[str]:
    """What axe-core finds serious or worse on a page: what a keyboard or a screen reader stumbles over."""
    page.evaluate(_axe())
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    grave = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {one['help']} ({node['html']:.200})" for one in grave for node in one["nodes"]]


@cache
def _axe() -> str:
    import axe_playwright_python

    return Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
