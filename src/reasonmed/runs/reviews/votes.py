"""A vote: what one reviewer said of one text."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from reasonmed.documents import Count, Number

Decision = Literal["accept", "reject", "edit", "defer"]
DECISIONS: tuple[str, ...] = get_args(Decision)
Drawn = Literal["audit", "disagreement", "uncertain", "chosen"]
"""How a text came before the reviewer: at random, because models, judges or reviewers disagree, because the judge was
not sure, or because somebody chose it. Only what was drawn at random speaks for the whole set."""
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Line = Annotated[str, Meta(max_length=2_000)]
_Text = Annotated[str, Meta(max_length=200_000)]


class Fault(Struct, frozen=True, omit_defaults=True):
    """A step that a reviewer marked as wrong: the characters from ``start`` up to ``end`` of the text.

    ``type`` is one of ``reasonmed.parsing.step_labels.TYPES``.
    """

    start: Count
    end: Count
    type: _Line | None = None
    note: _Line = ""


class Vote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one reviewer said of one text, as it is kept and as it travels between machines.

    ``target`` is the id of a record, a chain of thought or a rewrite, and ``text_hash`` the ``Target.hash`` of what was
    read. ``key`` is the letter of the option that the reviewer takes for right where the question's key is wrong.
    ``text`` and ``response`` are the edited ones.
    """

    target: _Name
    text_hash: _Name
    reviewer: _Name
    decision: Decision
    at: Number
    role: Annotated[str, Meta(max_length=200)] = ""
    drawn: Drawn = "chosen"
    reason: _Line = ""
    error_type: _Line | None = None
    faults: tuple[Fault, ...] = ()
    key_is_wrong: bool = False
    key: Annotated[str, Meta(max_length=1)] = ""
    ambiguous: bool = False
    note: _Text = ""
    text: _Text | None = None
    response: _Text | None = None

    @property
    def says_right(self) -> bool | None:
        """Whether the text as the model wrote it is right; None where the reviewer did not decide.

        A text that had to be edited was not right as it was.
        """
        return {"accept": True, "reject": False, "edit": False}.get(self.decision)
