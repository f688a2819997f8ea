"""A stand-in of the Hugging Face hub on loopback, and how a command is started that uses it and nothing else."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from product import Done, reasonmed_at
from support import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

NOWHERE = "http://127.0.0.1:9"
SAVED_LOGIN = "a-saved-login"


class Answering(Protocol):
    """A part of the hub's API."""

    base: str

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer any path."""
        ...


Hub = TypeVar("Hub", bound=Answering)


@asynccontextmanager
async def serving(hub: Hub) -> AsyncIterator[Hub]:
    """The stand-in, for as long as it is needed; its address is in ``base``."""
    async with served(hub.answer, 64 << 20) as url:
        hub.base = url.removesuffix("/v1")
        yield hub


async def reasonmed_with_hub(
    folder: Path, *words: str, hub: str = NOWHERE, token: str | None = None, **more: str
) -> Done:
    """The command as a user starts it in a folder, with a cache and a saved login of its own beside it."""
    home = folder / ".hf"
    home.mkdir(exist_ok=True)
    (home / "token").write_text(SAVED_LOGIN)
    ours = {"HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    given = {"HF_TOKEN": token} if token is not None else {}
    return await asyncio.to_thread(reasonmed_at, folder, *words, env=ours | given | more)
