"""What steers a model folder's answers besides the question: its chat template and its generation configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.documents import map_of
from reasonmed.export.chat_templates import switches_thinking
from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Asked = tuple[str, Mapping[str, Any] | None]
    """A model's name and form."""

PLAIN = "plain text"
_TOKENIZERS = ("tokenizer_config.json", "tokenizer.json", "tokenizer.model")
_APPLIED = "repetition_penalty"
"""The field of ``generation_config.json`` that both engines apply."""
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "repetition_penalty": (None, 1.0),
    "no_repeat_ngram_size": (None, 0),
    "num_beams": (None, 1),
    "min_length": (None, 0),
    "min_new_tokens": (None, 0),
    "suppress_tokens": (None, []),
    "begin_suppress_tokens": (None, []),
    "bad_words_ids": (None, []),
    "forced_bos_token_id": (None,),
    "forced_eos_token_id": (None,),
    "encoder_repetition_penalty": (None, 1.0),
    "exponential_decay_length_penalty": (None,),
    "sequence_bias": (None,),
    "guidance_scale": (None, 1.0),
    "penalty_alpha": (None, 0.0),
}
"""Fields that change what is written at temperature 0, with the values at which they do not."""


def form_of(folder: Path) -> dict[str, Any]:
    """How a folder is asked.

    ``prompt`` is a hash of its template, or plain text, None where it has no tokenizer of its own; ``thinking`` whether
    the template has the switch; ``applied`` and ``ignored`` are what steers in its generation configuration.
    """
    template = _template(folder)
    own = any((folder / name).is_file() for name in _TOKENIZERS)
    steering = {
        name: value
        for name, value in map_of(folder / "generation_config.json").items()
        if name in _NEUTRAL and value not in _NEUTRAL[name]
    }
    return {
        "prompt": f"template {digest(template, 6)}" if template else PLAIN if own else None,
        "thinking": bool(template) and switches_thinking(template or ""),
        "applied": {name: value for name, value in steering.items() if name == _APPLIED},
        "ignored": {name: value for name, value in steering.items() if name != _APPLIED},
    }


def _template(folder: Path) -> str | None:
    try:
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        found = map_of(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(found, list):  # several, by name
        named = {one.get("name"): one.get("template") for one in found if isinstance(one, dict)}
        found = named.get("default")
    return found if isinstance(found, str) and found else None


def remarks(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """What of the models' generation configurations a reader must know, one sentence each."""
    told = []
    for model in models:
        form = model.get("form") or {}
        if form.get("applied"):
            told.append(f"{model['name']}: {_fields(form['applied'])} of its generation_config.json is applied.")
        if form.get("ignored"):
            told.append(f"{model['name']}: {_fields(form['ignored'])} of its generation_config.json is not applied.")
    return told


def apart(first: Asked, second: Asked) -> list[str]:
    """In what two models are asked differently, so that a difference may be the asking's; nothing where unknown."""
    (name, one), (named, other) = ((model, form or {}) for model, form in (first, second))
    told = []
    prompts = one.get("prompt"), other.get("prompt")
    if None not in prompts and prompts[0] != prompts[1]:
        told.append(f"{_shown(name, prompts[0])}, {_shown(named, prompts[1])}")
    applied = one.get("applied"), other.get("applied")
    if None not in applied and applied[0] != applied[1]:
        told.append(f"{_steered(name, applied[0])}, {_steered(named, applied[1])}")
    return told


def _shown(name: str, prompt: Any) -> str:  # noqa: ANN401 - out of a file
    return f"{name} is asked {'in plain text' if prompt == PLAIN else f'through a chat template ({prompt})'}"


def _steered(name: str, applied: Any) -> str:  # noqa: ANN401 - out of a file
    return f"{name} has {_fields(applied) if applied else 'no repetition_penalty'}"


def _fields(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())
