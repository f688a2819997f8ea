"""The embedded model: llama.cpp's own server inside this process, from the wheel ``xllamacpp``, bound to 127.0.0.1.

Without a ``model`` it is SmolLM2-135M-Instruct, which proves the machinery and has no medical ability; any other GGUF
file is ``model: path/to/file.gguf``.
"""

from __future__ import annotations

import asyncio
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace
from pydantic import Field

from reasonmed.backends import ModelSettings
from reasonmed.backends import _weights as weights
from reasonmed.backends._prices import FREE, Price
from reasonmed.backends._slots import Slots
from reasonmed.backends.openai import OpenAI
from reasonmed.backends.openai import Settings as EndpointSettings
from reasonmed.errors import ReasonMedError, Unavailable

if TYPE_CHECKING:
    from reasonmed.backends._endpoint import Facts
    from reasonmed.exchange import Completion, Request

_LOADING = 300.0


class Settings(ModelSettings):
    """A GGUF file served by this process."""

    loads = True

    model: str = weights.EMBEDDED
    """The embedded model's name, or a path to any GGUF file."""
    context: int = Field(4096, ge=256)
    """Tokens of prompt and reply together that one request may have."""
    parallel: int = Field(4, ge=1, le=64)
    """Requests answered at once."""
    threads: int | None = Field(None, ge=1)
    """Threads; as many as there are cores by default."""
    spin: bool = False
    """Whether threads wait by spinning: faster on idle cores of their own, far slower on shared ones."""

    @cached_property
    def path(self) -> Path:
        """The GGUF file; the embedded one is fetched at the first use."""
        if self.model == weights.EMBEDDED:
            return weights.embedded_weights()
        path = Path(self.model).expanduser()
        if not path.is_file():
            raise ReasonMedError(f"there is no GGUF file {self.model}; `model` names one, or is {weights.EMBEDDED}")
        return path

    @cached_property
    def identity(self) -> str:
        """File name and the start of its sha256: the file is the model, wherever it lies."""
        found = weights.SHA256 if self.model == weights.EMBEDDED else weights.remembered_sha256(self.path)
        name = weights.FILE if self.model == weights.EMBEDDED else self.path.name
        return f"{name} sha256:{found[:12]}"

    @property
    def priced(self) -> Price | None:
        """Nothing to pay, unless the recipe says so."""
        return self.price or FREE

    @property
    def demo(self) -> bool:
        """Whether this is the embedded model."""
        return self.model == weights.EMBEDDED


class _Server(Protocol):
    """What is used of llama.cpp's server, whose package has no types."""

    listening_address: str


class Local:
    """The back end: starts the server at the first request and speaks HTTP with it."""

    def __init__(self, settings: Settings, connections: int) -> None:
        self.settings = settings
        self._connections = connections
        self._slots = Slots(settings.parallel)
        self._server: _Server | None = None
        self._client: OpenAI | None = None
        self._starting = asyncio.Lock()

    async def complete(self, request: Request) -> Completion:
        """Answer a request, at the slot that has the beginning of its prompt."""
        async with self._slots.one(request.prefix) as slot:
            client = await self.client()
            return await client.complete(replace(request, extra_body={**(request.extra_body or {}), "id_slot": slot}))

    async def client(self) -> OpenAI:
        """The client of the running server."""
        async with self._starting:
            if self._client is None:
                server = await asyncio.to_thread(serve, self.settings)
                self._server = server
                self._client = OpenAI(self._endpoint(server), self._connections, direct=True)
                await self._ready(self._client)
        return self._client

    async def facts(self) -> Facts:
        """The context length that the recipe gives it, and what the server was found not to take."""
        found = await (await self.client()).facts()
        return found._replace(served=(self.settings.identity,), context=self.settings.context)

    def _endpoint(self, server: _Server) -> EndpointSettings:
        url = f"{server.listening_address}/v1"
        return EndpointSettings(backend="openai", model=self.settings.identity, base_url=url)

    async def _ready(self, client: OpenAI) -> None:
        """Wait until the weights are loaded: the server answers 503 before."""
        deadline = asyncio.get_running_loop().time() + _LOADING
        while await client.get("models") is None:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(f"{self.settings.path.name} did not load within {_LOADING:g} s")
            await asyncio.sleep(0.1)

    async def open(self) -> None:
        """Start the server, and wait until the weights are loaded."""
        await self.client()

    async def close(self) -> None:
        """Let the server go."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections and let the server go."""
        if self._client is not None:
            await self._client.aclose()
        self._client = self._server = None


def serve(settings: Settings, port: int = 0, alias: str | None = None) -> _Server:
    """A server of the file in this process, on a port of this machine (a free one by default).

    Raises:
        ReasonMedError: the wheel is missing, or the file cannot be loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "ACTIVE" if settings.spin else "PASSIVE")
    try:
        import xllamacpp
    except ImportError as missing:
        raise ReasonMedError(
            "the embedded model needs xllamacpp: pip install 'reasonmed[local]'. Without it, use an endpoint: "
            "reasonmed init --from api"
        ) from missing
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(settings.path)
    wanted.hostnames, wanted.port = ["127.0.0.1"], port
    if alias is not None:
        wanted.model_alias = {alias}
    wanted.n_parallel = settings.parallel
    wanted.n_ctx = settings.context * settings.parallel
    threads = settings.threads or os.cpu_count() or 1
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads
    wanted.endpoint_metrics = wanted.ui = False
    wanted.verbosity, wanted.cache_ram_mib = 1, 0
    try:
        server: _Server = xllamacpp.Server(wanted)
    except RuntimeError as refused:
        raise ReasonMedError(f"llama.cpp cannot load {settings.path}: {refused}") from refused
    return server


def connect(settings: ModelSettings, connections: int) -> Local:
    """A back end on the GGUF file that the settings name."""
    if not isinstance(settings, Settings):
        raise ReasonMedError(f"backend local got the settings of backend {settings.backend}")
    return Local(settings, connections)
