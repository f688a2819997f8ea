"""One row of others' reasoning data: the question, the reasoning and the response that it says, by its layout's look.

Known are ``Question``, ``Complex_CoT``, ``Response`` (medical-o1); ``prompt``, ``reasoning``,
``distilled_answer_string`` (m1); ``question``, ``options``, ``reasoning``, ``answer`` (MedReason); ``instruction``,
``input``, ``output`` (ReasonMed); sharegpt's ``conversations``; chat ``messages`` (II-Medical), also split into
``prompt`` and ``completion``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import QuestionError
from reasonmed.parsing.thinking import split_thinking
from reasonmed.questions._row import glance
from reasonmed.runs.layouts.original import from_instruction
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROLES = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant"}
LAYOUTS = (
    "Question/Complex_CoT/Response, prompt/reasoning/distilled_answer_string, question/options/reasoning/answer, "
    "question/cots, instruction/input/output, conversations (sharegpt), messages, or prompt/completion"
)


class Told(NamedTuple):
    """What a row of any layout says: a question, the reasoning and the response, whichever are there."""

    layout: str
    question: str
    reasoning: str | None
    response: str | None
    system: str | None = None
    key: str | None = None
    """The letter of the key, where the row has a field for it."""

    def asked(self) -> tuple[str, list[str] | None, int | None]:
        """The stem, the options it ends with, and the index of the key where its letter is one of theirs."""
        stem, options = from_instruction(self.question)
        letters = [letter(place) for place in range(len(options or ()))]
        return stem, options, letters.index(self.key) if self.key in letters else None


def told_in(fields: Mapping[str, object]) -> Told:
    """What a row says.

    Raises:
        QuestionError: it fits no layout, or lacks what its layout needs.
    """
    if "Question" in fields and fields.keys() & {"Complex_CoT", "Response"}:
        reasoning, response = text_of(fields.get("Complex_CoT")), text_of(fields.get("Response"))
        return _checked(Told("complex_cot", _asked(fields["Question"], "Question"), reasoning, response))
    found = _chat(fields) or _columns(fields)
    if found is None:
        raise QuestionError("", 0, "", f"fits no layout; its fields are {glance(', '.join(map(str, fields)))}")
    return found


def _chat(fields: Mapping[str, object]) -> Told | None:
    """A row of turns."""
    turns, messages = fields.get("conversations"), fields.get("messages")
    if isinstance(turns, list):
        return _conversation("sharegpt", "conversations", turns, text_of(fields.get("system")))
    if isinstance(messages, list):
        return _conversation("messages", "messages", messages, None)
    asked_for, completion = fields.get("prompt"), fields.get("completion")
    if isinstance(asked_for, list) and isinstance(completion, list):
        return _conversation("prompt_completion", "prompt", [*asked_for, *completion], None)
    return None


def _columns(fields: Mapping[str, object]) -> Told | None:
    """A row with a field for each part."""
    asked_for = fields.get("prompt")
    if "instruction" in fields and "output" in fields:
        if fields.get("history"):
            raise QuestionError("", 0, "history", "has earlier turns; a record is one question and one reply")
        asked = _asked(fields["instruction"], "instruction")
        more = text_of(fields.get("input"))
        return _reply(
            "alpaca", f"{asked}\n{more}" if more else asked, fields["output"], None, text_of(fields.get("system"))
        )
    if isinstance(asked_for, str) and "distilled_answer_string" in fields:
        reasoning, response = text_of(fields.get("reasoning")), text_of(fields["distilled_answer_string"])
        key = text_of(fields.get("answer_letter"))
        return _checked(Told("m1", _asked(asked_for, "prompt"), reasoning, response, key=key))
    if {"question", "options", "reasoning", "answer"} <= fields.keys():
        asked = _with_options(_asked(fields["question"], "question"), text_of(fields["options"]))
        return _checked(Told("medreason", asked, text_of(fields["reasoning"]), text_of(fields["answer"])))
    return None


def _with_options(asked: str, told: str | None) -> str:
    """A question with its options as lettered lines at its end; what is written before and between them is left out."""
    options = from_instruction(f"\n{told}")[1] if told else None
    return "\n".join([asked, *(f"{letter(place)}. {option}" for place, option in enumerate(options or ()))])


def _conversation(layout: str, field: str, turns: list[object], system: str | None) -> Told:
    """One question and one reply; a conversation of more turns is no record."""
    said = [_turn(turn, field) for turn in turns]
    if said and said[0][0] == "system":
        system = said.pop(0)[1]
    if [role for role, _, _ in said] != ["user", "assistant"]:
        roles = ", ".join(role for role, _, _ in said)
        raise QuestionError("", 0, field, f"must be one question and one reply, not {glance(roles)}")
    (_, asked, _), (_, answered, reasoning) = said
    return _reply(layout, _asked(asked, field), answered, reasoning, system)


def _turn(turn: object, field: str) -> tuple[str, str, str | None]:
    if not isinstance(turn, dict):
        raise QuestionError("", 0, field, f"must hold turns with a role and a text, not {glance(turn)}")
    role, text = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
    if not isinstance(role, str) or not isinstance(text, str):
        raise QuestionError("", 0, field, f"has a turn without a role or a text: {glance(turn)}")
    reasoning = text_of(turn.get("reasoning_content")) or text_of(turn.get("thinking"))
    return _ROLES.get(role, role), text, reasoning


def _reply(layout: str, question: str, text: object, reasoning: str | None, system: str | None) -> Told:
    """A reply taken apart where it marks its thinking; without a mark it is a response, whatever it may be."""
    if not isinstance(text, str):
        raise QuestionError("", 0, "", f"the reply must be a text, not {glance(text)}")
    split = split_thinking(text)
    if not split.closed:
        raise QuestionError("", 0, "", "the reply's thinking has no end: it was cut")
    return _checked(Told(layout, question, reasoning or split.reasoning, split.text or None, system))


def _checked(told: Told) -> Told:
    if told.reasoning is None and told.response is None:
        raise QuestionError("", 0, "", "has neither reasoning nor a response")
    return told


def _asked(value: object, field: str) -> str:
    text = text_of(value)
    if text is None:
        raise QuestionError("", 0, field, f"must be the question's text, not {glance(value)}")
    return text


def text_of(value: object) -> str | None:
    """A text that says something, without space around it."""
    return value.strip() or None if isinstance(value, str) else None
