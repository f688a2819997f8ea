"""From the fields of a row to a question; the key is read the same way for every layout."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from reasonmed.questions._key import Choices, Claim, Open, Way, key_of, wrong
from reasonmed.questions._letters import unlettered
from reasonmed.questions._names import absent, kind_of
from reasonmed.questions._options import MOST, Listed, listed
from reasonmed.questions._row import glance
from reasonmed.questions._stray import without_stray
from reasonmed.types import Question, digest

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.questions._counting import Counting

_FEWEST = 2
_SURROGATE = re.compile("[\ud800-\udfff]")


class Raw(Struct, frozen=True, kw_only=True):
    """A row as a reader passes it on: values as the file has them, unchecked."""

    question: object
    options: object
    answer: object = None
    """The key: an option's text, a letter or an integer."""
    answer_index: object = None
    """The key, counted from 0."""
    answer_number: object = None
    """The key, counted from 1."""
    answer_text: object = None
    """The key as an option's text and nothing else."""
    keys: dict[str, object] = {}
    """Other fields that name the key, by the file's names; all must agree."""
    id: object = None
    context: object = None
    source: object = None
    license: object = None
    license_source: Literal["row", "layout", "none"] = "none"
    split: object = None
    reference: object = None
    meta: dict[str, object] = {}
    names: dict[str, str] = {}
    """The file's own names of our fields, for messages."""


def build(raw: Raw, path: Path, line: int, counting: Counting | None = None) -> Question:  # noqa: ARG001 - see below
    """Check a row and make it a question.

    Args:
        raw: the row.
        path: its file, whose name is part of an id where the row has none.
        line: its line, which whoever calls adds to an error.
        counting: says how integers of this file are meant; without it they count from 0.

    Raises:
        QuestionError: a field is missing or wrong; the caller adds file and line.
    """
    stem = without_stray(_text(raw.question, "question"))
    reference = _optional(raw.reference, "reference")
    found = Listed([]) if raw.options == [] or (raw.options is None and reference) else listed(raw.options)
    options = _options(found) if found.texts else ()
    claims = claims_of(raw, found)
    if not options:
        _refuse_key(claims)
    context = _optional(raw.context, "context")
    license_ = _optional(raw.license, "license")
    return Question(
        id=_id(raw.id) or f"{path.stem}-{digest((stem, options, context), 8)}",
        stem=stem,
        options=options,
        answer=key_of(
            claims,
            Choices(options, found.numbers, found.texts),
            counting.settle if counting else _from_zero,
        ),
        context=context,
        source=_optional(raw.source, "source"),
        license=license_,
        split=_optional(raw.split, "split"),
        meta=_meta(raw.meta),
        reference=reference if not options else None,
        license_source=raw.license_source if license_ else "none",
    )


def _from_zero(claim: Claim, found: Open) -> Way:  # noqa: ARG001 - the shape of Counting.settle
    return 0


def claims_of(raw: Raw, found: Listed) -> list[Claim]:
    """What the fields of a row say of its key, the one that counts first."""
    named = [(name, value, kind_of(name)) for name, value in raw.keys.items()]
    claims = [
        Claim("answer_index", raw.answer_index, "index"),
        Claim("answer_number", raw.answer_number, "number"),
        Claim("answer_text", raw.answer_text, "text"),
        *(Claim(name, value, kind) for name, value, kind in named if kind != "any"),
        Claim("answer", raw.answer, "any"),
        *(Claim(name, value, kind) for name, value, kind in named if kind == "any"),
    ]
    if found.key is not None:
        claims.append(Claim("options", found.key, "index"))
    return [claim for claim in claims if not absent(claim.value)]


def lettered(raw: Raw) -> str | None:
    """The first option of a row whose options carry their letters; None where they do not."""
    texts = listed(raw.options).texts if raw.options else []
    return repr(texts[0])[:80] if unlettered(texts) else None


def stray(raw: Raw) -> str | None:
    """The end of the first text of a row from which a quotation mark was taken; None where none was."""
    texts = [raw.question, *listed(raw.options).texts] if raw.options else [raw.question]
    changed = (one for one in texts if isinstance(one, str) and without_stray(one) != one.strip())
    return next((repr(one.strip()[-60:]) for one in changed), None)


def choices_of(found: Listed) -> Choices:
    """Options of a row for a count over its file, which passes over what is wrong with them."""
    texts = [without_stray(str(one)) for one in found.texts]
    return Choices(unlettered(texts) or texts, found.numbers, found.texts)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise wrong(field, f"must be a text, not {glance(value)}" if value is not None else "is missing")
    text = value.strip()
    if not text:
        raise wrong(field, "is empty")
    if _SURROGATE.search(text):
        raise wrong(field, f"holds half of a character (a lone surrogate): {glance(text)}")
    return text


def _optional(value: object, field: str) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return None if absent(value) else _text(value, field)


def _id(value: object) -> str | None:
    return _text(value, "id") if isinstance(value, float) else _optional(value, "id")


def _meta(value: dict[str, object]) -> dict[str, object]:
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as strange:
        raise wrong("meta", f"cannot be kept ({strange}): {glance(value)}") from strange
    return value


def _options(found: Listed) -> tuple[str, ...]:
    if not _FEWEST <= len(found.texts) <= MOST:
        shown = f"must be {_FEWEST} to {MOST}, not {len(found.texts)}: {glance(found.texts)}"
        raise wrong("options", shown)
    texts = [without_stray(_option(one, index)) for index, one in enumerate(found.texts)]
    return tuple(unlettered(texts) or texts)


def _option(value: object, index: int) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        value = str(value)
    return _text(value, f"options[{index}]")


def _refuse_key(claims: list[Claim]) -> None:
    for claim in claims:
        fix = (
            f"where {claim.field} is {glance(claim.value)}; the answer of an open-ended question goes into `reference`"
        )
        raise wrong("options", f"must be {_FEWEST} to {MOST}, not 0: [], {fix}")
