"""Models whose server this process starts: at the first request, and ends with the back end.

Entries with one command share one server.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from reasonmed.backends._serve import HOST
from reasonmed.errors import ModelNotServed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from reasonmed.backends._endpoint import EndpointSettings, Facts
    from reasonmed.backends._serve import Serve
    from reasonmed.backends._server import Server
    from reasonmed.exchange import Completion, Request

_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 60


class Client(Protocol):
    """What is used of the back end for endpoints."""

    listener: Callable[[Mapping[str, str]], None] | None

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        ...

    async def facts(self) -> Facts:
        """What the endpoint says about itself."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class _Command(NamedTuple):
    """What is started: equal ones are one server."""

    words: tuple[str, ...]
    """With the port left open."""
    port: int | None
    env: tuple[str, ...]
    health: str | None


class Servers:
    """The servers of a run.

    Args:
        folder: where their logs go; None for no logs.
        say: takes a message on their state.
    """

    def __init__(self, folder: Path | None = None, say: Callable[[str], None] = lambda _: None) -> None:
        self._folder, self._say = folder, say
        self._servers: dict[_Command, Server] = {}

    def of(self, serve: Serve, model: str) -> Server:
        """The server of a model, which may be that of another entry too."""
        from reasonmed.backends._server import Server  # few runs start any

        command = _Command(tuple(serve.words(model, "")), serve.port, serve.env, serve.health)
        if command not in self._servers:
            self._servers[command] = Server(serve, model, self._log(model), self._say)
        return self._servers[command]

    def hurry(self) -> None:
        """The run is to end: nothing is started any more."""
        for server in self._servers.values():
            server.hurry()

    def _log(self, model: str) -> Path | None:
        number = len(self._servers) + 1
        name = _ODD.sub("-", model).strip("-.")[-_LONGEST_NAME:]
        return None if self._folder is None else self._folder / f"server-{number}-{name}.log"


class Served:
    """The back end: a model behind a server that this process starts.

    Args:
        settings: the entry.
        serve: its server.
        make: a client of the endpoint at an address.
    """

    def __init__(self, settings: EndpointSettings, serve: Serve, make: Callable[[str], Client]) -> None:
        self.settings, self._serve, self._make = settings, serve, make
        self.servers = Servers()
        """A run's own take their place, so that entries share servers."""
        self.listener: Callable[[Mapping[str, str]], None] | None = None
        self._client: Client | None = None
        self._at = 0
        self._known = 0
        self._one = asyncio.Lock()

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        return await (await self.client()).complete(request)

    async def open(self) -> None:
        """Start the server, and wait until it is ready."""
        await self.client()

    async def close(self) -> None:
        """End the server, unless another entry has it open."""
        server = self.server
        server.users.discard(self)
        if not server.users:
            await server.down()

    async def facts(self) -> Facts:
        """What the server says about itself."""
        return await (await self.client()).facts()

    @property
    def server(self) -> Server:
        """The server, running or not."""
        return self.servers.of(self._serve, self.settings.identity)

    async def client(self) -> Client:
        """A client of the running server, which serves this model."""
        server = self.server
        if self._client is not None and server.running and server.starts == self._known:
            return self._client
        async with self._one:
            server.users.add(self)
            await server.up()
            if self._client is None or self._at != server.port:
                await self._disconnect()
                self._client, self._at = self._make(f"http://{HOST}:{server.port}/v1"), server.port
                self._client.listener = self.listener
            if server.starts != self._known:
                await self._check(self._client, server)
                self._known = server.starts
            return self._client

    async def _check(self, client: Client, server: Server) -> None:
        """See that the model is among those that the server lists, where it lists any.

        Raises:
            ModelNotServed: it is not.
        """
        served = (await client.facts()).served
        model = self.settings.identity
        if served and model not in served:
            raise ModelNotServed(
                f"{server.shown} serves {', '.join(served[:5])}, and the entry's model is {model}: give the entry that "
                "name, or the command the name (--served-model-name; --alias of llama-server)"
            )

    async def _disconnect(self) -> None:
        if self._client is not None:
            await self._client.aclose()
        self._client = None

    async def aclose(self) -> None:
        """Close the connections, and end the server, unless another entry has it open."""
        await self._disconnect()
        await self.close()
