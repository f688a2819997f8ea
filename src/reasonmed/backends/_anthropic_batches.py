"""Anthropic's message batches: all requests in one body, all results in one file of lines.

Specification: https://platform.claude.com/docs/en/build-with-claude/batch-processing and
https://platform.claude.com/docs/en/api/messages/batches. A batch bears no label there: whose it is can be read from the
names of its requests, and these are shown with its results.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

from reasonmed.backends._batch_jobs import Job, Label, Line
from reasonmed.backends._batches import Wire, encode, known, number, part
from reasonmed.backends.openai import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_NOT_TRIED = frozenset({"canceled", "expired"})
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status of a type of error; an answer in a file of results has none."""


class AnthropicBatches(Wire):
    """Batches over ``/messages/batches``."""

    labeled = False
    head, between, tail = b'{"requests":[', b",", b"]}"
    batches, page, cursor = "messages/batches", 1000, "after_id"

    def line(self, name: str, body: Mapping[str, object]) -> bytes:
        """One request of the body."""
        return encode({"custom_id": name, "params": body})

    async def submit(
        self,
        file: BinaryIO,
        label: Label,  # noqa: ARG002 - the shape of all wires
        staged: str | None,  # noqa: ARG002
        note: Callable[[str], Awaitable[None]],  # noqa: ARG002
    ) -> Job:
        """Send all requests as one body; nothing is put up before, and nothing bears the label."""
        return self._job(await self.asked(self.batches, method="POST", data=file))

    def read(self, line: object) -> Line | None:
        """A line of the results."""
        found = part(line)
        name, result = found.get("custom_id"), part(found.get("result"))
        kind = result.get("type")
        if not isinstance(name, str):
            return None
        if kind == "succeeded" and part(result.get("message")):
            return Line(name, Answer(200, {}, encode(result["message"])))
        if kind == "errored" and part(result.get("error")):
            error = part(result["error"])
            inner = part(error.get("error")) or error
            status = _STATUS.get(str(inner.get("type")), 500)
            return Line(name, Answer(status, {}, encode({"type": "error", "error": inner})))
        return Line(name, None, str(kind)) if kind in _NOT_TRIED else None

    def _job(self, found: dict[str, object]) -> Job:
        counts = {name: number(value) or 0 for name, value in part(found.get("request_counts")).items()}
        name, status = known(found.get("id"), self.where), str(found.get("processing_status"))
        return Job(
            id=name,
            state="ended" if status == "ended" else "running",
            status=status,
            requests=sum(counts.values()) if counts else None,
            answered=counts.get("succeeded"),
            failed=counts.get("errored"),
            created=_seconds(found.get("created_at")),
            results=(f"{self.batches}/{name}/results",),
        )


def _seconds(value: object) -> float | None:
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except ValueError:
        return None
