"""What a recipe may say of an endpoint whose server reasonmed may start itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from reasonmed.backends._endpoint import EndpointSettings
from reasonmed.backends._prices import FREE, Price
from reasonmed.backends._serve import HOST, Serve

if TYPE_CHECKING:
    from yarl import URL


class ServableSettings(EndpointSettings):
    """An endpoint at ``base_url``, or one that is started for the run."""

    serve: Serve | None = None
    """A server for the model that reasonmed starts and ends, in place of ``base_url``."""

    @model_validator(mode="after")
    def _one_endpoint(self) -> Self:
        if self.serve is None:
            return self
        if "base_url" in self.model_fields_set:
            raise ValueError("base_url and serve exclude each other: a server that is started here has its own address")
        port = f":{self.serve.port}" if self.serve.port else ""
        object.__setattr__(self, "base_url", f"http://{HOST}{port}/v1")
        return self

    @property
    def urls(self) -> list[URL]:
        """Every address that requests go to; none where they stay with a server of our own."""
        return [] if self.serve else super().urls

    @property
    def priced(self) -> Price | None:
        """The price of the tokens; a server of our own costs nothing, unless the recipe says so."""
        return FREE if self.serve and not self.price else super().priced

    @property
    def demo(self) -> bool:
        """Whether this is the embedded model."""
        return self.serve is not None and self.serve.demo(self.identity)

    def ready(self) -> None:
        """Check the environment, and that the program of the server is there."""
        super().ready()
        if self.serve is not None:
            self.serve.ready(self.identity)

    def route(self) -> str:
        """Where requests go, or what is started for them."""
        return super().route() if self.serve is None else f"starts {self.serve.shown(self.identity)}"
