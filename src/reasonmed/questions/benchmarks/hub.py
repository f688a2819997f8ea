"""The Hugging Face hub's own client: an extra, used without telemetry and with no token but the environment's."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from reasonmed.errors import UsageError
from reasonmed.secrecy import keep

if TYPE_CHECKING:
    from types import ModuleType

TOKEN = "HF_TOKEN"  # noqa: S105 - the name of a variable, not a secret


def client(why: str) -> ModuleType:
    """The module ``huggingface_hub``, told to say nothing of this machine but Python's version.

    Raises:
        UsageError: it is not installed; ``why`` names what needs it.
    """
    try:
        library = import_module("huggingface_hub")
        for part in ("constants", "errors", "utils"):
            import_module(f"huggingface_hub.{part}")
    except ImportError as missing:
        raise UsageError(f"{why} needs huggingface_hub: pip install 'reasonmed[hub]'") from missing
    library.constants.HF_HUB_DISABLE_TELEMETRY = True
    return library


def token() -> str | None:
    """The token of the environment; a saved login is not looked for."""
    found = os.environ.get(TOKEN) or None
    keep(found or "")
    return found


def endpoint() -> str | None:
    """The address of another hub than the public one, from ``HF_ENDPOINT``."""
    return os.environ.get("HF_ENDPOINT") or None
