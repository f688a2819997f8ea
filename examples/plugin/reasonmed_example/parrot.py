"""A back end that says one thing: ``{backend: parrot, says: "..."}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.backends import ModelSettings
from reasonmed.errors import ReasonMedError
from reasonmed.exchange import Completion

if TYPE_CHECKING:
    from reasonmed.exchange import Request


class Settings(ModelSettings):
    """What a recipe may say of such a model."""

    says: str

    @property
    def identity(self) -> str:
        """The model's name in records; all that it says depends on it."""
        return f"parrot of {self.says!r}"

    @property
    def demo(self) -> bool:
        """Its replies are worth nothing medically."""
        return True


class Parrot:
    """The back end."""

    def __init__(self, says: str) -> None:
        self._says = says

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        prompt = sum(len(message.content.split()) for message in request.messages)
        return Completion(self._says, prompt_tokens=prompt, completion_tokens=len(self._says.split()))

    async def aclose(self) -> None:
        """Nothing to release."""


def connect(settings: ModelSettings, connections: int) -> Parrot:  # noqa: ARG001 - the shape of every back end
    """A parrot; it bears any number of connections."""
    if not isinstance(settings, Settings):
        raise ReasonMedError(f"back end parrot got the settings of {settings.backend}")
    return Parrot(settings.says)
