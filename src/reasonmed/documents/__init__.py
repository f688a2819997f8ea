"""Documents: JSON files that are written to be read again, and what else comes from outside, within bounds.

Whoever hands over a run, an export or a card may have written anything into it. A ``Document`` is one kind of JSON file
with the shape that its writers and readers share; ``inside`` follows a path that a document names. Recipes, templates
and lines of data are read by ``small_text`` and ``json_value``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic

import msgspec

from reasonmed.documents._content import (
    MOST,
    Refused,
    content_of,
    in_mb,
    inside,
    is_plain_file,
    reason,
    regular,
    small_file,
    small_text,
    text_of,
)
from reasonmed.documents._json import (
    DEEPEST,
    NO_MEMORY,
    TOO_DEEP,
    Shape,
    converted,
    decoded,
    json_as,
    json_value,
    map_of,
)
from reasonmed.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.errors import ReasonMedError

__all__ = [
    "DEEPEST",
    "MOST",
    "NO_MEMORY",
    "OBEYED",
    "TOO_DEEP",
    "Amount",
    "Count",
    "Document",
    "Number",
    "Refused",
    "content_of",
    "converted",
    "decoded",
    "in_mb",
    "inside",
    "is_plain_file",
    "json_as",
    "json_text",
    "json_value",
    "map_of",
    "reason",
    "regular",
    "small_file",
    "small_text",
    "text_of",
    "visible",
]

Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
Amount = Annotated[float, msgspec.Meta(ge=0, lt=1e15)]
Number = Annotated[float, msgspec.Meta(gt=-1e15, lt=1e15)]
"""Numbers that are finite, and small enough to be added up and shown."""

OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of writing, and halves of characters."""


@dataclass(frozen=True)
class Document(Generic[Shape]):
    """A kind of JSON file.

    Args:
        what: what such a file is.
        shape: its fields; others may be there.
        error: what is raised about a file that is none.
        fix: what a person does then.
        version: the field that says how the file is laid out, and the layouts that can be read.
        unsaid: the layout of a file without that field; None where each file must have it.
    """

    what: str
    shape: type[Shape]
    error: type[ReasonMedError]
    fix: str
    version: tuple[str, tuple[int, ...]] | None = None
    unsaid: int | None = None

    def read(self, path: Path) -> Shape:
        """The file's content in its shape.

        Raises:
            FileNotFoundError, NotADirectoryError: there is no file.
            ReasonMedError: it is no such document.
        """
        return self._checked(path)[1]

    def plain(self, path: Path) -> dict[str, Any]:
        """The file's content as plain data, also the fields that this version does not know, all of the shape checked.

        Raises:
            FileNotFoundError, NotADirectoryError: there is no file.
            ReasonMedError: it is no such document.
        """
        return self._checked(path)[0]

    def refuse(self, path: Path, problem: object) -> ReasonMedError:
        """The error about a file."""
        return self.error(f"{path} is no {self.what}: {problem}; {self.fix}")

    def write(self, path: Path, content: Shape | dict[str, object]) -> None:
        """Put a document in its place, whole or not at all."""
        write_atomically(path, json_text(content))

    def _checked(self, path: Path) -> tuple[dict[str, object], Shape]:
        try:
            plain = decoded(content_of(path), dict[str, object])
            self._check_version(plain)
            return plain, converted(plain, self.shape)
        except Refused as problem:
            raise self.refuse(path, problem) from problem

    def _check_version(self, plain: dict[str, object]) -> None:
        field, known = self.version or ("", ())
        found = plain.get(field, self.unsaid)
        if field and (type(found) is not int or found not in known):
            raise Refused(f"its {field} is {found!r:.50}, and this version reads {' and '.join(map(str, known))}")


def json_text(content: object) -> str:
    """A document as its file has it."""
    return json.dumps(msgspec.to_builtins(content), indent=1, ensure_ascii=False) + "\n"


def visible(text: str) -> str:
    """A text in which nothing is left that a terminal or a page would obey."""
    return OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)
