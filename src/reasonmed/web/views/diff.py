"""What differs between two texts: step by step, and within a step word by word."""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed.web.views.steps import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.types import Step

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"(?:[{_UNSPACED}]|[^\W{_UNSPACED}]+|\W)\s*")
"""A word or a sign, with the space behind it; of a script without spaces each sign."""
_FEWEST = 3
"""Equal words between two changes below which they are one change: islands of an "of the" are hard to read."""
_MOST = 200_000
"""Pairs of equal words beyond which two texts are shown one after the other: matching looks at each pair."""


class Part(NamedTuple):
    """Words that both texts have, or only the old one (``out``), or only the new one (``in``)."""

    kind: Literal["same", "out", "in"]
    text: str


class Changed(NamedTuple):
    """A step of both texts, or of one; ``name`` has its number in each."""

    name: str
    parts: list[Part]

    @property
    def same(self) -> bool:
        """Whether both texts have it."""
        return all(part.kind == "same" for part in self.parts)


def word_diff(old: str, new: str) -> list[Part]:
    """The words of both texts in their order."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    counts = Counter(after)
    if sum(counts[word] for word in before) > _MOST:
        return [Part("same", old)] if old == new else _parts(old, new)
    found: list[Part] = []
    out, new = "", ""
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        is_island = b - a < _FEWEST and (out or new) and b < len(before) and d < len(after)
        if kind == "equal" and not is_island:
            found += [*_parts(out, new), Part("same", "".join(before[a:b]))]
            out, new = "", ""
        else:
            out, new = out + "".join(before[a:b]), new + "".join(after[c:d])
    return [*found, *_parts(out, new)]


def _parts(out: str, new: str) -> list[Part]:
    return [*([Part("out", out)] if out else []), *([Part("in", new)] if new else [])]


def step_diff(old: str, new: str, old_steps: Sequence[Step] = (), new_steps: Sequence[Step] = ()) -> list[Changed]:
    """The steps of both texts in their order, as a judge was given them where one was."""
    before, after = split(old, old_steps), split(new, new_steps)
    found: list[Changed] = []
    matcher = SequenceMatcher(None, [one.strip() for one in before], [one.strip() for one in after], autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            found += [Changed(_name(a + n, c + n), [Part("same", after[c + n])]) for n in range(b - a)]
        else:
            found += _replaced(before, after, range(a, b), range(c, d))
    return found


def _replaced(before: Sequence[str], after: Sequence[str], old: range, new: range) -> Iterator[Changed]:
    """Steps against as many others one by one; else all of them against all others."""
    if len(old) == len(new):
        for a, c in zip(old, new, strict=True):
            yield Changed(_name(a, c), word_diff(before[a], after[c]))
    else:
        texts = "".join(before[a] for a in old), "".join(after[c] for c in new)
        yield Changed(_span(old, new), word_diff(*texts))


def _name(old: int, new: int) -> str:
    return f"step {old + 1}" if old == new else f"step {old + 1}, now {new + 1}"


def _span(old: range, new: range) -> str:
    if not old:
        return f"new: {_numbers(new)}"
    return f"{_numbers(old)}, gone" if not new else f"{_numbers(old)}, now {_numbers(new)}"


def _numbers(steps: range) -> str:
    first, last = steps.start + 1, steps.stop
    return f"step {first}" if first == last else f"steps {first} to {last}"
