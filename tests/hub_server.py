"""A stand-in of the Hugging Face hub on loopback, and how a command is started that uses it and nothing else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOWHERE = "http://127.0.0.1:9"
SAVED_LOGIN = "a-saved-login"


class Answering(Protocol):
    """A part of the hub's API."""

    base: str

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer any path."""
        ...


Hub = TypeVar("Hub", bound=Answering)


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


@asynccontextmanager
async def serving(hub: Hub) -> AsyncIterator[Hub]:
    """The stand-in, for as long as it is needed; its address is in ``base``."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", hub.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hub.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hub
    finally:
        await runner.cleanup()


async def reasonmed_with_hub(
    folder: Path, *words: str, hub: str = NOWHERE, token: str | None = None, **more: str
) -> Done:
    """The command as a user starts it in a folder, with a cache and a saved login of its own beside it."""
    home = folder / ".hf"
    home.mkdir(exist_ok=True)
    (home / "token").write_text(SAVED_LOGIN)
    ours = {"HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "COLUMNS": "200", "NO_COLOR": "1"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")} | ours | more
    if token is not None:
        environment["HF_TOKEN"] = token
    command = [sys.executable, "-m", "reasonmed", *words]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=folder, capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    return Done(done.returncode, done.stdout, done.stderr)
