"""What is used of vLLM's engine, whose package is an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence


class Score(Protocol):
    """How likely a token is."""

    @property
    def logprob(self) -> float: ...


class Reply(Protocol):
    """One reply to a prompt."""

    @property
    def text(self) -> str: ...

    @property
    def token_ids(self) -> Sequence[int]: ...

    @property
    def finish_reason(self) -> str | None: ...


class Replies(Protocol):
    """What the engine has for a prompt."""

    @property
    def outputs(self) -> Sequence[Reply]: ...

    @property
    def num_cached_tokens(self) -> int | None: ...

    @property
    def prompt_logprobs(self) -> Sequence[Mapping[int, Score]]: ...


class Parameters(Protocol):
    """How a reply is drawn."""

    @property
    def detokenize(self) -> bool: ...


class ModelConfig(Protocol):
    """What the engine knows of its model."""

    @property
    def max_model_len(self) -> int: ...

    def get_diff_sampling_param(self) -> Mapping[str, float]:
        """The sampling parameters of the model's folder that are not vLLM's own."""
        ...


class Engine(Protocol):
    """An engine that is up."""

    @property
    def model_config(self) -> ModelConfig: ...

    def generate(self, prompt: object, parameters: Parameters, request_id: str, /) -> AsyncIterator[Replies]:
        """What comes of a prompt, the whole of it last."""
        ...

    def shutdown(self, *, timeout: float) -> None:
        """End the processes."""
        ...


class Typed(Protocol):
    """A model's configuration."""

    @property
    def dtype(self) -> object: ...
