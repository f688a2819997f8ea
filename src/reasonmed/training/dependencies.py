"""The extra ``train``: asked for in one place, and quiet."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec

from reasonmed.errors import UsageError

PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "gguf")


def need() -> None:
    """Check that the extra is installed, and switch off what calls home.

    Raises:
        UsageError: a package of the extra is missing.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(f"training needs {', '.join(missing)}: pip install 'reasonmed[train]'")
    for name in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "DISABLE_TELEMETRY"):
        os.environ[name] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    warnings.filterwarnings("ignore", module=r"(torch|transformers|trl|peft|accelerate|datasets|triton)(\..*)?")
    _hush()


def _hush() -> None:
    from datasets.utils.logging import disable_progress_bar
    from transformers.utils import logging

    disable_progress_bar()
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def processes() -> tuple[int, int]:
    """This process's rank, and how many there are, as ``accelerate launch`` says it."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def sharded() -> bool:
    """Whether ``accelerate launch`` deals out the weights among the processes (FSDP)."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"
