"""What a model is trained by: one file a method, chosen by the training file's ``method``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from reasonmed.training.methods import dpo, grpo, prm, sft

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reasonmed.training.batches import Plan
    from reasonmed.training.data import Data
    from reasonmed.training.memory import Choice, Device
    from reasonmed.training.models import Head
    from reasonmed.training.settings import Training
    from reasonmed.training.shapes import Configuration, Network, Tell, Tokenizer
    from reasonmed.training.tokens import Tokens
    from reasonmed.training.trainer import Fitting, Ready


class Model(NamedTuple):
    """What is known of a base model without its weights."""

    config: Configuration
    parameters: int


class Method(Protocol):
    """What a module of this package has."""

    ROWS: str
    """What rows are, in words."""
    WATCHED: Mapping[str, str]
    """Names of TRL's logs that tell how it goes, besides the loss, with the words for them; the main one first."""

    HEAD: Head
    """What the model ends in."""

    def read(self, data: Path, settings: Training) -> Data[Any]:
        """The rows."""

    def tokenize(self, rows: Any, tokenizer: Tokenizer, limit: int, settings: Training) -> Tokens[Any]:  # noqa: ANN401
        """Rows as tokens; checks on the way that the chat template keeps what is learned."""

    def lay(
        self, settings: Training, model: Model, kept: tuple[list[Any], list[Any]], machine: Device
    ) -> tuple[Choice, Plan]:
        """How the work is laid out, for training and validation rows."""

    def configure(self, ready: Ready, folder: Path) -> object:
        """TRL's configuration; checkpoints go to ``folder``."""

    def make(self, model: Network, ready: Ready, folder: Path, tell: Tell) -> Fitting:
        """A trainer; checkpoints go to ``folder``."""

    def sample(self, tokens: Tokens[Any], rows: Any, tokenizer: Tokenizer) -> list[tuple[str, str]]:  # noqa: ANN401
        """The first row as the model sees it: titles and texts."""

    def shortest(self, tokens: Tokens[Any]) -> tuple[int, list[int], int]:
        """A row to try the trained model on: its place, its prompt, and tokens of its reply, 0 where it has none."""


METHODS: dict[str, Method] = {"sft": sft, "dpo": dpo, "grpo": grpo, "prm": prm}
