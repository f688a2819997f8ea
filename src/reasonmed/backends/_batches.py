"""Batch jobs as every provider has them: requests go up together, and come back hours later in any order, by name.

A *wire* speaks one provider's API (``_openai_batches``, ``_anthropic_batches``) over the connections, the bodies and
the reading of replies of its online back end. Whoever submits and collects knows no provider.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, BinaryIO

import aiohttp
import msgspec
from yarl import URL

from reasonmed.backends._batch_jobs import Job, Label, Line, Torn
from reasonmed.backends._body import read_body, read_lines
from reasonmed.backends._dialect import Once
from reasonmed.backends._errors import refusal
from reasonmed.backends._http import Asked, posted
from reasonmed.backends._json import plain_json
from reasonmed.backends._said import read_error
from reasonmed.backends.openai import BROKEN, Answer, OpenAI
from reasonmed.errors import BackendError, ModelNotServed, ReasonMedError, Unreachable
from reasonmed.exchange import Completion

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from reasonmed.exchange import Request

encode = msgspec.json.Encoder().encode
_MOST_BYTES = 64_000_000
"""Of an answer that is no file of results."""
_LONGEST_LINE = 64_000_000
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")


class Wire(ABC):
    """One provider's batch jobs.

    Args:
        client: the online back end of the same model.
    """

    labeled: bool
    """Whether a batch bears a label at its provider."""
    head: bytes
    between: bytes
    tail: bytes
    """What stands before, between and behind the lines of a file."""
    batches: str
    """Where batches are, below the provider's address."""
    page: int
    """How many of them are listed at once."""
    cursor: str
    """The parameter that says behind which one the list continues."""

    def __init__(self, client: OpenAI) -> None:
        self.client, self.settings = client, client.settings
        self.where = client.settings.where

    @property
    def host(self) -> str:
        """The provider, for people."""
        return URL(self.settings.url).host or ""

    @abstractmethod
    def line(self, name: str, body: Mapping[str, object]) -> bytes:
        """One request of a batch under its name, without what comes between two of them."""

    @abstractmethod
    async def submit(
        self, file: BinaryIO, label: Label, staged: str | None, note: Callable[[str], Awaitable[None]]
    ) -> Job:
        """Submit a file of lines.

        Args:
            file: its lines.
            label: what the batch is known by.
            staged: what an earlier try has put up already.
            note: remembers what was put up, before it is used.
        """

    async def look(self, job: str) -> Job:
        """How a batch is."""
        return self._job(await self.asked(f"{self.batches}/{job}"))

    async def listed(self) -> AsyncIterator[Job]:
        """All batches of the account, the newest first."""
        after = ""
        while True:
            page = await self.asked(f"{self.batches}?limit={self.page}{after and f'&{self.cursor}={after}'}")
            data = page.get("data")
            jobs = [self._job(one) for one in data if isinstance(one, dict)] if isinstance(data, list) else []
            for job in jobs:
                yield job
            if not jobs or page.get("has_more") is not True:
                return
            after = jobs[-1].id

    async def cancel(self, job: str) -> None:
        """Have a batch end with what is done."""
        await self.asked(f"{self.batches}/{job}/cancel", method="POST", data=b"{}")

    @abstractmethod
    def _job(self, found: dict[str, object]) -> Job:
        """A batch as the provider shows it."""

    @abstractmethod
    def read(self, line: object) -> Line | None:
        """A line of results; None where it is none."""

    def prepared(self, request: Request) -> tuple[dict[str, object], dict[str, object] | None]:
        """The body of a request, and its sampling parameters where they are not those that it asks for."""
        body = self.client.body(request)
        return body, self.client.sent(request, body)

    def outcome(self, request: Request, answer: Answer) -> Completion | ReasonMedError:
        """What a request was answered with.

        An error that is retryable, or that teaches what the endpoint does not take, says that it is to be retried.
        """
        apart = type(self.client)(self.settings, 1)
        try:
            found = apart.read(request, answer, apart.body(request), Once())
        except ReasonMedError as error:
            return error
        if isinstance(found, Completion):
            return found
        self._learn(request, answer)
        return Unreachable(f"{found}; the request is retried without it", "server")

    def _learn(self, request: Request, answer: Answer) -> None:
        """Leave out of later bodies what an answer refuses; it may have been learned from another line before."""
        try:
            self.client.read(request, answer, self.client.body(request), Once())
        except ReasonMedError:
            return

    async def results(self, job: Job) -> AsyncIterator[Line | Torn]:
        """The lines of a batch that has ended, one by one, as they come.

        Raises:
            Unreachable: they broke off.
        """
        for path in job.results:
            async for raw in self._lines(path):
                found = self.read(plain_json(raw))
                yield Torn(raw[:200].decode("utf-8", "replace")) if found is None else found

    async def _lines(self, path: str) -> AsyncIterator[bytes]:
        asked = Asked(URL(self.settings.beside(path)), method="GET")
        try:
            async with posted(self.client.session(), asked, self.where, self._patience()) as response:
                if not response.ok:
                    raise self.error(response.status, await read_body(response, _MOST_BYTES), response.headers)
                async for line in read_lines(response, _LONGEST_LINE):
                    yield line
        except BROKEN as broken:
            raise self.client.unreachable(broken) from None

    async def asked(
        self, path: str, *, method: str = "GET", data: object = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, object]:
        """The object at a path of the API.

        Raises:
            BackendError: the service does not answer, or not with an object.
            ControlError: it refuses.
        """
        asked = Asked(URL(self.settings.beside(path)), data, method, headers or {})
        try:
            async with posted(self.client.session(), asked, self.where, self._patience()) as response:
                body = await read_body(response, _MOST_BYTES)
        except BROKEN as broken:
            raise self.client.unreachable(broken) from None
        found = plain_json(body)
        if not response.ok:
            raise self.error(response.status, body, response.headers)
        if not isinstance(found, dict):
            raise Unreachable(f"{self.where} sent a body that is no object: {read_error(body).text[:200]}", "server")
        return found

    def error(self, status: int, body: bytes, headers: Mapping[str, str]) -> ReasonMedError:
        """The error that a refusal of the batch API stands for: it is never one request's own."""
        found = refusal(status, read_error(body, self.client.key()), headers, self.where)
        if isinstance(found, BackendError) and not found.retryable:
            return ModelNotServed(f"{found}. It refuses the batch as a whole", status)
        return found

    def _patience(self) -> aiohttp.ClientTimeout:
        """A file takes as long as it takes; silence does not."""
        return aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=self.settings.timeout)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()
        await asyncio.sleep(0)


def name_of(value: object) -> str:
    """An id as it may stand in a path; empty where it is none."""
    return value if isinstance(value, str) and _ID.fullmatch(value) and ".." not in value else ""


def known(value: object, where: str) -> str:
    """The id in an answer.

    Raises:
        Unreachable: there is none that may stand in a path.
    """
    found = name_of(value)
    if not found:
        raise Unreachable(f"{where} answered without an id ({str(value)[:60]!r})", "server")
    return found


def number(value: object) -> int | None:
    """A count, where it is one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def part(value: object) -> dict[str, object]:
    """An object in an answer; empty where it is none."""
    return value if isinstance(value, dict) else {}
