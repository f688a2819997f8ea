"""What steers a model folder's answers besides the question: its chat template and its generation configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, UnsetType

from reasonmed.documents import map_of
from reasonmed.export.chat_templates import switches_thinking
from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    Asked = tuple[str, "Form"]
    """A model's name and form."""

PLAIN = "plain text"
_TOKENIZERS = ("tokenizer_config.json", "tokenizer.json", "tokenizer.model")
_APPLIED = "repetition_penalty"
"""The field of ``generation_config.json`` that both engines apply."""
_NEUTRAL: dict[str, tuple[object, ...]] = {
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


class Form(Struct, frozen=True, kw_only=True):
    """How a folder is asked; nothing is set where that is not known."""

    prompt: str | UnsetType | None = UNSET
    """A hash of its template, or plain text, None where it has no tokenizer of its own."""
    thinking: bool | UnsetType = UNSET
    """Whether the template has the switch."""
    applied: dict[str, object] | UnsetType = UNSET
    """What steers in its generation configuration, and both engines apply."""
    ignored: dict[str, object] | UnsetType = UNSET


UNKNOWN = Form()


def form_of(folder: Path) -> Form:
    """How a folder is asked."""
    template = _template(folder)
    own = any((folder / name).is_file() for name in _TOKENIZERS)
    steering = {
        name: value
        for name, value in map_of(folder / "generation_config.json").items()
        if name in _NEUTRAL and value not in _NEUTRAL[name]
    }
    return Form(
        prompt=f"template {digest(template, 6)}" if template else PLAIN if own else None,
        thinking=bool(template) and switches_thinking(template or ""),
        applied={name: value for name, value in steering.items() if name == _APPLIED},
        ignored={name: value for name, value in steering.items() if name != _APPLIED},
    )


def _template(folder: Path) -> str | None:
    try:
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        found = map_of(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(found, list):  # several, by name
        named = {one.get("name"): one.get("template") for one in found if isinstance(one, dict)}
        found = named.get("default")
    return found if isinstance(found, str) and found else None


def remarks(models: Iterable[Asked]) -> list[str]:
    """What of the models' generation configurations a reader must know, one sentence each."""
    told = []
    for name, form in models:
        if form.applied:
            told.append(f"{name}: {_fields(form.applied)} of its generation_config.json is applied.")
        if form.ignored:
            told.append(f"{name}: {_fields(form.ignored)} of its generation_config.json is not applied.")
    return told


def apart(first: Asked, second: Asked) -> list[str]:
    """In what two models are asked differently, so that a difference may be the asking's; nothing where unknown."""
    (name, one), (named, other) = first, second
    told = []
    if one.prompt and other.prompt and one.prompt != other.prompt:
        told.append(f"{_shown(name, one.prompt)}, {_shown(named, other.prompt)}")
    if one.applied is not UNSET and other.applied is not UNSET and one.applied != other.applied:
        told.append(f"{_steered(name, one.applied)}, {_steered(named, other.applied)}")
    return told


def _shown(name: str, prompt: str) -> str:
    return f"{name} is asked {'in plain text' if prompt == PLAIN else f'through a chat template ({prompt})'}"


def _steered(name: str, applied: Mapping[str, object]) -> str:
    return f"{name} has {_fields(applied) if applied else 'no repetition_penalty'}"


def _fields(found: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())
