"""Back ends, one file each, found by module name: ``backend: openai`` is ``reasonmed.backends.openai``.

A back end's module has a pydantic class ``Settings`` (what a recipe may say of such a model) and a function
``connect(settings, connections)`` that returns an object with ``complete(request)`` and ``aclose()``. Other packages
have modules of the same shape, found by an entry point or a dotted name (``reasonmed.plugins``).
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, cast, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from reasonmed import plugins
from reasonmed.backends._prices import Price, known
from reasonmed.errors import PluginError
from reasonmed.exchange import Completion
from reasonmed.parsing.thinking import Tags
from reasonmed.screening.secrets import secrets_in

if TYPE_CHECKING:
    from reasonmed.exchange import Request


MAX_REPLY_MB = 16.0
"""Megabytes of a reply that are read, unpacked, where no recipe says otherwise."""


class Backend(Protocol):
    """The one shape: back ends and every layer around them."""

    async def complete(self, request: Request) -> Completion:
        """Answer a request, or raise a BackendError or a ControlError."""
        ...

    async def aclose(self) -> None:
        """Release connections, processes and files."""
        ...


@runtime_checkable
class Resident(Protocol):
    """A back end whose model takes memory of this machine, and can leave it and come back.

    ``complete`` opens it too where nobody has, and ``aclose`` closes it.
    """

    async def open(self) -> None:
        """Load the model; returns when it can answer. Does nothing where it is open; may be canceled.

        Raises:
            ReasonMedError: it cannot be loaded.
        """
        ...

    async def close(self) -> None:
        """Give its memory back; nothing is under way at it. Does nothing where it is closed."""
        ...


class Sampling(BaseModel):
    """Sampling parameters that a model entry sets for every stage that uses it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    seed: int | None = None
    stop: tuple[str, ...] | None = None


class ModelLimits(BaseModel):
    """What an endpoint bears; each address of a model entry for itself. Nothing here changes a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    in_flight: int | None = Field(None, ge=1)
    """Requests open at once."""
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)
    """Input and output together."""
    input_tokens_per_minute: float | None = Field(None, gt=0)
    output_tokens_per_minute: float | None = Field(None, gt=0)
    max_reply_mb: float | None = Field(None, gt=0)
    """The recipe's ``limits.max_reply_mb`` where it is not given."""


class ThinkingTags(BaseModel):
    """What a model thinks between, where it is none of the marks that are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open: str = Field(min_length=1)
    close: str = Field(min_length=1)

    @model_validator(mode="after")
    def _two_marks(self) -> Self:
        if self.open == self.close or not (self.open.strip() and self.close.strip()):
            raise ValueError("open and close must be two marks that differ, such as [BEGIN] and [END]")
        return self


class ModelSettings(BaseModel):
    """What every model entry of a recipe may say; each back end adds its own fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    own_fields: ClassVar[frozenset[str]] = frozenset(
        {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stop"}
    )
    """Fields of a request that say what the recipe says elsewhere, so that `extra_body` may not hold them."""
    most_temperature: ClassVar[float] = 2.0
    """The highest temperature that the back end takes."""
    loads: ClassVar[bool] = False
    """Whether the process that connects it has the model in its own memory."""

    backend: str
    """The back end's module name, or a dotted path to one of your own."""
    system: str | None = None
    """A system message for every request to this model; none by default."""
    sampling: Sampling = Sampling()
    """Sampling parameters that override the stage's."""
    extra_body: dict[str, Any] | None = None
    """Further fields of the request body, such as top_k or chat_template_kwargs."""
    revision: str | None = None
    """Tells two builds of one model name apart, such as fp8 and bf16."""
    thinking: ThinkingTags | None = None
    """Further marks that the model thinks between; changes what is read of a reply, not what is asked."""
    limits: ModelLimits = ModelLimits()
    price: Price | None = None
    """USD per million tokens; the shipped table's by default, unknown where that does not have the model."""

    @model_validator(mode="before")
    @classmethod
    def _holds_no_secret(cls, entry: object) -> object:
        """Refuse what would be stored with the run and published with its data."""
        fields = entry.items() if isinstance(entry, dict) else ()
        told = {name: value for name, value in fields if name != "api_key_env"}
        found = [f"{secret.path} ({secret.why})" for secret in secrets_in(told)]
        if found:
            raise ValueError(
                f"holds a secret in {', '.join(found)}: recipes are stored with a run and published with its data. Put "
                "the key into an environment variable, and name that in api_key_env"
            )
        return entry

    @field_validator("extra_body")
    @classmethod
    def _overrides_nothing(cls, value: dict[str, object] | None) -> dict[str, object] | None:
        taken = sorted(cls.own_fields & (value or {}).keys())
        if taken:
            raise ValueError(
                f"must not hold {', '.join(taken)}: that would override the request while records show the recipe's; "
                "say it with the entry's model and sampling, or the stage's options"
            )
        return value

    def ready(self) -> None:
        """Check what a recipe alone cannot show, the environment and files, before the first request.

        Raises:
            ReasonMedError: requests to this model cannot work.
        """

    def route(self) -> str:
        """Where requests go, and what of the environment they use, in a sentence."""
        return "runs in this process"

    @property
    def identity(self) -> str:
        """The model as its provider names it; part of every request's identity."""
        raise NotImplementedError

    def thinking_effort(self, level: str) -> dict[str, object] | None:  # noqa: ARG002 - for who has it
        """The fields of a request that set how much the model thinks; None where the back end has none."""
        return None

    @property
    def tags(self) -> Tags | None:
        """Those marks, for who reads replies."""
        return Tags(self.thinking.open, self.thinking.close) if self.thinking else None

    @property
    def reading(self) -> dict[str, object]:
        """What of the entry changes how a reply is read, for the identity of a run; empty where nothing does."""
        found = self.plugin
        told: dict[str, Any] = {} if found is None else {"plugin": found.told}
        return {**told, "thinking": self.thinking.model_dump()} if self.thinking else told

    @property
    def plugin(self) -> plugins.Plugin | None:
        """The package that the back end comes from; None for one that ships."""
        found = None if self.backend in shipped() else plugins.load("backends", self.backend)
        return found and found.plugin

    @property
    def label(self) -> str:
        """How records name the model."""
        return f"{self.identity}@{self.revision}" if self.revision else self.identity

    @property
    def priced(self) -> Price | None:
        """What this model's tokens cost; None when nobody knows."""
        return self.price or known(self.identity)

    def split(self) -> list[ModelSettings]:
        """One entry for each address that serves the model."""
        return [self]

    @property
    def collects(self) -> bool:
        """Whether requests are collected for batch jobs."""
        return False

    @property
    def batch_share(self) -> float:
        """The share of the price that a request in a batch job costs."""
        return 1.0

    @property
    def demo(self) -> bool:
        """Whether replies of this model are worth nothing medically."""
        return False

    @property
    def scores(self) -> bool:
        """Whether it can give log-likelihoods of continuations instead of a reply."""
        return False


class BackendModule(Protocol):
    """The shape of a back end's module."""

    Settings: type[ModelSettings]

    def connect(self, settings: ModelSettings, connections: int) -> Backend:
        """Make a back end that holds at most so many connections."""
        ...


def shipped() -> list[str]:
    """The names of the back ends that come with the package."""
    return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def find(name: str) -> BackendModule:
    """The module of a back end.

    Raises:
        ValueError: there is none of this name, or what has it is no back end.
        PluginError: it is a module from outside that cannot be imported.
    """
    if name in shipped():
        return cast("BackendModule", import_module(f"{__name__}.{name}"))
    found = plugins.load("backends", name)
    if found is None:
        raise ValueError(
            f"there is no backend {name[:60]!r}; there are {plugins.names('backends', shipped())}, and modules of your "
            "own, named with a dot: mypackage.mybackend"
        )
    settings = getattr(found.module, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, ModelSettings) and hasattr(found.module, "connect")):
        raise ValueError(f"{found.plugin} has no class Settings (a ModelSettings) and function connect")
    return cast("BackendModule", found.module)


def connect(settings: ModelSettings, connections: int) -> Backend:
    """The back end of a model entry, with at most so many connections; whatever one from outside raises names it.

    Raises:
        PluginError: a back end from outside raises what is no error of ours.
    """
    module = find(settings.backend)
    found = settings.plugin
    if found is None:
        return module.connect(settings, connections)
    with plugins.at_work(found):
        return _Outside(module.connect(settings, connections), found)


class _Outside:
    """A back end from outside."""

    def __init__(self, inner: Backend, plugin: plugins.Plugin) -> None:
        self._inner, self._plugin = inner, plugin

    async def complete(self, request: Request) -> Completion:
        with plugins.at_work(self._plugin):
            answered = await self._inner.complete(request)
        if not isinstance(answered, Completion):
            raise PluginError(f"{self._plugin} answered with {type(answered).__name__}, which is no Completion")
        return answered

    async def aclose(self) -> None:
        with plugins.at_work(self._plugin):
            await self._inner.aclose()
