"""Guard against chat templates that lose what a model is to learn.

Templates are rendered as transformers does it: Jinja's immutable sandbox with ``trim_blocks`` and ``lstrip_blocks``,
``raise_exception``, ``strftime_now``, loop controls and the ``{% generation %}`` tag. Three short ones are shipped, to
try data on without a tokenizer: ``chatml``, ``qwen3`` and ``deepseek-r1-distill``, which deletes the reasoning.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from jinja2 import TemplateError, Undefined, nodes
from jinja2.ext import Extension, loopcontrols

from reasonmed.documents import Refused, json_value, reason, small_text
from reasonmed.errors import UsageError
from reasonmed.parsing.thinking import split_thinking
from reasonmed.recipe.sandbox import FAULTS, Sandbox, described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jinja2.parser import Parser

    Messages = Sequence[Mapping[str, object]]
    Fill = Callable[[Mapping[str, object]], str]

_FOLDER = Path(__file__).parent
_DATE = "2026-01-01"
_SHOWN = 60


def names() -> list[str]:
    """The names of the shipped templates."""
    return sorted(path.stem for path in _FOLDER.glob("*.jinja"))


def load(name: str) -> str:
    """The text of a shipped template, or of a file: plain Jinja, or a ``tokenizer_config.json`` with a template in it.

    Raises:
        UsageError: there is neither, or the file has no template.
    """
    if name in names():
        return (_FOLDER / f"{name}.jinja").read_text(encoding="utf-8")
    try:
        text = small_text(Path(name))
    except (OSError, UnicodeDecodeError) as missing:
        raise UsageError(
            f"--template {name}: is no file that can be read, and none of {', '.join(names())} ({reason(missing)})"
        ) from missing
    return _from_tokenizer(name, text) if name.endswith(".json") else text


def _from_tokenizer(name: str, text: str) -> str:
    try:
        told: Any = json_value(text)
        found = told["chat_template"]
    except (Refused, KeyError, TypeError) as none:
        raise UsageError(f"--template {name}: has no chat_template") from none
    if not isinstance(found, str):
        raise UsageError(f"--template {name}: has several templates; write the one that is meant to a file of its own")
    return found


def guard(
    template: str, rows: Iterable[Mapping[str, object]], *, bos_token: str = "", eos_token: str = ""
) -> list[str]:
    """What a chat template does to rows that would spoil training on them; nothing where all is well.

    A row is fine when the prompt's rendering (with the generation prompt) is the beginning of the whole conversation's,
    and reasoning and text of the completion both stand behind it, up to white space: loss is on what stands there.

    Args:
        template: the template's text.
        rows: rows with ``prompt`` and ``completion``, lists of messages; reasoning between think tags in the content,
            or in ``reasoning_content`` or ``thinking``.
        bos_token: what the template finds under this name.
        eos_token: the same.

    Returns:
        One sentence for each kind of problem, with the number of rows and the first one.
    """
    try:
        fill = _filler(template)
    except FAULTS as broken:
        return [f"the template cannot be read: {described(broken)}"]
    tokens = {"bos_token": bos_token, "eos_token": eos_token}
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    total = 0
    for total, row in enumerate(rows, 1):
        for problem in _problems(fill, row, tokens):
            counts[problem] += 1
            first.setdefault(problem, str(row.get("id", f"row {total}")))
    return [f"{problem} ({count} of {total} rows, first {first[problem]})" for problem, count in counts.items()]


def switches_thinking(template: str) -> bool:
    """Whether what a template renders for one question changes with ``enable_thinking``."""
    question = [{"role": "user", "content": "x"}]
    try:
        fill = _filler(template)
        on, off = (
            _render(fill, question, {"bos_token": "", "eos_token": "", "enable_thinking": value}, ask=True)
            for value in (True, False)
        )
    except Exception:  # noqa: BLE001 - a stranger's template may raise anything; its text is what is left to go by
        return "enable_thinking" in template
    return on != off


def rendered(template: str, messages: Messages, tokens: Mapping[str, str]) -> str:
    """A whole conversation by a chat template.

    Args:
        template: the template's text.
        messages: the conversation.
        tokens: what the template finds as ``bos_token`` and the like.

    Raises:
        UsageError: the template fails.
    """
    try:
        return _render(_filler(template), messages, tokens, ask=False)
    except Exception as refused:
        said = described(refused)
        raise UsageError(f"the chat template fails: {said}. Name another one with `template:`") from refused


def _filler(template: str) -> Fill:
    environment = _environment()
    return partial(environment.fill, environment.from_string(template))


def _problems(fill: Fill, row: Mapping[str, object], tokens: Mapping[str, str]) -> Iterator[str]:
    try:
        asked, said = (cast("Messages", row[name]) for name in ("prompt", "completion"))
        prompt = _render(fill, asked, tokens, ask=True)
        whole = _render(fill, [*asked, *said], tokens, ask=False)
    except Exception as refused:  # noqa: BLE001 - a stranger's template may raise anything; it is told
        yield f"the template fails: {described(refused)}"
        return
    same = whole.startswith(prompt)
    learned = _flat(whole[len(prompt) :]) if same else ""
    for what, text in _parts(said):
        if _flat(text) not in _flat(whole):
            yield f"{what} is lost: the template does not render it"
        elif same and _flat(text) not in learned:
            yield f"{what} lies outside the loss mask: it is not rendered behind the prompt"
    if not same:
        yield (
            "the prompt alone is rendered otherwise than at the beginning of the conversation, so the loss mask does "
            f"not begin where the completion does: the prompt ends with {_end(prompt, whole)!r}"
        )


def _end(prompt: str, whole: str) -> str:
    """What stands in the prompt alone from where the two renderings part, but not all of it."""
    place = next((at for at, (one, two) in enumerate(zip(prompt, whole, strict=False)) if one != two), len(whole))
    return prompt[place : place + _SHOWN]


def _parts(completion: Messages) -> Iterator[tuple[str, str]]:
    for message in completion:
        split = split_thinking(str(message.get("content") or ""))
        reasoning = message.get("reasoning_content") or message.get("thinking") or split.reasoning
        if reasoning:
            yield "the chain of thought", str(reasoning)
        if split.text:
            yield "the response" if reasoning else "the completion", split.text


def _flat(text: str) -> str:
    return " ".join(text.split())


def _render(fill: Fill, messages: Messages, tokens: Mapping[str, object], *, ask: bool) -> str:
    return fill({"messages": messages, "tools": None, "documents": None, "add_generation_prompt": ask, **tokens})


def _environment() -> Sandbox:
    made = Sandbox(undefined=Undefined, trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    made.filters["tojson"] = _tojson
    made.globals["raise_exception"] = _raise
    made.globals["strftime_now"] = lambda _format: _DATE
    return made


def _tojson(value: object, **options: Any) -> str:  # noqa: ANN401 - whatever a template hands to json.dumps
    return json.dumps(value, **{"ensure_ascii": False, **options})


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)


class _Generation(Extension):
    """``{% generation %} .. {% endgeneration %}`` renders what is in it."""

    tags = {"generation"}  # noqa: RUF012 - Jinja's own declaration

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)
