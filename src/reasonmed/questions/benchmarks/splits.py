"""Which files of a data set are a split, by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAFE = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)*", re.ASCII)
_SUFFIXES = (".parquet", ".jsonl", ".json")
_ALSO = {"validation": ("validation", "valid", "val", "dev")}
"""Other names that publishers give a split, the usual one first."""


def pick(names: Iterable[str], folder: str, split: str, *, exact: bool = False) -> list[str]:
    """The files of a split among the names of a data set: one file, or all its numbered parts in order.

    They lie in the folder (or in ``data/``) and are named for the split; parquet goes before JSON Lines and JSON.
    With ``exact`` no other name of the split will do: MMLU has both a dev and a validation split. Empty where there are
    none, parts are missing, or several could be meant.
    """
    safe = sorted(name for name in names if _SAFE.fullmatch(name))
    below = f"{re.escape(folder)}/" if folder else ""
    for word in (split,) if exact else _ALSO.get(split, (split,)):
        for suffix in _SUFFIXES:
            part = rf"(?:data/)?{below}{re.escape(word)}(?:-(\d{{5}})-of-(\d{{5}})(?:-[0-9a-f]+)?)?{re.escape(suffix)}"
            fitting = [match for name in safe if (match := re.fullmatch(part, name))]
            if fitting:
                whole = [(f"{number:05}", f"{len(fitting):05}") for number in range(len(fitting))]
                complete = fitting[0][1] is None and len(fitting) == 1
                ordered = complete or [(match[1], match[2]) for match in fitting] == whole
                return [match[0] for match in fitting] if ordered else []
    return []
