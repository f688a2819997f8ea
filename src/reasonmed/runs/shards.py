"""Parts of a run: which of the questions each of several machines works on."""

from __future__ import annotations

import re
from typing import NamedTuple

from reasonmed.errors import UsageError
from reasonmed.types import digest

_WRITTEN = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


class Shard(NamedTuple):
    """Part ``number``, from 1, of so many parts."""

    number: int
    of: int

    def has(self, name: str) -> bool:
        """Whether a question is in this part: by a hash of its id, whatever else is in the file."""
        return number_of(name, self.of) == self.number

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def number_of(name: str, of: int) -> int:
    """The number, from 1, of the part that a question is in."""
    return int(digest(("shard", name), 8), 16) % of + 1


def shard_of(text: str) -> Shard:
    """A part from its words, such as ``3/16``.

    Raises:
        UsageError: they are no part.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise UsageError(f"--shard {text!r:.50}: it must be I/N, with I from 1 to N: part 3 of 16 parts is 3/16")
    return Shard(int(found[1]), int(found[2]))
