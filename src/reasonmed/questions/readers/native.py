"""reasonmed's own layout and the original's, and others like them: a question with its options, by the fields' names.

Options are a list, a map by letters or numbers, objects, lettered lines, or columns ``A``, ``B``, ... or ``option_a``,
... or numbers; they may also end the question, or be the key in one field and wrong options in others. Every field that
looks like a key must name the same option. Fields with other names go to ``meta``. A question with ``reference``, its
answer in words, and nothing that could be options is open-ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.errors import QuestionError
from reasonmed.questions._build import Raw
from reasonmed.questions._letters import split_stem
from reasonmed.questions._names import (
    absent,
    column_groups,
    correct_and_wrong,
    is_context,
    is_key,
    list_fields,
    question_field,
)
from reasonmed.questions._options import of_columns
from reasonmed.questions._own import NUMBER, TEXT
from reasonmed.questions._row import glance

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS = ("answer", "answer_index")
_PLAIN = ("id", "source", "license", "split")
_LONGEST = 100
_PARTS = {"label", "letter", "text", "value", "index", "key", "answer", "id", "aid"}
_OURS = {*_KEYS, *_PLAIN, "context", NUMBER, TEXT, "license_source", "meta"}


def matches(fields: Mapping[str, object]) -> bool:
    """A question with options, wherever they are."""
    name = question_field(fields)
    if name is None:
        return False
    stem = fields[name]
    if "options" in fields or _holders(fields) or _is_open_ended(fields) or correct_and_wrong(fields):
        return True
    return isinstance(stem, str) and split_stem(stem) is not None


def read(fields: Mapping[str, object]) -> Raw:
    """The row as it is."""
    asked = question_field(fields) or "question"
    if (pair := correct_and_wrong(fields)) is not None:
        return _mixed(fields, asked, *pair)
    stem, options, used = fields.get(asked), *_options(fields)
    if not used and isinstance(stem, str) and (found := split_stem(stem)):
        stem, options = found
    taken = {*_OURS, *used, asked}
    keys = {name: value for name, value in fields.items() if name not in taken and is_key(name) and _may_be_key(value)}
    if len(keys) > 1 or any(not absent(fields.get(name)) for name in _KEYS):
        keys = {name: value for name, value in keys.items() if not _is_prose(value, options)}
    taken |= keys.keys()
    others = {name: value for name, value in fields.items() if name not in taken}
    meta = fields.get("meta")
    plain: dict[str, Any] = {name: fields.get(name) for name in (*_KEYS, *_PLAIN)}
    if _is_open_ended(fields):
        plain["reference"] = others.pop("reference", keys.pop("reference", None))
    return Raw(
        **plain,
        answer_number=fields.get(NUMBER),
        answer_text=fields.get(TEXT),
        question=stem,
        options=options,
        keys=keys,
        context=_context(fields, others),
        meta={**others, **(meta if isinstance(meta, dict) else {} if meta is None else {"meta": meta})},
        names={"question": asked, "options": used[0]} if len(used) == 1 else {"question": asked},
    )


def _context(fields: Mapping[str, object], others: dict[str, object]) -> object:
    """What the question asks about; a list of texts is one text. It leaves ``others``."""
    name = "context" if "context" in fields else next((name for name in others if is_context(name)), None)
    if name is None:
        return None
    value = others.pop(name, fields[name])
    if name != "context" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "\n\n".join(value)
    return value


def _mixed(fields: Mapping[str, object], asked: str, right: str, wrong: list[str]) -> Raw:
    """A row with the key's text in one field and the other options in others: all in the order of their texts.

    Raises:
        QuestionError: a field holds no texts.
    """
    held = (fields[name] for name in wrong)
    texts = [one for value in held for one in (value if isinstance(value, list) else [value])]
    for name, value in ((right, fields[right]), *((wrong[0], one) for one in texts)):
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise QuestionError("", 0, name, f"must be the text of an option, not {glance(value)}")
    key = str(fields[right]).strip()
    others = {name: value for name, value in fields.items() if name not in {*_OURS, asked, right, *wrong}}
    plain: dict[str, Any] = {name: fields.get(name) for name in _PLAIN}
    return Raw(
        **plain,
        question=fields[asked],
        options=sorted([key, *(str(one).strip() for one in texts)], key=lambda text: (text.casefold(), text)),
        answer_text=key,
        context=_context(fields, others),
        meta=others | {name: fields[name] for name in ("meta",) if name in fields},
        names={"question": asked, "answer_text": right},
    )


def _is_open_ended(fields: Mapping[str, object]) -> bool:
    """Whether a row has an answer in words and nothing that could be options."""
    return bool(fields.get("reference")) and not fields.get("options") and not _holders(fields)


def _may_be_key(value: object) -> bool:
    """Whether a value may name an option; a map of other things, such as chains of thought by their names, does not."""
    return bool(_PARTS & value.keys()) if isinstance(value, dict) else not absent(value)


def _is_prose(value: object, options: object) -> bool:
    """Whether a field beside the key is a text about it: too long for a key, and none of the options."""
    return isinstance(value, str) and len(value) > _LONGEST and value.strip() not in str(options)


def _holders(fields: Mapping[str, object]) -> list[list[str]]:
    """Fields that hold options: each list alone, each group of columns together."""
    return [[name] for name in list_fields(fields)] + [[*group.values()] for group in column_groups(fields)]


def _options(fields: Mapping[str, object]) -> tuple[object, list[str]]:
    """The options of a row, and the fields that hold them.

    Raises:
        QuestionError: several fields hold options.
    """
    holders = _holders(fields)
    if not holders:
        return fields.get("options"), ["options"] if "options" in fields else []
    if len(holders) > 1:
        raise QuestionError("", 0, holders[1][0], f"looks like an option, as {holders[0][0]} does; map the options")
    lists = list_fields(fields)
    if lists:
        return fields[lists[0]], lists
    (group,) = column_groups(fields)
    there = {label: name for label, name in group.items() if not absent(fields[name])}
    return of_columns(there, fields), [*group.values()]
