"""What makes a text no reasoning and no response, whatever a judge says of it: one list for the run and for ``check``."""

from __future__ import annotations

from typing import NamedTuple

from reasonmed.screening.echo import echoed_share, find_slot
from reasonmed.screening.forms import find_form, find_message, find_tool_call, is_data
from reasonmed.screening.loop import find_loop, is_noise
from reasonmed.screening.words import own_words

_COPIED = 0.5
"""Share of a text's words that stand in the question in the same order: nobody restates a question at such length."""
_OWN = 4
"""Words that are neither the question's nor talk of answering: with fewer, nothing is said about the case."""


class Flaw(NamedTuple):
    """One word for counts, and what is wrong in words that a writer can act on."""

    kind: str
    problem: str


def find_flaw(text: str, question: str) -> Flaw | None:
    """The first flaw of a text on a question (stem, options and context as one text); None where there is none."""
    message = find_message(text)
    if message:
        return Flaw("page", f"it is a page or a message of a server ({message}) and no answer")
    call = find_tool_call(text)
    if call:
        return Flaw("tool_call", f"it calls a tool ({call}), and there is none")
    form = find_slot(text) or find_form(text)
    if form:
        return Flaw("echo", f"it leaves {form} as it is instead of filling it in")
    loop = find_loop(text)
    if loop or is_noise(text):
        return Flaw("loop", f"it repeats itself ({loop})" if loop else "it is hardly letters")
    if is_data(text):
        return Flaw("form", "it is a JSON value and no prose")
    if echoed_share(text, question) >= _COPIED:
        return Flaw("copy", "it copies the question instead of answering it")
    return None


def says_too_little(text: str, question: str) -> bool:
    """Whether a text says nothing of its own about the case: praise of an option, announcements, headings."""
    return len(own_words(text, question)) < _OWN
