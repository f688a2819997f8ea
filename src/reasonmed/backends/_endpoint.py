"""What a recipe may say of an endpoint that is reached by HTTP: its key, its address, its certificates."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from yarl import URL

from reasonmed.backends import ModelSettings
from reasonmed.backends._http import address, environment, proxy_of, shown, tls_of
from reasonmed.errors import CredentialRejected, UsageError
from reasonmed.screening.secrets import is_key
from reasonmed.secrecy import keep

PATH = "/chat/completions"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Url = Annotated[str, AfterValidator(address)]


def _beside_recipe(value: object, info: ValidationInfo) -> object:
    folder = (info.context or {}).get("folder")
    return Path(folder or "", value).expanduser().absolute() if isinstance(value, str) else value


def api_key(variable: str | None) -> str | None:
    """The key in an environment variable; None when the recipe names none.

    Raises:
        CredentialRejected: the variable is named and not set.
        UsageError: what it holds cannot be sent in a header.
    """
    if variable is None:
        return None
    stored = os.environ.get(variable, "")
    keep(stored)
    key = stored.strip()
    if not key:
        raise CredentialRejected(f"the environment variable {variable} is not set; it must hold the key")
    odd = next((place for place, sign in enumerate(key, 1) if not "!" <= sign <= "~"), None)
    if odd is not None:
        raise UsageError(
            f"the key in {variable} has {_named(key[odd - 1])} as character {odd} of {len(key)}: a key is one line of "
            "ASCII letters, digits and signs; export it again"
        )
    return key


def _named(sign: str) -> str:
    return {"\n": "a line break", "\r": "a line break", " ": "a space"}.get(sign, f"U+{ord(sign):04X}")


def _way(url: URL) -> str:
    proxy = proxy_of(url)
    return f"{url.origin()} through the proxy {shown(proxy)}" if proxy else str(url.origin())


class Facts(NamedTuple):
    """What is known of an endpoint: models it serves, context length in tokens, parameters that it does not take."""

    served: tuple[str, ...]
    context: int | None
    left_out: tuple[str, ...]


class EndpointSettings(ModelSettings):
    """What endpoints of OpenAI's shape have in common."""

    api_key_env: str | None = None
    """The environment variable that holds the key; none for an endpoint without keys."""
    timeout: float = Field(1200, gt=0)
    """Seconds that one request may take in all."""
    json_schema: bool = True
    """Whether to send JSON schemas; left out by itself where the endpoint refuses them."""
    ca_file: Annotated[Path | None, BeforeValidator(_beside_recipe)] = None
    """A PEM file of certificates to trust beside the system's, such as a hospital's own authority."""

    @field_validator("api_key_env", mode="before")
    @classmethod
    def _names_a_variable(cls, value: object) -> object:
        if value is not None and (not isinstance(value, str) or not _VARIABLE.fullmatch(value) or is_key(value)):
            raise ValueError(
                "must be the name of an environment variable, such as MY_API_KEY, and is none, or is a key itself. "
                "Export the key (export MY_API_KEY=...), and give the name (api_key_env: MY_API_KEY, or --key-env "
                "MY_API_KEY). A key that was on a command line or in a file should be revoked"
            )
        return value

    def thinking_effort(self, level: str) -> dict[str, object] | None:
        """The field of OpenAI's API for it."""
        return {"reasoning_effort": level}

    @property
    def url(self) -> str:
        """Where completions are asked for."""
        raise NotImplementedError

    @property
    def base(self) -> str:
        """The endpoint without the path of completions."""
        return self.url.split("?")[0].removesuffix(PATH)

    @property
    def where(self) -> str:
        """Model and endpoint, for messages."""
        return f"{self.identity} at {shown(URL(self.base))}"

    def ready(self) -> None:
        """Check the key's variable, the proxy's and the files of certificates, as far as they are there."""
        if self.api_key_env is not None and os.environ.get(self.api_key_env, "").strip():
            api_key(self.api_key_env)
        for url in self.urls:
            proxy_of(url)
            tls_of(url, self.ca_file)

    def route(self) -> str:
        """Hosts, proxies, and the variables and files that are used on the way."""
        proxies = sorted({f"{url.scheme.upper()}_PROXY" for url in self.urls})
        files = ["SSL_CERT_FILE"] if any(url.scheme == "https" for url in self.urls) else []
        names = [name for name in (*proxies, "NO_PROXY", *files) if environment(name)]
        used = [name for name in (self.api_key_env, *names, self.ca_file and f"ca_file {self.ca_file}") if name]
        return f"sends to {', '.join(map(_way, self.urls))}" + (f"; uses {', '.join(used)}" if used else "")

    @property
    def urls(self) -> list[URL]:
        """Every address that requests go to."""
        return [URL(one.url) for one in self.split() if isinstance(one, EndpointSettings)]

    @property
    def headers(self) -> dict[str, str]:
        """Further headers of every request."""
        return {}

    def authorization(self, key: str) -> dict[str, str]:
        """The header that carries the key."""
        return {"Authorization": f"Bearer {key}"}
