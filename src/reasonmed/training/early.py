"""What would end a run later, found before it starts: missing packages, weights that are not whole, unknown targets."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from reasonmed.training.models import Base
    from reasonmed.training.settings import Lora, Training
    from reasonmed.training.shapes import Network

TRACKERS = {
    "tensorboard": (("tensorboard", "tensorboardX"),),
    "wandb": (("wandb",),),
    "mlflow": (("mlflow",), ("sqlalchemy",), ("alembic",)),
}
"""Packages that a tracker of ``report_to`` needs, one of each group; mlflow-skinny has no database to write into."""
_OPTIMIZERS = {
    "bitsandbytes": ("bnb", "paged", "lion", "ademamix", "rmsprop_", "adamw_8bit"),
    "galore_torch": ("galore",),
    "apollo_torch": ("apollo",),
    "lomo_optim": ("lomo",),
    "schedulefree": ("schedule_free",),
    "grokadamw": ("grokadamw",),
    "torchao": ("adamw_torch_4bit", "adamw_torch_8bit"),
    "optimi": ("stable_adamw",),
}
"""Packages of optimizers that ``trl_args: {optim: NAME}`` may name, by parts of the names."""
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_HEADER = 8
"""Bytes at the start of a safetensors file that hold its header's length."""


def check_packages(settings: Training) -> None:
    """Check that what the training file names besides is installed.

    Raises:
        UsageError: a package is missing.
    """
    from transformers.integrations import get_reporting_integration_callbacks

    tracker = settings.report_to
    try:
        get_reporting_integration_callbacks(tracker)
    except ValueError as unknown:
        raise UsageError(f"report_to: {unknown}") from unknown
    for packages in TRACKERS.get(tracker, ()):
        if not any(map(find_spec, packages)):
            raise UsageError(
                f"report_to: {tracker} needs the package {packages[0]}: pip install {tracker}, or say none"
            )
    optimizer = str(settings.trl_args.get("optim", ""))
    for package, parts in _OPTIMIZERS.items():
        if any(part in optimizer for part in parts) and not find_spec(package):
            raise UsageError(
                f"trl_args.optim: {optimizer} needs the package {package}, which is not installed; without `optim` the "
                "optimizer is PyTorch's fused AdamW"
            )


def check_weights(base: Base) -> None:
    """Check that a model's folder has weights, and all of them.

    Raises:
        UsageError: there are none, a file of several is missing, or one is cut.
    """
    folder = Path(base.place)
    if base.gguf or not folder.is_dir():
        return
    files = sorted({path for kind in _WEIGHTS for path in folder.glob(kind)})
    if not files:
        raise UsageError(f"base_model {base.name}: the folder has no weights (*.safetensors or pytorch_model.bin)")
    for index in folder.glob("*.index.json"):
        try:
            wanted = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as torn:
            raise UsageError(f"base_model {base.name}: {index.name} cannot be read: {torn}") from torn
        missing = sorted(name for name in wanted if not (folder / str(name)).is_file())
        if missing:
            raise UsageError(f"base_model {base.name}: {index.name} names {missing[0]}, which is not in the folder")
    for path in files:
        if path.suffix == ".safetensors" and (problem := _cut(path)):
            raise UsageError(f"base_model {base.name}: {path.name} is not whole: {problem}; copy it again")


def _cut(path: Path) -> str | None:
    """What is wrong with a safetensors file's length."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = int.from_bytes(file.read(_HEADER), "little")
        if size < _HEADER or head > size - _HEADER:
            return f"it has {size:,} bytes, fewer than its header says"
        try:
            tensors = json.loads(file.read(head))
            wanted = max((one["data_offsets"][1] for name, one in tensors.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, AttributeError) as torn:
            return f"its header cannot be read: {torn}"
    whole = _HEADER + head + int(wanted)
    return None if size == whole else f"it has {size:,} of {whole:,} bytes"


def check_targets(lora: Lora | None, model: Network) -> None:
    """Check that adapters find the layers that the training file names.

    Args:
        lora: the adapters.
        model: the model without weights.

    Raises:
        UsageError: it has no such layers.
    """
    if lora is None:
        return
    names = [name for name, _ in model.named_modules()]
    own = sorted({name.rpartition(".")[2] for name, part in model.named_modules() if type(part).__name__ == "Linear"})
    if not isinstance(lora.target_modules, str):
        unknown = [one for one in lora.target_modules if not any(f".{name}".endswith(f".{one}") for name in names)]
        if unknown:
            raise UsageError(
                f"lora.target_modules: the model has no layer {', '.join(unknown)}; it has {', '.join(own)}, or say "
                "all-linear"
            )
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    try:
        with torch.device("meta"):
            inject_adapter_in_model(LoraConfig(r=lora.r, target_modules=targets, task_type="CAUSAL_LM"), model)
    except ValueError as refused:
        raise UsageError(
            f"lora.target_modules: {refused}. The model has {', '.join(own)}, or say all-linear"
        ) from refused
