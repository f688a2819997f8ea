"""Which batch jobs a back end has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed import backends
from reasonmed.backends._anthropic_batches import AnthropicBatches
from reasonmed.backends._openai_batches import OpenAIBatches
from reasonmed.backends.anthropic import Anthropic
from reasonmed.backends.openai import OpenAI
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from reasonmed.backends import ModelSettings
    from reasonmed.backends._batches import Wire

_CONNECTIONS = 4


def wire_of(settings: ModelSettings) -> Wire:
    """The batch jobs of a model entry, over connections of their own.

    Raises:
        UsageError: its back end has none.
    """
    client = backends.connect(settings, _CONNECTIONS)
    if isinstance(client, Anthropic):
        return AnthropicBatches(client)
    if isinstance(client, OpenAI):
        return OpenAIBatches(client)
    raise UsageError(f"backend {settings.backend} has no batch jobs: take `batch` out of the entry of {settings.label}")
