"""OpenAI's batch jobs, and Azure's: a file of lines goes up, a batch is made of it, and files of results come down.

Specification: https://platform.openai.com/docs/api-reference/batch and https://platform.openai.com/docs/guides/batch;
Azure's addresses: https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, BinaryIO

import aiohttp

from reasonmed.backends._batch_jobs import Job, Label, Line, State
from reasonmed.backends._batches import Wire, encode, known, name_of, number, part
from reasonmed.backends._said import one_line
from reasonmed.backends.openai import Answer
from reasonmed.errors import ModelNotServed, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_ENDED = frozenset({"completed", "expired", "cancelled"})
_QUEUE_FULL = "token_limit_exceeded"
_NOT_TRIED = frozenset({"batch_expired", "batch_cancelled"})
_READY = (1.0,) * 5 + (5.0,) * 60
"""Seconds between looks at a file that was put up, until it is processed."""


class OpenAIBatches(Wire):
    """Batches over ``/files`` and ``/batches``."""

    labeled = True
    head, between, tail = b"", b"\n", b"\n"
    batches, page, cursor = "batches", 100, "after"

    def line(self, name: str, body: Mapping[str, object]) -> bytes:
        """One line of the file."""
        return encode({"custom_id": name, "method": "POST", "url": self.settings.batch_path, "body": body})

    async def submit(
        self, file: BinaryIO, label: Label, staged: str | None, note: Callable[[str], Awaitable[None]]
    ) -> Job:
        """Put the file up, unless that was done, and make a batch of it that bears the label."""
        if staged is None:
            staged = await self._put_up(file, label)
            await note(staged)
        body = {
            "input_file_id": staged,
            "endpoint": self.settings.batch_path,
            "completion_window": "24h",
            "metadata": {"reasonmed_batch": label.token, "reasonmed_run": label.run},
        }
        return self._job(await self.asked(self.batches, method="POST", data=encode(body)))

    async def _put_up(self, file: BinaryIO, label: Label) -> str:
        form = aiohttp.FormData({"purpose": "batch"})
        form.add_field("file", file, filename=f"reasonmed-{label.token}.jsonl", content_type="application/jsonl")
        parts = form()
        kind = {"Content-Type": parts.content_type}
        found = await self.asked("files", method="POST", data=parts, headers=kind)
        name = known(found.get("id"), self.where)
        for wait in _READY:
            status = str(found.get("status", "processed")).lower()
            if status == "error":
                raise ModelNotServed(f"{self.where} cannot read the file that was put up: {_told(found)}")
            if status not in ("pending", "running", "uploaded", "notrunning"):
                break
            if status == "uploaded" and self.settings.backend != "azure":
                break
            await asyncio.sleep(wait)
            found = await self.asked(f"files/{name}")
        return name

    def read(self, line: object) -> Line | None:
        """A line of the output file or the error file."""
        found = part(line)
        name, response = found.get("custom_id"), part(found.get("response"))
        if not isinstance(name, str):
            return None
        status, error = number(response.get("status_code")), part(found.get("error"))
        if status:
            return Line(name, Answer(status, {}, encode(response.get("body"))))
        if not error:
            return None
        if error.get("code") in _NOT_TRIED:
            return Line(name, None, _told(error))
        return Line(name, Answer(500, {}, encode({"error": error})))

    def _job(self, found: dict[str, object]) -> Job:
        status = str(found.get("status", "")).lower()
        counts, labels = part(found.get("request_counts")), part(found.get("metadata"))
        state: State = "failed" if status == "failed" else "ended" if status in _ENDED else "running"
        if not status:
            raise Unreachable(f"{self.where} sent a batch without a status", "server")
        files = [name_of(found.get(field)) for field in ("output_file_id", "error_file_id")]
        created = found.get("created_at")
        errors = part(found.get("errors")).get("data")
        problems = [part(one) for one in errors] if isinstance(errors, list) else []
        return Job(
            id=known(found.get("id"), self.where),
            state=state,
            status=status,
            token=_text(labels.get("reasonmed_batch")),
            run=_text(labels.get("reasonmed_run")),
            requests=number(counts.get("total")),
            answered=number(counts.get("completed")),
            failed=number(counts.get("failed")),
            created=float(created) if isinstance(created, int | float) else None,
            results=tuple(f"files/{name}/content" for name in files if name),
            problem="; ".join(map(_told, problems[:3])),
            busy=any(one.get("code") == _QUEUE_FULL for one in problems),
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _told(error: Mapping[str, object]) -> str:
    line = f"line {error['line']}: " if isinstance(error.get("line"), int) else ""
    code = f" ({error['code']})" if error.get("code") else ""
    return line + one_line(f"{error.get('message') or error.get('status_details') or 'no reason given'}{code}", None)
