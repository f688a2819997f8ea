"""The models that are evaluated: of a recipe, behind an endpoint, embedded, a GGUF file, or a model folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from reasonmed import backends
from reasonmed.backends import ModelLimits, ModelSettings
from reasonmed.backends import _weights as weights
from reasonmed.backends._folder import ADAPTER, FolderSettings
from reasonmed.errors import UsageError
from reasonmed.training.checkpoints import step_of, whole
from reasonmed.training.folder import CHECKPOINTS, ORIGIN, RUN, STARTED

if TYPE_CHECKING:
    from reasonmed.evaluation.settings import Settings
    from reasonmed.recipe.options import Recipe

EMBEDDED = "embedded"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model, the name that tables give it, and what its training is known to have seen."""

    name: str
    entry: ModelSettings
    stems: frozenset[str] | None = None
    """Hashes of the stems it was trained on, from its folder's ``run.json``; None where nothing is known."""
    base: str | None = None
    """The model it was trained from, from the same file."""
    folder: Path | None = None


def candidate(name: str, recipe: Recipe | None = None) -> Candidate:
    """A model by its name in a recipe, as ``embedded``, or by the path of a model folder or GGUF file.

    Raises:
        UsageError: there is no such model.
    """
    if recipe is not None and name in recipe.models:
        return _of_entry(name, recipe.model(name))
    if name in (EMBEDDED, weights.EMBEDDED):
        return _of_entry(EMBEDDED, _settings("local", {}))
    path = Path(name).expanduser()
    if path.is_dir():
        return of_folder(path)
    if path.is_file() and path.suffix == ".gguf":
        return _of_entry(path.stem, _settings("local", {"model": str(path)}))
    known = ", ".join(recipe.models) if recipe else "give -r recipe.yaml to name its models"
    raise UsageError(
        f"-m {name}: there is no such model. It may be {EMBEDDED}, a model folder, a .gguf file or a model of the "
        f"recipe ({known}); for one behind an endpoint: --endpoint URL --model NAME"
    )


def candidates(name: str, recipe: Recipe | None = None) -> list[Candidate]:
    """The models of one ``-m``: one, or every whole checkpoint where it names the ``checkpoints`` folder of a training.

    Raises:
        UsageError: there is no such model, or no whole checkpoint.
    """
    path = Path(name).expanduser()
    if path.name != CHECKPOINTS or not path.is_dir() or (recipe is not None and name in recipe.models):
        return [candidate(name, recipe)]
    found = whole(path)
    if not found:
        raise UsageError(f"-m {name}: holds no whole checkpoint")
    return [of_folder(one, f"{path.resolve().parent.name}@{step_of(one)}") for one in found]


def of_endpoint(url: str, model: str, key_variable: str | None = None) -> Candidate:
    """A model behind an OpenAI-compatible base URL."""
    return _of_entry(model, _settings("openai", {"base_url": url, "model": model, "api_key_env": key_variable}))


def of_folder(path: Path, name: str | None = None, engine: str | None = None) -> Candidate:
    """A model folder, run in this process, with what its ``run.json`` says of its training.

    Args:
        path: the folder.
        name: what tables call it; the folder's name by default.
        engine: the back end; ``vllm`` where it can run, else ``transformers``, by default.

    Raises:
        UsageError: it is no model folder, or its ``run.json`` is torn.
    """
    return _in_folder(path, name, _settings(engine or _engine(path), {"model": str(path)}))


def _engine(path: Path) -> str:
    """The back end for a folder that no recipe names one for: ``vllm`` where it can run, else ``transformers``."""
    return "vllm" if find_spec("vllm") and not (path / ADAPTER).is_file() and _free_gpu() else "transformers"


def _free_gpu() -> bool:
    """Whether there is a CUDA GPU that this process does not hold memory of: vLLM takes most of it."""
    import torch  # noqa: PLC0415 - heavy, and there where vLLM is

    return bool(torch.cuda.is_available()) and not torch.cuda.is_initialized()


def _in_folder(path: Path, name: str | None, entry: ModelSettings) -> Candidate:
    trained = _trained(path)
    stems = trained.get("stems")
    if stems is not None and not (isinstance(stems, list) and all(isinstance(one, str) for one in stems)):
        raise UsageError(f"{path / 'run.json'}: stems must be a list of hashes")
    base = trained.get("base_model")
    base = base.get("name") if isinstance(base, dict) else base
    return Candidate(
        name=name or path.resolve().name,
        entry=_bounded(entry),
        stems=None if stems is None else frozenset(stems),
        base=base if isinstance(base, str) else None,
        folder=path,
    )


def _trained(path: Path) -> dict[str, Any]:
    """What a model folder says of its training; a checkpoint's is in the folder of its run."""
    if path.resolve().parent.name == CHECKPOINTS:
        run = path.resolve().parent.parent
        return _record(run / RUN) or _record(run / STARTED).get(ORIGIN, {})
    return _record(path / RUN)


def _record(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as torn:
        raise UsageError(f"{file} cannot be read: {torn}; move it away to evaluate without it") from torn
    return found if isinstance(found, dict) else {}


def _of_entry(name: str, entry: ModelSettings) -> Candidate:
    if isinstance(entry, FolderSettings):
        return _in_folder(entry.path, name, entry)
    return Candidate(name=name, entry=_bounded(entry))


def _settings(backend: str, fields: dict[str, Any]) -> ModelSettings:
    try:
        entry = backends.find(backend).Settings.model_validate({"backend": backend, **fields})
        _ = entry.identity
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        raise UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}, not {first['input']!r}") from wrong
    return entry


def _bounded(entry: ModelSettings) -> ModelSettings:
    """A model in this process takes no more at once than it works on, so that nothing waits inside it."""
    at_once = getattr(entry, "parallel", None) or 2 * getattr(entry, "batch", 0)
    if not at_once or entry.limits.in_flight is not None:
        return entry
    return entry.model_copy(update={"limits": ModelLimits(in_flight=at_once)})


def with_thinking(entry: ModelSettings, settings: Settings) -> ModelSettings:
    """The entry with thinking turned on or off, where the settings say so."""
    if settings.thinking is None:
        return entry
    body = dict(entry.extra_body or {})
    template = {**body.get("chat_template_kwargs", {}), "enable_thinking": settings.thinking}
    return entry.model_copy(update={"extra_body": {**body, "chat_template_kwargs": template}})
