"""Every call of a question: for what, to whom, how it ended, what it took, what was asked and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import Refused, decoded
from reasonmed.engine.ledger import unpack_texts
from reasonmed.exchange import Completion, Message
from reasonmed.web.views import View
from reasonmed.web.views.chain import sent_in_words

if TYPE_CHECKING:
    from reasonmed.engine.ledger import Ledger
    from reasonmed.engine.ledger.heard import Heard


class CallView(NamedTuple):
    """A call. ``problem`` says why there is no reply, or that the ledger has lost it."""

    number: int
    heard: Heard
    drawn: str
    took: str
    messages: list[Message]
    reply: str
    reasoning: str
    served: str
    sent: str
    problem: str


def calls_view(ledger: Ledger, name: str) -> View | None:
    """The view of a question's calls; None where the run has no such question."""
    if not ledger.has(name):
        return None
    texts = ledger.texts_of(name)
    found = [_call(number, one, texts.get(one.call)) for number, one in enumerate(ledger.heard_of(name), 1)]
    return View("calls", {"title": f"Calls of {name}", "calls": found})


def _call(number: int, heard: Heard, texts: bytes | None) -> CallView:
    temperature = "" if heard.temperature is None else f"T {heard.temperature:g}"
    numbered = [("sample", heard.sample), ("attempt", heard.attempt)]
    drawn = [temperature, *(f"{word} {count + 1}" for word, count in numbered if count), f"limit {heard.max_tokens:,}"]
    try:
        asked, said = unpack_texts(texts)
        messages = decoded(asked, list[Message])
        reply, problem = Completion(""), ""
        if heard.error is None:
            reply = decoded(said, Completion)
        else:
            problem = f"rejected ({heard.error}): {said.decode('utf-8', 'replace')}"
    except Refused as torn:
        messages, reply, problem = [], Completion(""), f"the ledger has lost its texts: {torn}"
    return CallView(
        number,
        heard,
        ", ".join(filter(None, drawn)),
        _took(heard),
        messages,
        reply.text,
        reply.reasoning or "",
        reply.served or "",
        sent_in_words(reply.sent),
        problem,
    )


def _took(heard: Heard) -> str:
    counted = [
        (heard.prompt_tokens, "tokens in"),
        (heard.cached_tokens, "of them cached"),
        (heard.completion_tokens, "out"),
        (heard.reasoning_tokens, "of them reasoning"),
    ]
    said = [f"{count:,} {words}" for count, words in counted if count]
    said += [f"{heard.seconds:.1f} s"] if heard.seconds is not None else []
    return ", ".join([*said, "no price" if heard.cost is None else f"${heard.cost:.5f}"])
