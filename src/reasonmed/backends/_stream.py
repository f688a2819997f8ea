"""A reply that came as an event stream, put together into the shape of a reply that came whole."""

from __future__ import annotations

import re

from reasonmed.backends._json import plain_json, text_of

_DONE = "[DONE]"
_EVENT = re.compile(r"\r?\n\r?\n|\r\r")
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


def assemble(body: bytes) -> dict[str, object] | None:
    """The whole reply of an event stream; None where the body is none, or breaks off before its end.

    A stream is whole once a finish reason came, or its mark of the end. An error in it takes the place of the reply.
    """
    whole: dict[str, object] = {}
    message: dict[str, object] = {}
    finish: object = None
    ended = False
    for data in _data(text_of(body)):
        if data == _DONE:
            ended = True
            continue
        chunk = plain_json(data.encode("utf-8", "surrogatepass"))
        if not isinstance(chunk, dict):
            return None
        choice = _first(chunk)
        if choice is None and (chunk.get("error") or ("message" in chunk and "choices" not in chunk)):
            return chunk if chunk.get("error") else {"error": chunk}
        whole |= {name: chunk[name] for name in ("usage", "model", "error", "time_info") if chunk.get(name)}
        if choice is None:
            continue
        said = choice.get("message")
        if isinstance(said, dict):
            message = said
        _add(message, choice.get("delta"))
        finish = choice.get("finish_reason") or finish
        whole |= {"error": choice["error"]} if choice.get("error") else {}
    if not message or (finish is None and not ended and "error" not in whole):
        return None
    return {**whole, "choices": [{"message": message, "finish_reason": finish}]}


def _data(text: str) -> list[str]:
    """What the events hold, in order; of a stream without events, each line."""
    found = []
    for event in _EVENT.split(text):
        lines = event.splitlines()
        data = [line[5:].removeprefix(" ") for line in lines if line.startswith("data:")]
        if data and all(one.lstrip().startswith(("{", _DONE)) for one in data):
            found += [one.strip() for one in data]
        elif data:
            found.append("\n".join(data).strip())
        else:
            found += [line.strip() for line in lines if line.lstrip().startswith("{")]
    return [one for one in found if one]


def _first(chunk: dict[str, object]) -> dict[str, object] | None:
    """The first choice of a chunk: the one with index 0."""
    choices = chunk.get("choices")
    found = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
    return next((one for one in found if one.get("index", 0) in (0, None)), None)


def _add(message: dict[str, object], delta: object) -> None:
    if not isinstance(delta, dict):
        return
    for name in _TEXTS:
        more, so_far = delta.get(name), message.get(name)
        if isinstance(more, str) and isinstance(so_far or "", str):
            message[name] = f"{so_far or ''}{more}"
        elif isinstance(more, list) and (not so_far or isinstance(so_far, list)):
            message[name] = [*(so_far if isinstance(so_far, list) else ()), *more]
    if delta.get("tool_calls"):
        message["tool_calls"] = delta["tool_calls"]
    message.setdefault("content", None)
