"""Prompts: one Jinja template a stage, found by the stage's name; texts go in as values, never as templates."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import BytecodeCache, ChoiceLoader, DictLoader, TemplateError, TemplateNotFound, meta

from reasonmed.errors import RecipeError
from reasonmed.recipe.sandbox import FAULTS, Beside, Sandbox, described
from reasonmed.recipe.stages import templates
from reasonmed.types import Question, letter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType

    from jinja2.bccache import Bucket

INSTRUCTION = "Please answer the following multiple-choice question:\n"
_FILLED_IN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_SHIPPED = Path(__file__).parent / "prompts"
_WRITING = ("generate.md", "optimize.md", "refine.md", "refine_steps.md", "summarize.md")
_QUESTION = '{{ question | fenced("question") }}'


def shipped() -> frozenset[str]:
    """The names of the templates that come with the package, or with stages of others that a recipe has named."""
    return frozenset({*(path.name for path in _SHIPPED.glob("*.md")), *templates()})


def originals() -> dict[str, str]:
    """The templates that come with the package, by file name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(_SHIPPED.glob("*.md"))}


def in_language() -> dict[str, str]:
    """The templates by which records are written, by file name, each told to keep to the question's language.

    Judges are asked as ever: what they write is in no record.
    """
    return {name: _with_language(text) for name, text in originals().items() if name in _WRITING}


def _with_language(text: str) -> str:
    told = "Reason and write in the language of the question{% if language %}, {{ language }}{% endif %}."
    if "the word Answer" in text:
        told += " The word Answer in the last line stays English."
    return text.replace(_QUESTION, f"{told}\n\n{_QUESTION}", 1)


def fenced(text: str, label: str) -> str:
    """Untrusted text between tags that it cannot close: their mark is a hash of the text itself."""
    mark = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"<{label} {mark}>\n{text}\n</{label} {mark}>"


def lettered(stem: str, options: Sequence[str], context: str | None) -> str:
    """Context, stem and lettered options, laid out the same way for every agent and every export."""
    lines = [f"{letter(index)}. {option}" for index, option in enumerate(options)]
    return (f"{context}\n\n" if context else "") + "\n".join([stem, *lines])


def question_text(question: Question) -> str:
    """A question as every agent sees it."""
    return lettered(question.stem, question.options, question.context)


def instruction(stem: str, options: Sequence[str], context: str | None) -> str:
    """The instruction of the published ReasonMed data; a context passage comes before the question.

    A question without options is asked as it is: it is no multiple-choice question.
    """
    return (INSTRUCTION if options else "") + lettered(stem, options, context)


class _Compiled(BytecodeCache):
    """Compiled templates of this process, by source: a run reads each of them several times."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Hand out what was compiled of this very source."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_compiled = _Compiled()


_READER = Sandbox(trim_blocks=True, lstrip_blocks=True)
"""Reads texts of templates; it fills none in."""
_READER.filters["fenced"] = fenced


@lru_cache(maxsize=128)  # a run makes each of its prompts several times
def _asked_for(text: str) -> frozenset[str]:
    return frozenset(meta.find_undeclared_variables(_READER.parse(text)))


@lru_cache(maxsize=128)
def _included(text: str) -> tuple[str | None, ...]:
    return tuple(meta.find_referenced_templates(_READER.parse(text)))


class Prompt:
    """A stage's template.

    Args:
        stage: the name of the template without ``.md``.
        own: a folder of the user's, or texts by file name, whose templates replace the shipped ones of the same name.

    Raises:
        RecipeError: there is no such template, or it is not valid Jinja.
    """

    def __init__(self, stage: str, own: Path | Mapping[str, str] | None = None) -> None:
        self.stage = stage
        first = [] if own is None else [Beside(own) if isinstance(own, Path) else DictLoader(own)]
        self._environment = Sandbox(
            loader=ChoiceLoader([*first, Beside(_SHIPPED), DictLoader(templates())]),
            keep_trailing_newline=False,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=_compiled,
        )
        self._environment.filters["fenced"] = fenced
        try:
            self._template = self._environment.get_template(f"{stage}.md")
            _ = self.fields
        except TemplateNotFound as missing:
            raise RecipeError([f"prompts: there is no template {missing}"]) from missing
        except FAULTS as broken:
            raise RecipeError([f"prompts: {stage}.md is not a valid template: {described(broken)}"]) from broken

    @property
    def text(self) -> str:
        """The template as written, with the templates that it includes behind it."""
        return "\n".join(self.sources.values())

    @cached_property
    def sources(self) -> dict[str, str]:
        """The template and those that it includes, by file name."""
        return {name: self._source(name) for name in self._all_names()}

    def _source(self, name: str) -> str:
        loader = self._environment.loader
        if loader is None:
            raise RecipeError([f"prompts: {name} cannot be read"])
        return loader.get_source(self._environment, name)[0]

    def _all_names(self) -> list[str]:
        names = [f"{self.stage}.md"]
        for name in names:
            for one in _included(self._source(name)):
                if one is None:
                    raise TemplateError(f"{name} includes a template by a computed name; write the name in quotes")
                names += [one] if one not in names else []
        return names

    @cached_property
    def fixed(self) -> str:
        """The instructions: the text without the places that are filled in."""
        return _FILLED_IN.sub(" ", self.text)

    @property
    def hash(self) -> str:
        """16 hexadecimal digits of the template's text."""
        return blake2b(self.text.encode(), digest_size=8).hexdigest()

    @cached_property
    def fields(self) -> frozenset[str]:
        """The names that the template asks for."""
        return _asked_for(self.text)

    def render(self, values: Mapping[str, object]) -> str:
        """Fill the template in.

        Raises:
            RecipeError: the template asks for fields that this stage does not have, which are all named; or for a part
                of a field that is not there; or it does more than a prompt has reason to.
        """
        unknown = sorted(self.fields - values.keys())
        if unknown:
            known = ", ".join(sorted(values))
            raise RecipeError([f"prompts: {self.stage}.md asks for {', '.join(unknown)}; this stage has {known}"])
        try:
            return self._environment.fill(self._template, values)
        except FAULTS as broken:
            raise RecipeError([f"prompts: {self.stage}.md cannot be filled in: {described(broken)}"]) from broken
