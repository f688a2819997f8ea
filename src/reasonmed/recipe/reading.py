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


def explain(wrong: ValidationError, shape: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """One sentence for each problem: path, value, what is expected, and the nearest known name."""
    for error in wrong.errors(include_url=False):
        parts = [str(part) for part in error["loc"]]
        path = ".".join(part for part in (prefix, *parts) if part)
        if error["type"] == "extra_forbidden":
            known = _fields_at(shape, error["loc"][:-1])
            near = difflib.get_close_matches(parts[-1], known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            yield f"{path}: unknown option; {hint}"
        elif error["type"] == "missing":
            yield f"{path}: is missing"
        else:
            said = error["msg"].removeprefix("Value error, ")
            yield f"{path}: {said[0].lower()}{said[1:]}{_not(parts, error['input'])}"


def _not(path: list[str], value: object) -> str:
    """What stands in the place of a right value, unless that may be a secret, or is a whole table."""
    named = path[-1:] == ["api_key_env"] or is_secret_name(path[-1] if path else "")
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
