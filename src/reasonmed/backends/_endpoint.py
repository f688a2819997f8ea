"""What a recipe may say of an endpoint that is reached by HTTP: its key, its address, its certificates."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from yarl import URL

from reasonmed.backends import ModelSettings
from reasonmed.backends._http import address, environment, proxy_of, shown, tls_of
from reasonmed.errors import CredentialRejected, UsageError
from reasonmed.screening.secrets import is_key
from reasonmed.secrecy import keep

if TYPE_CHECKING:
    from reasonmed.backends._prices import Price

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


class Batch(BaseModel):
    """How a model's requests go into batch jobs. Nothing here changes a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wait: float = Field(600, ge=0)
    """Seconds that a request waits for others, while there is other work, before a batch is submitted."""
    deadline: float | None = Field(172_800, gt=0)
    """Seconds after which a request without a reply is sent at once, at the full price; null for never."""
    poll: float = Field(10, gt=0)
    """Seconds until a batch is first looked at; each further wait is longer, up to 30 times this."""
    requests: int = Field(50_000, ge=1, le=50_000)
    """The most requests of one batch."""
    megabytes: float = Field(200, gt=0, le=200)
    """The most megabytes of one batch."""


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
    batch: bool | Batch = False
    """Whether requests are collected and go into batch jobs: cheaper, and hours later. `true`, or a mapping."""

    @property
    def collects(self) -> bool:
        """Whether requests are collected for batch jobs."""
        return self.batch is not False

    @property
    def batches(self) -> Batch:
        """How requests go into batch jobs."""
        return Batch() if isinstance(self.batch, bool) else self.batch

    @property
    def batch_share(self) -> float:
        """The share of the price that a request in a batch job costs."""
        return 1.0 if self.priced is None else self.priced.share_in_batch(URL(self.url).host or "")

    @property
    def batch_price(self) -> Price | None:
        """What tokens cost in a batch job."""
        return None if self.priced is None else self.priced.times(self.batch_share)

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

    def beside(self, path: str) -> str:
        """The address of another part of the API, such as ``batches``."""
        return f"{self.base}/{path}"

    @property
    def batch_path(self) -> str:
        """What a line of a batch asks for."""
        return f"/v1{PATH}"

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
