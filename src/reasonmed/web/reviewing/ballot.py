"""The form of a vote: what was typed in it, the vote that it makes, and why it makes none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from reasonmed.documents import Refused, converted, decoded, visible
from reasonmed.parsing.step_labels import TYPES
from reasonmed.parsing.steps import split_steps
from reasonmed.runs.reviews import DECISIONS, Vote
from reasonmed.secrecy import conceal
from reasonmed.types import digest, letter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.runs.reviews import Drawn, Target
    from reasonmed.web.reviewing.asked import Reviewer

_TYPED = re.compile(
    r"decision|reason|error_type|key_is_wrong|key|ambiguous|note|text|response|(?:mark|type|said)-[0-9]+"
)
"""The fields of the form that a person fills in; of a step there are its mark, the type of fault and a note."""
_UNSHOWN = "\N{REPLACEMENT CHARACTER}"

Typed = dict[str, str]


class Draft(msgspec.Struct, frozen=True):
    """What a reviewer typed and did not cast, and the hash of the text that was read."""

    hash: str
    fields: Typed


class Unfit(Exception):
    """Why a form makes no vote yet; ``field`` is where to go on."""

    def __init__(self, said: str, field: str) -> None:
        super().__init__(said)
        self.field = field


class Cast(NamedTuple):
    """Who votes, when, and how the text came before them."""

    reviewer: Reviewer
    at: float
    drawn: Drawn


def typed_in(form: Mapping[str, str]) -> Typed:
    """What a person typed into the form; fields that say nothing, and texts that were not edited, are left out."""
    fields = ((name, _lines(value)) for name, value in form.items() if _TYPED.fullmatch(name) and value.strip())
    return {name: value for name, value in fields if form.get(f"plain-{name}") != digest(value)}


def typed_of(vote: Vote, target: Target) -> Typed:
    """The form as it is filled in for a vote that was cast before; marks only where they are on this very text."""
    typed = {"reason": vote.reason, "error_type": vote.error_type or "", "key": vote.key, "note": vote.note}
    typed |= {"key_is_wrong": "1" * vote.key_is_wrong, "ambiguous": "1" * vote.ambiguous}
    typed |= {"text": vote.text or "", "response": vote.response or ""}
    places = {(fault.start, fault.end): fault for fault in vote.faults if vote.text_hash == target.hash}
    for number, span in enumerate(split_steps(target.text), 1):
        fault = places.get((span.start, span.end))
        if fault:
            typed |= {f"mark-{number}": "1", f"type-{number}": fault.type or "", f"said-{number}": fault.note}
    return {name: value for name, value in typed.items() if value}


def without_places(typed: Typed) -> Typed:
    """What can be taken over to a text that has changed: neither marks on its steps nor an edited version."""
    return {name: value for name, value in typed.items() if "-" not in name and name not in ("text", "response")}


def former(typed: Typed) -> str:
    """What was written on the words of a text that has changed, to be read beside the new one."""
    said = [f"Step {name.removeprefix('said-')}: {value}" for name, value in typed.items() if name.startswith("said-")]
    return "\n\n".join([*said, *(typed[name] for name in ("text", "response") if name in typed)])


def shown(text: str) -> str:
    """A text as the form shows it and as a browser sends it back."""
    return visible(conceal(_lines(text)))


def vote_of(typed: Typed, target: Target, cast: Cast) -> Vote:
    """The vote that a form makes on a text.

    Raises:
        Unfit: it makes none yet.
    """
    decision = typed.get("decision", "")
    if decision not in DECISIONS:
        raise Unfit("Nothing was cast: choose accept, reject, edit or defer.", "accept")
    fields = {
        "target": target.id,
        "text_hash": target.hash,
        "reviewer": cast.reviewer.name,
        "role": cast.reviewer.role,
        "decision": decision,
        "at": cast.at,
        "drawn": cast.drawn,
        "reason": typed.get("reason", ""),
        "error_type": typed.get("error_type") if typed.get("error_type") in TYPES else None,
        "faults": _faults(typed, target),
        "ambiguous": "ambiguous" in typed,
        "note": typed.get("note", ""),
        **_key(typed, target),
        **(_edited(typed, target) if decision == "edit" else {}),
    }
    _check(decision, fields)
    try:
        return converted(fields, Vote)
    except Refused as too_long:
        raise Unfit(f"Nothing was cast: {too_long}. Shorten it.", "reason") from too_long


def same(one: Vote, other: Vote) -> bool:
    """Whether two votes say the same, whenever they were cast."""
    return replace(one, at=0) == replace(other, at=0)


def _check(decision: str, fields: Mapping[str, object]) -> None:
    marked = fields["faults"]
    if decision == "reject" and not any(fields[name] for name in ("reason", "error_type", "faults", *_ON_THE_QUESTION)):
        raise Unfit(
            "Say why the text is rejected: a reason, a type of error, a marked step, the key is wrong, or ambiguous.",
            "error_type",
        )
    if decision == "accept" and marked:
        raise Unfit("Steps are marked as faulty: reject or edit the text, or take the marks away.", "accept")


_ON_THE_QUESTION = ("key_is_wrong", "ambiguous")


def _faults(typed: Typed, target: Target) -> list[dict[str, object]]:
    return [
        {
            "start": span.start,
            "end": span.end,
            "type": kind if (kind := typed.get(f"type-{number}")) in TYPES else None,
            "note": typed.get(f"said-{number}", ""),
        }
        for number, span in enumerate(split_steps(target.text), 1)
        if f"mark-{number}" in typed
    ]


def _key(typed: Typed, target: Target) -> dict[str, object]:
    """What is said of the question's key; a letter says that the key is wrong."""
    key, question = typed.get("key", ""), target.question
    if key and key not in [letter(place) for place in range(len(question.options))]:
        raise Unfit(f"The question has no option {key!r:.10}.", "key")
    if key and question.answer is not None and key == letter(question.answer):
        raise Unfit(f"The key is {key} already: choose the option that is right instead, or none.", "key")
    return {"key_is_wrong": bool(key) or "key_is_wrong" in typed, "key": key}


def _edited(typed: Typed, target: Target) -> dict[str, object]:
    """The parts that were changed."""
    found: dict[str, object] = {}
    for name, old in (("text", target.text), ("response", target.response)):
        new = typed.get(name)
        if new is None or old is None or new == shown(old):
            continue
        if new.count(_UNSHOWN) > old.count(_UNSHOWN):
            raise Unfit(
                f"The edited {name} has the sign {_UNSHOWN}, which stands for a character that no page shows: take it "
                "out, or write what is meant.",
                name,
            )
        found[name] = new
    if not found:
        raise Unfit("The text was not changed: change it, or accept it as it is.", "text")
    return found


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def draft_in(content: str | None) -> Draft | None:
    """A draft as it was kept; none where it cannot be read, since nothing was cast with it."""
    if content is None:
        return None
    try:
        return decoded(content.encode(), Draft)
    except Refused:
        return None


def draft_of(target_hash: str, typed: Typed) -> str:
    """A draft as it is kept."""
    return msgspec.json.encode(Draft(target_hash, typed)).decode()


def steps_of(target: Target, typed: Mapping[str, str]) -> list[dict[str, object]]:
    """The steps of a text, as the form has them."""
    return [
        {
            "number": number,
            "text": span.of(target.text).strip("\n"),
            "marked": f"mark-{number}" in typed,
            "type": kind if (kind := typed.get(f"type-{number}", "")) in TYPES else "",
            "said": typed.get(f"said-{number}", ""),
        }
        for number, span in enumerate(split_steps(target.text), 1)
    ]
