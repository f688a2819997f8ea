"""A chat request as the stand-in servers read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

from reasonmed.exchange import Message

if TYPE_CHECKING:
    from collections.abc import Mapping


class Turn(TypedDict):
    """One message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Body(TypedDict):
    """The fields of a request that a stand-in looks at."""

    model: str
    messages: list[Turn]
    max_tokens: NotRequired[int]
    stream: NotRequired[bool]
    response_format: NotRequired[Mapping[str, Mapping[str, dict[str, object]]]]


def messages_of(body: Body) -> tuple[Message, ...]:
    """The conversation of a request."""
    return tuple(Message(one["role"], one["content"]) for one in body["messages"])


def schema_of(body: Body) -> dict[str, object] | None:
    """The schema that the reply must have, if it must have one."""
    return body.get("response_format", {}).get("json_schema", {}).get("schema")
