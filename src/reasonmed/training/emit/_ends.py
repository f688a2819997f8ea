"""The token that ends replies, and control tokens of a base model: read from its tokenizer's files, without torch."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.backends._chat import steers
from reasonmed.documents import map_of
from reasonmed.export.chat_templates import rendered
from reasonmed.parsing.thinking import control_tokens
from reasonmed.training.models import find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.training.data import Message
    from reasonmed.training.settings import Training

_PROBES = ("Alpha", "Omega 7")
SCRIPT = "end_token.py"


class Tokens(NamedTuple):
    """What a tokenizer's files say."""

    template: str | None
    named: Mapping[str, str]
    """``bos_token``, ``eos_token`` and the like."""
    added: Mapping[str, int]
    controls: frozenset[str]


class End(NamedTuple):
    """The token at which replies end."""

    text: str
    number: int
    base: str | None
    """The tokenizer's own ``eos_token``."""


def tokens_of(settings: Training) -> Tokens | None:
    """The tokenizer of the base model, from its folder or the hub's cache here; None where it is in neither."""
    base = find(settings)
    folder = Path(base.place) if Path(base.place).is_dir() else _cached(base.place, base.revision)
    config = map_of(folder / "tokenizer_config.json")
    if not config:
        return None
    added = {one["content"]: (one["id"], one.get("special", False)) for one in _added(folder, config)}
    named = {name: _text(value) for name, value in config.items() if name.endswith("_token") and value}
    template = config.get("chat_template")
    file = folder / "chat_template.jinja"
    template = file.read_text(encoding="utf-8") if file.is_file() else template if isinstance(template, str) else None
    steering = frozenset(text for text, (_, special) in added.items() if steers(text, special=special))
    return Tokens(template, named, {text: number for text, (number, _) in added.items()}, steering)


def _added(folder: Path, config: dict[str, Any]) -> list[dict[str, Any]]:
    listed = [{**one, "id": int(number)} for number, one in config.get("added_tokens_decoder", {}).items()]
    return [*listed, *map_of(folder / "tokenizer.json").get("added_tokens", [])]


def _text(value: object) -> str:
    """A token, which some files write as a mapping."""
    return str(value["content"]) if isinstance(value, dict) else str(value)


def _cached(name: str, revision: str | None) -> Path:
    """Where the hub's cache has a model."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser() / "hub"
    folder = Path(os.environ.get("HF_HUB_CACHE", home)) / f"models--{name.replace('/', '--')}"
    ref = folder / "refs" / (revision or "main")
    return folder / "snapshots" / (ref.read_text(encoding="utf-8").strip() if ref.is_file() else revision or "main")


def end_of(tokens: Tokens, template: str, prompt: Sequence[Message]) -> End | None:
    """The token with which a template ends a reply to this prompt; None where there is none.

    Raises:
        UsageError: the template fails.
    """
    chats = [[*(one.chat for one in prompt), {"role": "assistant", "content": reply}] for reply in _PROBES]
    first, second = (rendered(template, chat, tokens.named)[::-1] for chat in chats)
    same = list(takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
    tail = "".join(one for one, _ in same)[::-1]
    places = {text: tail.find(text) for text in tokens.added if text and text in tail}
    if not places:
        return None
    text = min(places, key=lambda one: (places[one], -len(one)))
    return End(text, tokens.added[text], tokens.named.get("eos_token"))


def controls_in(tokens: Tokens | None, messages: Sequence[Message]) -> list[str]:
    """Control tokens in texts: those of the tokenizer, or whatever looks like one where it is not known."""
    texts = [text for message in messages for text in message.texts]
    if tokens is None:
        return [found for text in texts for found in control_tokens(text)]
    return [token for token in sorted(tokens.controls) if any(token in text for text in texts)]


def script(end: End) -> str:
    """A program that names the token as an end of the trained model, for stacks that have no setting for it."""
    return f'''"""Name the token that ends replies as an end of the trained model: engines stop where its files say."""
import json
from pathlib import Path

TEXT, NUMBER = {end.text!r}, {end.number}
for path in sorted(Path("model").rglob("*.json")):
    if path.name in ("config.json", "generation_config.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        ends = found.get("eos_token_id")
        ends = [] if ends is None else ends if isinstance(ends, list) else [ends]
        ends = ends if NUMBER in ends else [NUMBER, *ends]
        found["eos_token_id"] = ends if len(ends) > 1 else NUMBER
    elif path.name == "tokenizer_config.json":
        found = json.loads(path.read_text(encoding="utf-8"))
        found["eos_token"] = TEXT
    else:
        continue
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\\n", encoding="utf-8")
    print(f"{{path}} ends at {{TEXT}}")
'''
