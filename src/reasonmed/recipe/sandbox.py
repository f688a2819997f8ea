"""The Jinja in which prompts are written: no files but those beside it, and bounded in turns, calls and letters."""

from __future__ import annotations

import re
from functools import wraps
from typing import TYPE_CHECKING, Any

from jinja2 import (
    BaseLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateRuntimeError,
    nodes,
    pass_context,
)
from jinja2.filters import FILTERS
from jinja2.loaders import split_template_path
from jinja2.sandbox import ImmutableSandboxedEnvironment

from reasonmed.documents import NO_MEMORY, reason, small_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from jinja2 import Environment, Template

_LARGEST = 1 << 20
"""Bytes of a template."""
_MOST_STEPS = 100_000
"""Turns of loops, calls and filters of one rendering."""
_MOST_LETTERS = 10_000_000
"""Characters of one rendering, and characters, items or bits of any value in it."""
_MOST_NUMBER = 10_000
"""The largest integer that is given to a function or filter: most are widths and counts."""
_WIDE = re.compile(r"\d{5,}|\*")
"""A width in a format, too large or out of the values."""
_TURN, _SAID, _BOUND = "_turn", "_said", "_bound"
FAULTS = (
    *(TemplateError, ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError),
    *(SyntaxError, RecursionError, MemoryError),
)
"""What reading a template or filling it in raises, for a reason that is in the template or its values."""


class TooMuch(TemplateRuntimeError):
    """A template does more than a prompt has reason to."""


class Beside(BaseLoader):
    """The templates of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, None]:  # noqa: ARG002 - Jinja's
        """A template's text and its path.

        Raises:
            TemplateNotFound: the folder has no such file.
            TemplateError: there is one that leads out of the folder, or that cannot be read.
        """
        path = self._folder.joinpath(*split_template_path(template))
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise TemplateError(f"{template} is a link that leads out of {self._folder}; put a copy there")
        try:
            return small_text(path, _LARGEST), str(path), None
        except (FileNotFoundError, NotADirectoryError) as missing:
            raise TemplateNotFound(template) from missing
        except (OSError, UnicodeDecodeError) as unread:
            raise TemplateError(f"{template} cannot be read: {reason(unread)}") from unread


def described(fault: BaseException) -> str:
    """What is wrong with a template, in a few words."""
    if isinstance(fault, RecursionError):
        return "it is nested too deeply, or calls itself"
    if isinstance(fault, MemoryError):
        return NO_MEMORY
    if isinstance(fault, TemplateNotFound):
        return f"there is no template {fault} beside it"
    said = str(fault)
    return said if " " in said else f"{type(fault).__name__} {said}".strip()


class Sandbox(ImmutableSandboxedEnvironment):
    """Renders templates that nobody has read before, on texts that nobody has read either."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Jinja's
        super().__init__(**{"undefined": StrictUndefined, "autoescape": False, **options})
        self._steps = self._letters = 0
        del self.globals["lipsum"]
        self.filters = {name: self._guarded(name, found) for name, found in FILTERS.items()}
        self.filters |= {_TURN: self._turn, _SAID: self._said, _BOUND: _bounded}

    def make_globals(self, d: Mapping[str, object] | None) -> dict[str, object]:
        """What a template may use beside its values: one plain table, where Jinja lays two over each other."""
        return {**self.globals, **(d or {})}

    def fill(self, template: Template, values: Mapping[str, object]) -> str:
        """A template with its values filled in."""
        self._steps = self._letters = 0
        text = template.render(values)
        text.encode()  # half of a character cannot be sent
        return text

    def call(self, context: Any, called: Any, /, *values: Any, **named: Any) -> Any:  # noqa: ANN401 - Jinja's
        """Call a function or a method, if what it is given is in bounds."""
        self._step()
        on = getattr(getattr(called, "__wrapped__", called), "__self__", None)
        if getattr(called, "__name__", "").startswith("format"):
            _check_format(on)
        _check((*values, *named.values(), on))
        return _bounded(super().call(context, called, *values, **named))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - the same
        """Compute, if the result is in bounds."""
        self._step()
        if operator == "%":
            _check_format(left)
        if operator == "*" and max(_size(left) * _number(right), _size(right) * _number(left)) > _MOST_LETTERS:
            raise TooMuch("a text or a list is repeated too often")
        if operator == "**" and _bits(left) * _number(right) > _MOST_NUMBER:
            raise TooMuch("a power is too large")
        return _bounded(super().call_binop(context, operator, left, right))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """A template's tree, in which each turn, each text that is put together, and what is said are counted."""
        tree = super()._parse(source, name, filename)
        for output in list(tree.find_all(nodes.Output)):
            output.nodes = [
                one if isinstance(one, nodes.TemplateData) else _filtered(one, _SAID) for one in output.nodes
            ]
        for joined in list(tree.find_all(nodes.Concat)):
            joined.nodes = [_filtered(one, _BOUND) for one in joined.nodes]
        parts: list[Any] = [tree, *tree.find_all((nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block))]
        for part in parts:
            letters = nodes.Const(sum(len(text.data) for text in part.find_all(nodes.TemplateData)))
            part.body.insert(0, nodes.ExprStmt(_filtered(letters, _TURN)))
        tree.set_lineno(1)
        tree.set_environment(self)
        return tree

    @pass_context
    def _turn(self, _: object, letters: int) -> None:
        self._step()
        self._letters += letters
        if self._letters > _MOST_LETTERS:
            raise TooMuch(f"it writes more than {_MOST_LETTERS:,} characters")

    @pass_context
    def _said(self, context: object, value: object) -> object:
        self._turn(context, len(value) if isinstance(value, str) else 1)
        return value

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise TooMuch(f"it takes more than {_MOST_STEPS:,} turns of loops, calls and filters")

    def _guarded(self, name: str, found: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(found)
        def guarded(*values: Any, **named: Any) -> Any:  # noqa: ANN401 - any filter
            self._step()
            if name == "format":
                _check_format(values[0])
            _check((*values, *named.values()))
            return _bounded(found(*values, **named))

        return guarded


def _filtered(expression: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(expression, name, [], [], None, None)


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple | dict) else 0


def _number(value: object) -> int:
    return abs(value) if isinstance(value, int) else 0


def _bits(value: object) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def _bounded(value: Any) -> Any:  # noqa: ANN401 - any value
    """The value, if it is in bounds."""
    if _size(value) > _MOST_LETTERS or _bits(value) > _MOST_NUMBER:
        raise TooMuch("a value of it is too large")
    return value


def _check(values: tuple[object, ...]) -> None:
    """See that what a function is given cannot make it write without end."""
    together = 1
    for value in values:
        if _number(value) > _MOST_NUMBER:
            raise TooMuch("a number is more than any width or count of a prompt")
        together *= max(1, _size(value), _number(value))
    if together > 100 * _MOST_LETTERS:
        raise TooMuch("texts are put into each other too often")


def _check_format(value: object) -> None:
    if isinstance(value, str) and _WIDE.search(value):
        raise TooMuch(f"the format {value[:60]!r} has a width that is too large")
