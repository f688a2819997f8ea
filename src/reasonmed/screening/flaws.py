"""What makes a text no reasoning and no response, whatever a judge says: one list for the run and for ``check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.screening.echo import echoed_share, find_slot
from reasonmed.screening.forms import find_data, find_form, find_message, find_tool_call
from reasonmed.screening.loop import find_loop, find_noise
from reasonmed.screening.words import own_words

if TYPE_CHECKING:
    from collections.abc import Callable

_COPIED = 0.5
"""Share of a text's words that stand in the question in the same order: nobody restates a question at such length."""
_OWN = 4
"""Words that are neither the question's nor talk of answering: with fewer, nothing is said about the case."""
NOTHING_OWN = "it gives no reason that is about the case"


class Flaw(NamedTuple):
    """One word for counts, and what is wrong in words that a writer can act on."""

    kind: str
    problem: str


_RULES: tuple[tuple[str, Callable[[str], str | None], str], ...] = (
    ("page", find_message, "it is a page or a message of a server ({found}) and no answer"),
    ("tool_call", find_tool_call, "it calls a tool ({found}), and there is none"),
    ("echo", find_slot, "it leaves {found} as it is instead of filling it in"),
    ("echo", find_form, "it leaves {found} as it is instead of filling it in"),
    ("loop", find_loop, "it repeats itself ({found})"),
    ("loop", find_noise, "it is hardly letters ({found})"),
    ("form", find_data, "it is a JSON value ({found}) and no prose"),
)


def find_flaw(text: str, question: str) -> Flaw | None:
    """The first flaw of a text on a question (its stem and context as one text); None where there is none."""
    for kind, find, problem in _RULES:
        found = find(text)
        if found:
            return Flaw(kind, problem.format(found=found))
    copied = echoed_share(text, question) >= _COPIED
    return Flaw("copy", "it copies the question instead of answering it") if copied else None


def says_too_little(text: str, question: str) -> bool:
    """Whether a text says nothing of its own about the case: praise of an option, announcements, headings."""
    return len(own_words(text, question)) < _OWN
