"""The models that are evaluated: of a recipe, behind an endpoint, embedded, a GGUF file, or a model folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from reasonmed import backends
from reasonmed.backends import ModelLimits, ModelSettings
from reasonmed.backends import _weights as weights
from reasonmed.backends._folder import ADAPTER, FolderSettings
from reasonmed.backends.local import Settings as LocalSettings
from reasonmed.errors import UsageError
from reasonmed.evaluation.forms import UNKNOWN, Form, form_of
from reasonmed.recipe.reading import explain
from reasonmed.training import lineage
from reasonmed.training.checkpoints import step_of, whole
from reasonmed.training.folder import CHECKPOINTS
from reasonmed.training.moments import moment_of

if TYPE_CHECKING:
    from reasonmed.evaluation.settings import Settings
    from reasonmed.recipe.options import Recipe
    from reasonmed.training.moments import Moment

EMBEDDED = "embedded"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model, the name that tables give it, and what its training is known to have seen."""

    name: str
    entry: ModelSettings
    stems: frozenset[str] | None = None
    """Hashes of the stems that its trainings saw, from its folder's ``run.json``; None where nothing is known."""
    whole: bool = True
    """Whether they are all that its trainings saw."""
    base: str | None = None
    """The model it was trained from, from the same file."""
    weights: frozenset[str] = frozenset()
    """Hashes of its weights; empty where they are not at hand."""
    base_weights: frozenset[str] = frozenset()
    """Those of the model it was trained from, from ``run.json``."""
    demo: bool = False
    """Whether it is the demo model, or was trained from it."""
    form: Form = UNKNOWN
    """How its folder is asked; see ``forms``."""
    moment: Moment | None = None
    """Where in its training it is; None where no record says that."""
    folder: Path | None = None


def candidate(name: str, recipe: Recipe | None = None, flag: str = "-m") -> Candidate:
    """A model by its name in a recipe, as ``embedded``, or by the path of a model folder or GGUF file.

    ``NAME=PATH`` says what tables call a folder or file, so that two of one name are told apart. ``flag`` is the option
    that named it.

    Raises:
        UsageError: there is no such model.
    """
    if recipe is not None and name in recipe.models:
        return _of_entry(name, recipe.model(name))
    if name in (EMBEDDED, weights.EMBEDDED):
        return _of_entry(EMBEDDED, _settings("local", {}))
    label, path = _labeled(name)
    if path.is_dir():
        return of_folder(path, label)
    if path.is_file() and path.suffix == ".gguf":
        return _of_entry(label or path.stem, _settings("local", {"model": str(path)}))
    known = ", ".join(recipe.models) if recipe else "give -r recipe.yaml to name its models"
    raise UsageError(
        f"{flag} {name}: there is no such model. It may be {EMBEDDED}, a model folder, a .gguf file (either also as "
        f"NAME=PATH) or a model of the recipe ({known}); for one behind an endpoint: --endpoint URL --model NAME"
    )


def _labeled(given: str) -> tuple[str | None, Path]:
    """The name that is given to a path, if there is one."""
    label, equals, rest = given.partition("=")
    if Path(given).expanduser().exists() or not (equals and label and rest):
        return None, Path(given).expanduser()
    return label, Path(rest).expanduser()


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
    import torch

    return bool(torch.cuda.is_available()) and not torch.cuda.is_initialized()


def _in_folder(path: Path, name: str | None, entry: ModelSettings) -> Candidate:
    found = _known(path, name or path.resolve().name, entry)
    return replace(found, form=form_of(path), moment=moment_of(path), folder=path)


def _known(path: Path, name: str, entry: ModelSettings) -> Candidate:
    """A model whose weights are at hand, with what is recorded of its trainings."""
    trained, own = lineage.lineage(path), lineage.weights_of(path)
    return Candidate(
        name=name,
        entry=_bounded(entry),
        stems=trained.stems,
        whole=trained.whole,
        base=trained.base,
        weights=own,
        base_weights=trained.base_weights,
        demo=entry.demo or trained.demo or lineage.is_demo(own),
    )


def _of_entry(name: str, entry: ModelSettings) -> Candidate:
    if isinstance(entry, FolderSettings):
        return _in_folder(entry.path, name, entry)
    if isinstance(entry, LocalSettings) and not entry.demo:
        return _known(entry.path, name, entry)
    return Candidate(
        name=name, entry=_bounded(entry), weights=lineage.DEMO if entry.demo else frozenset(), demo=entry.demo
    )


def _settings(backend: str, fields: dict[str, str | None]) -> ModelSettings:
    try:
        entry = backends.find(backend).Settings.model_validate({"backend": backend, **fields})
        _ = entry.identity
    except ValidationError as wrong:
        raise UsageError(next(explain(wrong, backends.find(backend).Settings, "model"))) from None
    return entry


def _bounded(entry: ModelSettings) -> ModelSettings:
    """A model in this process takes no more at once than it works on, so that nothing waits inside it."""
    at_once = getattr(entry, "parallel", None) or 2 * getattr(entry, "batch", 0)
    if not at_once or entry.limits.in_flight is not None:
        return entry
    return entry.model_copy(update={"limits": ModelLimits(in_flight=at_once)})


def as_asked(name: str, entry: ModelSettings, settings: Settings) -> ModelSettings:
    """The entry with thinking turned on or off and its effort set, where the settings say so.

    Raises:
        UsageError: the model's back end has no such effort.
    """
    if settings.thinking is None and settings.effort is None:
        return entry
    body = dict(entry.extra_body or {})
    if settings.thinking is not None:
        template = {**body.get("chat_template_kwargs", {}), "enable_thinking": settings.thinking}
        body["chat_template_kwargs"] = template
    if settings.effort is not None:
        wanted = entry.thinking_effort(settings.effort)
        if wanted is None:
            raise UsageError(
                f"--effort {settings.effort}: {name} is run by backend {entry.backend}, which has no such setting; it "
                "is for models behind an API. Leave --effort out, or evaluate this model by itself"
            )
        for field_, value in wanted.items():
            body[field_] = {**body.get(field_, {}), **value} if isinstance(value, dict) else value
    return entry.model_copy(update={"extra_body": body})
