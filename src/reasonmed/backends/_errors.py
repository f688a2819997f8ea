"""What an HTTP answer other than a completion means. The only place where status codes and error texts are read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed.backends._waits import asked_wait
from reasonmed.errors import (
    CredentialRejected,
    ModelNotServed,
    Overloaded,
    ReasonMedError,
    RequestRejected,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS = re.compile(r"\b(?:sk|pk|key|hf|gsk|xai|AIza)[-_][A-Za-z0-9*_-]{6,}|(?i:bearer)\s+\S+")
_CONTEXT = re.compile(
    r"context[ _](?:length|size|window)|maximum (?:context|input|prompt)|too many (?:input )?tokens|prompt is too long|"
    r"exceed_context|longer than the maximum",
    re.IGNORECASE,
)
_FILTER = re.compile(r"content[_ ]?(?:filter|policy|management)|responsible ?ai|safety|moderation", re.IGNORECASE)
_QUOTA = re.compile(r"insufficient_quota|billing|credit balance|payment", re.IGNORECASE)
_NO_MODEL = re.compile(
    r"model.{0,80}(?:does not exist|not found|not exist|unknown)|(?:unknown|invalid) model", re.IGNORECASE
)


class _Prose(NamedTuple):
    prose: str
    wait: str | None = None


def redact(text: str, key: str | None) -> str:
    """A text without the key, and without anything that looks like one."""
    if key:
        text = text.replace(key, "***")
    return _KEYS.sub("***", text)


def error_text(body: bytes) -> str:
    """The message, type, code and parameter of an error body, in one line; the raw start of it where it is no JSON."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return " ".join(body[:500].decode("utf-8", "replace").split())
    inner = found.get("error", found) if isinstance(found, dict) else found
    if isinstance(inner, dict):
        named = [f"{name}={inner[name]}" for name in ("type", "code", "param") if inner.get(name)]
        message = inner.get("message") or inner.get("detail") or ""
        return " ".join([str(message), f"({', '.join(named)})" if named else ""]).strip() or str(inner)[:500]
    return str(inner)[:500]


def refusal(status: int, text: str, headers: Mapping[str, str], where: str) -> ReasonMedError:
    """The error that an HTTP status with this text stands for; ``where`` names model and endpoint."""
    said = f"{where} answered {status}: {text[:600]}"
    if status in (401, 403):
        return CredentialRejected(f"{said}. Check the key in the environment variable that the recipe names.", status)
    if status == 402 or (status == 429 and _QUOTA.search(text)):  # noqa: PLR2004 - HTTP
        return CredentialRejected(f"{said}. The account has no credit left.", status)
    if status == 404 or (status == 400 and _NO_MODEL.search(text)):  # noqa: PLR2004 - HTTP
        return ModelNotServed(f"{said}. Check `model` and `base_url` (it usually ends in /v1).", status)
    if status in (429, 503, 529):
        return Overloaded(said, asked_wait(headers, _Prose(text)))
    if status >= 500 or status in (408, 409, 425):  # noqa: PLR2004 - HTTP
        return Unreachable(said, "timeout" if status == 408 else "server")  # noqa: PLR2004 - HTTP
    return RequestRejected(said, rejection_kind(text), status)


def rejection_kind(text: str) -> str:
    """``context``, ``filter`` or ``bad_request``."""
    if _CONTEXT.search(text):
        return "context"
    return "filter" if _FILTER.search(text) else "bad_request"
