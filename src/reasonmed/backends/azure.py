"""Azure OpenAI: the same bodies as OpenAI's, with Azure's URL form, api-version and header.

Specification: https://learn.microsoft.com/azure/ai-foundry/openai/reference.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field

from reasonmed.backends._endpoint import PATH, EndpointSettings, Url
from reasonmed.backends.openai import connect

__all__ = ["Settings", "connect"]


def _as_text(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


class Settings(EndpointSettings):
    """A deployment of a model at Azure."""

    endpoint: Url
    """The resource's address, such as https://NAME.openai.azure.com."""
    deployment: str = Field(min_length=1)
    """The deployment's name; it stands for the model in every request's identity."""
    api_version: Annotated[str, BeforeValidator(_as_text)] = Field("2024-10-21", min_length=1)
    """Such as 2024-10-21; YAML reads that as a date, which is as good."""
    api_key_env: str | None = "AZURE_OPENAI_API_KEY"

    @property
    def identity(self) -> str:
        """The deployment's name."""
        return self.deployment

    @property
    def url(self) -> str:
        """Where completions are asked for."""
        path = f"openai/deployments/{self.deployment}/chat/completions"
        return f"{self.endpoint.rstrip('/')}/{path}?api-version={self.api_version}"

    def beside(self, path: str) -> str:
        """The address of another part of the API: of the resource, not of the deployment."""
        return f"{self.endpoint.rstrip('/')}/openai/{path}{'&' if '?' in path else '?'}api-version={self.api_version}"

    @property
    def batch_path(self) -> str:
        """What a line of a batch asks for; Azure's dated versions have no /v1."""
        return PATH

    def authorization(self, key: str) -> dict[str, str]:
        """The header that carries the key."""
        return {"api-key": key}
