"""A process reward model: how likely each step of a chain of thought is ok, by a model folder in this process.

It writes nothing. A request ends with the chain as the assistant's message and says in ``extra_body`` where its steps
end; the reply is a JSON list of probabilities. Chains go through the model one by one, without padding, so that a
probability does not depend on what else is asked at the same time.
"""

from __future__ import annotations

import gc
import json
import os
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from reasonmed.backends._folder import FolderSettings
from reasonmed.backends._step_tokens import LABELS, stepped
from reasonmed.backends._tokens import UNBOUNDED, prompt_of, too_long
from reasonmed.backends.transformers import InProcess
from reasonmed.documents import map_of
from reasonmed.errors import ReasonMedError, RequestRejected
from reasonmed.exchange import Completion, Request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from reasonmed.backends import ModelSettings
    from reasonmed.backends._chat import Tokenizer

STEPS = "steps"
"""In the request's ``extra_body``: the offset behind the last character of each step."""
_DIGITS = 6
_BATCH = 16
_KIND = "ForTokenClassification"
_PACKAGES = ("torch", "transformers")


class Settings(FolderSettings):
    """The folder of a process reward model, as `reasonmed train` with ``method: prm`` saves it."""

    device: str | None = None
    """``cuda``, ``mps`` or ``cpu``; the best that is there by default."""

    def ready(self) -> None:
        """Check that the folder's model labels steps, and that what runs it is installed.

        Raises:
            ReasonMedError: it is another kind of model, or a package is missing.
        """
        _check(self.path)


def _check(folder: Path) -> None:
    config = map_of(folder / "config.json")
    kinds, labels = config.get("architectures"), config.get("id2label")
    kind = str(kinds[0]) if isinstance(kinds, list) and kinds else "no architecture"
    if not kind.endswith(_KIND) or labels != {str(number): name for number, name in enumerate(LABELS)}:
        raise ReasonMedError(
            f"{folder} is no model that labels steps {' or '.join(LABELS)}: its config.json has {kind} with "
            f"{_labels(labels)}. Name a folder that `reasonmed train` with method: prm has made"
        )
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ReasonMedError(f"a scorer of steps needs {', '.join(missing)}: pip install 'reasonmed[train]'")


def _labels(found: object) -> str:
    return (
        f"the labels {', '.join(map(str, found.values()))[:80]}" if isinstance(found, dict) and found else "no labels"
    )


class Labeler(Protocol):
    """A model of transformers that labels tokens; its classes have no types of their own."""

    device: object
    config: _Config

    def __call__(self, *, input_ids: torch.Tensor) -> _Labeled:
        """Label the tokens of rows."""
        ...


class _Config(Protocol):
    max_position_embeddings: int


class _Labeled(Protocol):
    logits: torch.Tensor


class Scorer:
    """The model with its tokenizer, on a device."""

    def __init__(self, model: Labeler, tokenizer: Tokenizer) -> None:
        self._model, self._tokenizer = model, tokenizer

    def score(self, ids: Sequence[int], ends: Sequence[int]) -> list[float]:
        """How likely each step is ok, read at its last token."""
        import torch

        with torch.inference_mode():
            logits = self._model(input_ids=torch.tensor([list(ids)], device=self._model.device)).logits
        found = logits[0, list(ends)].float().softmax(-1)[:, LABELS.index("ok")]
        return [round(float(one), _DIGITS) for one in found]

    def answer(self, requests: Sequence[Request]) -> list[Completion | Exception]:
        """Answer requests, each by itself."""
        return [self._answered(request) for request in requests]

    def _answered(self, request: Request) -> Completion | Exception:
        cuts = (request.extra_body or {}).get(STEPS)
        if not cuts or request.messages[-1].role != "assistant":
            said = "backend prm labels steps and writes nothing; name its folder in stages.rank.scorer"
            return RequestRejected(said, "bad_request")
        text, before = request.messages[-1].content, request.messages[:-1]
        asked = Request(model=request.model, messages=before)
        steps = [text[start:end] for start, end in pairwise([0, *cuts])]
        ids, ends = stepped(self._tokenizer, prompt_of(self._tokenizer, asked), steps)
        context = getattr(self._model.config, "max_position_embeddings", None) or UNBOUNDED
        if len(ids) > context:
            return too_long(len(ids), context)
        return Completion(json.dumps(self.score(ids, ends)), prompt_tokens=len(ids), completion_tokens=0)

    def release(self) -> None:
        """Give the memory back, also that which torch keeps on a GPU for later."""
        import torch

        del self._model
        gc.collect()
        torch.cuda.empty_cache()


def load(folder: Path, device: str | None = None, dtype: str = "auto") -> Scorer:
    """A scorer from its folder; nothing is fetched, and no code of the folder is run.

    Raises:
        ReasonMedError: a package is missing, or transformers cannot load it.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    _check(folder)
    import torch
    import transformers

    place = device or ("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
    transformers.utils.logging.disable_progress_bar()
    told = {"local_files_only": True, "trust_remote_code": False}
    precision = "float32" if dtype == "auto" and place == "cpu" else dtype
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **told)
        model = transformers.AutoModelForTokenClassification.from_pretrained(
            folder, dtype=precision, use_safetensors=True, **told
        )
    except (OSError, ValueError, KeyError, RuntimeError) as refused:
        raise ReasonMedError(f"transformers cannot load {folder}: {' '.join(str(refused).split())[:400]}") from refused
    tokenizer.model_max_length = UNBOUNDED
    return Scorer(model.to(place).eval(), tokenizer)


def connect(settings: ModelSettings, connections: int) -> InProcess:  # noqa: ARG001 - the shape of every back end
    """A back end on the folder that the settings name."""
    if not isinstance(settings, Settings):
        raise ReasonMedError(f"backend prm got the settings of backend {settings.backend}")
    return InProcess(lambda: load(settings.path, settings.device, settings.dtype), _BATCH)
