"""What tokens cost: a dated table that ships with the package, overridden by the recipe. Unknown is said, never 0."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from reasonmed.exchange import Completion, Request

_TABLE = Path(__file__).with_name("prices.yaml")
_MILLION = 1_000_000
_BYTES_A_TOKEN = 3
"""Few bytes a token: a worst case must not be too low."""
_PER_MESSAGE = 16
"""Tokens that a chat template adds to a message, at most."""


class Price(BaseModel):
    """USD per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(None, ge=0)
    """Input that the provider's cache had; the price of input where it is not given."""
    cache_write: float | None = Field(None, ge=0)
    """Input that goes into the provider's cache; the price of input where it is not given."""
    batch: float | None = Field(None, gt=0, le=1)
    """The share of these prices that a request in a batch job costs; the provider's where it is not given, else 1."""

    def of(self, completion: Completion) -> float | None:
        """What a reply cost, in USD; None where the endpoint counted no tokens.

        ``completion_tokens`` has the reasoning tokens in it; back ends see to that.
        """
        if completion.prompt_tokens is None or completion.completion_tokens is None:
            return None
        cached = min(completion.cached_tokens or 0, completion.prompt_tokens)
        written = min(completion.cache_write_tokens or 0, completion.prompt_tokens - cached)
        cheaper = self.input if self.cached_input is None else self.cached_input
        fresh = completion.prompt_tokens - cached - written
        total = (
            fresh * self.input + cached * cheaper + written * self._write + completion.completion_tokens * self.output
        )
        return total / _MILLION

    def worst(self, request: Request) -> float:
        """The most that one try of a request can cost, in USD: no cache, a reply of ``max_tokens``."""
        size = sum(len(message.content.encode()) // _BYTES_A_TOKEN + _PER_MESSAGE for message in request.messages)
        return (size * max(self.input, self._write) + request.sampling.max_tokens * self.output) / _MILLION

    def share_in_batch(self, host: str) -> float:
        """The share of these prices that a request in a batch job costs at a host."""
        return self.batch or _table().batch.get(_domain(host), 1.0)

    def times(self, share: float) -> Price:
        """A share of these prices."""
        prices = self.model_dump(exclude_none=True, exclude={"batch"})
        return Price(**{name: value * share for name, value in prices.items()})

    @property
    def _write(self) -> float:
        return self.input if self.cache_write is None else self.cache_write


FREE = Price(input=0.0, output=0.0)


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    """The shipped prices."""

    date: date
    batch: dict[str, float]
    """Shares of the price in batch jobs, by host or domain."""
    models: dict[str, dict[str, float]]


@cache
def _table() -> _Table:
    return msgspec.convert(yaml.safe_load(_TABLE.read_text(encoding="utf-8")), _Table)


def _domain(host: str) -> str:
    """The entry of a host in the table of shares: its own, or that of a domain that it is in."""
    return next((name for name in _table().batch if host == name or host.endswith(f".{name}")), host)


def table_date() -> str:
    """The day on which the shipped prices were taken down."""
    return str(_table().date)


def known(model: str) -> Price | None:
    """The shipped price of a model, by its provider's name for it."""
    found = _table().models.get(model)
    return None if found is None else Price(**found)
