"""Problems of what people wrote, one by one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pydantic import BaseModel

from reasonmed.questions._row import glance
from reasonmed.screening.secrets import is_secret_name, secrets_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


def explain(wrong: ValidationError, shape: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """One sentence for each problem: path, value, what is expected, and the nearest known name."""
    for kinds in _by_value(wrong, shape):
        error = kinds[0]
        loc = error["loc"] if len(kinds) == 1 else error["loc"][:-1]
        parts = [str(part) for part in loc]
        path = ".".join(part for part in (prefix, *parts) if part)
        if error["type"] == "extra_forbidden":
            known = _fields_at(shape, error["loc"][:-1])
            near = difflib.get_close_matches(parts[-1], known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            yield f"{path}: unknown option; {hint}"
        elif error["type"] == "missing":
            yield f"{path}: is missing"
        else:
            said = "; or ".join(_lowered(one["msg"].removeprefix("Value error, ")) for one in kinds)
            yield f"{path}: {said}{_not(parts, error['input'])}"


def _by_value(wrong: ValidationError, shape: type[BaseModel]) -> Iterator[list[ErrorDetails]]:
    """Problems, those together that are of one value: pydantic has one for each kind of value that a field takes."""
    found: list[ErrorDetails] = []
    for error in wrong.errors(include_url=False):
        loc = error["loc"]
        same = found and found[0]["loc"][:-1] == loc[:-1] and found[0]["input"] is error["input"]
        kind = bool(loc) and isinstance(loc[-1], str) and loc[-1] not in _fields_at(shape, loc[:-1])
        if found and not (same and kind and found[0]["msg"] != error["msg"]):
            yield found
            found = []
        found.append(error)
    if found:
        yield found


def _lowered(text: str) -> str:
    return f"{text[0].lower()}{text[1:]}"


def _not(path: list[str], value: object) -> str:
    """What stands in the place of a right value, unless that may be a secret, or is a whole table."""
    named = path[-1:] in (["api_key_env"], ["env"]) or is_secret_name(path[-1] if path else "")
    return "" if named or isinstance(value, dict) or any(secrets_in(value)) else f", not {glance(value)}"


def _fields_at(shape: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for part in path:
        field = shape.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            break
        shape = inner
    return sorted(shape.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    for one in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None
