"""A model folder in this process, by Hugging Face transformers (extra ``train``), in batches.

Requests that wait together are answered together: by one ``generate`` for those with equal sampling parameters, by one
forward pass for continuations to score. What a batch holds depends on arrival; in half precision that can change a
reply's words, as it does with every server that batches.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Protocol

from pydantic import Field

from reasonmed.backends._folder import FolderSettings
from reasonmed.errors import ReasonMedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reasonmed.backends import ModelSettings
    from reasonmed.backends._causal import Causal
    from reasonmed.exchange import Completion, Request


class Engine(Protocol):
    """A model that is loaded."""

    def answer(self, requests: Sequence[Request]) -> Sequence[Completion | Exception]:
        """Answer requests of one kind."""
        ...

    def release(self) -> None:
        """Give its memory back."""
        ...


class Settings(FolderSettings):
    """A model folder as transformers saves it: weights, tokenizer, and an adapter's folder with peft."""

    batch: int = Field(16, ge=1)
    """Requests answered at once."""
    device: str | None = None
    """``cuda``, ``mps`` or ``cpu``; the best that is there by default."""


class InProcess:
    """The back end: gathers what waits and hands it to the model in batches, on a thread of its own.

    Args:
        load: makes the model, before the first answer.
        batch: requests answered at once.
    """

    def __init__(self, load: Callable[[], Engine], batch: int) -> None:
        self._load, self._batch = load, batch
        self._model: Engine | None = None
        self._waiting: list[tuple[Request, asyncio.Future[Completion]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        turn: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, turn))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await turn

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)
            taken = self._take()
            try:
                replies: Sequence[Completion | Exception] = await asyncio.to_thread(
                    self._answer, [request for request, _ in taken]
                )
            except Exception as failed:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                replies = [failed] * len(taken)
            for (_, turn), reply in zip(taken, replies, strict=True):
                if turn.done():
                    continue
                if isinstance(reply, Exception):
                    turn.set_exception(reply)
                else:
                    turn.set_result(reply)

    def _take(self) -> list[tuple[Request, asyncio.Future[Completion]]]:
        """The requests that can be answered with the first one that waits."""
        kind = _kind(self._waiting[0][0])
        taken = [one for one in self._waiting if _kind(one[0]) == kind][: self._batch]
        self._waiting = [one for one in self._waiting if one not in taken]
        return taken

    def _answer(self, requests: list[Request]) -> Sequence[Completion | Exception]:
        if self._model is None:
            self._model = self._load()
        return self._model.answer(requests)

    async def open(self) -> None:
        """Load the model."""
        if self._model is None:
            self._model = await asyncio.to_thread(self._load)

    async def close(self) -> None:
        """Let the model go."""
        await self.aclose()

    async def aclose(self) -> None:
        """Let the model go."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        if self._model is not None:
            self._model.release()
            self._model = None


def _kind(request: Request) -> tuple[object, ...]:
    """Requests of one kind can share a batch."""
    drawn, body = request.sampling, request.extra_body or {}
    return (
        "loglikelihood" in body,
        drawn.temperature,
        drawn.top_p,
        drawn.max_tokens,
        str(body.get("chat_template_kwargs")),
    )


def _load(settings: Settings) -> Causal:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        from reasonmed.backends._causal import load

        return load(settings.path, settings.device, settings.dtype)
    except ImportError as missing:
        raise ReasonMedError(
            f"a model folder needs {missing.name}: pip install 'reasonmed[train]'; or serve the folder, for example "
            "with vLLM, and use --endpoint"
        ) from missing


def connect(settings: ModelSettings, connections: int) -> InProcess:  # noqa: ARG001 - the shape of every back end
    """A back end on the folder that the settings name."""
    if not isinstance(settings, Settings):
        raise ReasonMedError(f"backend transformers got the settings of backend {settings.backend}")
    return InProcess(lambda: _load(settings), settings.batch)
