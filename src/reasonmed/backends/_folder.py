"""Model folders: what a recipe may say of one, whichever engine of this process runs it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import Field

from reasonmed.backends import ModelSettings
from reasonmed.backends import _weights as weights
from reasonmed.backends._prices import FREE, Price
from reasonmed.errors import ReasonMedError
from reasonmed.types import digest

ADAPTER = "adapter_config.json"
_CONFIGS = ("config.json", ADAPTER)
_WEIGHTS = ("*.safetensors", "*.bin")
_PARTS = (*_WEIGHTS, "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt")
_NOT_THE_MODEL = {"run.json", "trainer_state.json", "training_args.bin", "eval_results.json", "train_results.json"}


class FolderSettings(ModelSettings):
    """A model folder as transformers saves it."""

    loads = True

    model: str = Field(min_length=1)
    """The path of the folder."""
    dtype: str = Field("auto", pattern=r"^(auto|float32|float16|bfloat16)$")
    """Precision of the weights; that of the file on an accelerator and float32 on a CPU by default."""

    @cached_property
    def path(self) -> Path:
        """The folder."""
        path = Path(self.model).expanduser()
        if not path.is_dir():
            raise ReasonMedError(f"{self.model} is no model folder: there is no such folder")
        if not any((path / name).is_file() for name in _CONFIGS):
            raise ReasonMedError(f"{self.model} is no model folder: it has no {' or '.join(_CONFIGS)}")
        if not any(any(path.glob(part)) for part in _WEIGHTS):
            raise ReasonMedError(f"{self.model} has no weights (*.safetensors or *.bin)")
        return path

    @cached_property
    def identity(self) -> str:
        """The folder's name and a hash of its files: the weights are the model, wherever they lie and run."""
        files = sorted({file for part in _PARTS for file in self.path.glob(part)} - self._others)
        told = [(file.name, weights.remembered_sha256(file)) for file in files]
        return f"{self.path.resolve().name} files:{digest((told, self.dtype, *self._changes), 6)}"

    @property
    def _others(self) -> set[Path]:
        return {self.path / name for name in _NOT_THE_MODEL}

    @property
    def _changes(self) -> tuple[object, ...]:
        """What else of the settings makes it another model; nothing by default."""
        return ()

    @property
    def scores(self) -> bool:
        """An engine in this process sees every probability."""
        return True

    @property
    def priced(self) -> Price | None:
        """Nothing to pay, unless the recipe says so."""
        return self.price or FREE
