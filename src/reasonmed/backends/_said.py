"""What an endpoint says of a failure, read from any of the shapes that servers put it in."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.backends._json import plain_json
from reasonmed.secrecy import HIDDEN, conceal_cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONGEST = 600
"""Characters of the endpoint's words in a message."""
_READ = 4_000
"""Characters of them that are read: a page or a trace of megabytes says no more."""
_KEYS = re.compile(
    r"\b(?:sk|pk|rk|key|hf|gsk|xai|nvapi|tgp|fw|r8|ghp|AIza)[-_][A-Za-z0-9*_-]{6,}|\bAIza[A-Za-z0-9*_-]{10,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9._-]{8,}|(?i:bearer)\s+[^\s\"',}]+"
)
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Escape sequences of terminals, control characters, marks that turn the direction of writing."""
_COLORS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^<>]*>", re.IGNORECASE | re.DOTALL)
_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml)\b", re.IGNORECASE)

_DEPTH = 6
_LONGEST_LITERAL = 5000
_INNER = (
    "error",
    "errors",
    "detail",
    "details",
    "innererror",
    "inner_error",
    "metadata",
    "raw",
    "base_resp",
    "response",
)
_MESSAGES = (
    "message", "msg", "error_msg", "error_message", "errorMessage", "status_msg", "description", "error_description",
    "title", "error", "detail", "raw", "quotaId", "quotaMetric",
)  # fmt: skip
_CODES = ("type", "code", "status", "error_type", "error_code", "errorCode", "reason", "status_code")
_NAMED = ("type", "code", "param")
_WAITS = ("retryDelay", "retry_after", "retryAfter", "retry_after_seconds")
_IN_PROSE = re.compile(r"\b(?:error code|status code|status|http)[:= ]{1,3}([45]\d\d)\b", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)"|`([^`]*)`|“([^”]*)”|(?<!\w)\'([^\']*)\'(?!\w)')
_SHINGLE = 4
"""So many words in a row that the request has too, or between quotation marks, are not the endpoint's own."""
_WORD = re.compile(r"\w+(?:[.,'-]\w+)*")


class Said(NamedTuple):
    """What an endpoint says of a failure."""

    text: str
    """For people and the ledger: one line, bounded, without a key or a terminal's escapes."""
    prose: str = ""
    """The endpoint's own words, without what they quote of the request: what the tables are matched against."""
    codes: tuple[str, ...] = ()
    """Types, codes and reasons as lower-case letters and digits."""
    params: tuple[str, ...] = ()
    """Parameters that it names in a field of its own."""
    status: int | None = None
    """The HTTP status that the body names, where it names one."""
    wait: str | None = None
    """How long to wait, as the body says it."""
    page: bool = False
    """Whether the body is a web page."""


def _keyless(text: str, key: str | None) -> str:
    """A text without any key, whole or cut; called before a text is cut, since half a key is harder to find."""
    return conceal_cut(text, *([key] if key else []))


def one_line(text: str, key: str | None) -> str:
    """A text of a stranger as one bounded line that no terminal obeys; of a web page what it shows."""
    text = _keyless(text, key)[:_READ]
    if _PAGE.match(text):
        text = _HIDDEN.sub(" ", text)
    line = _keyless(" ".join(_CONTROL.sub(" ", text).split()), key)
    return _KEYS.sub(HIDDEN, line)[:_LONGEST]


def line_of_log(text: str) -> str:
    """A line of a program's output as it is, without keys and without what terminals obey."""
    text = _keyless(_CONTROL.sub(" ", _COLORS.sub("", text)), None)
    return _KEYS.sub(HIDDEN, text)[:_READ].rstrip()


def read_error(body: bytes, key: str | None = None, asked: str = "") -> Said:
    """What a body says of a failure.

    Args:
        body: as it came.
        key: the key that must not be repeated.
        asked: the texts of the request, whose echo in the body says nothing of the failure.
    """
    found = plain_json(body)
    if not isinstance(found, dict | list | str):
        found = _keyless(body.decode("utf-8", "replace"), key)[: 4 * _READ]
    if isinstance(found, str):
        text = one_line(found, key) or "(no body)"
        return Said(text, own_words(text, asked), status=_in_prose(text), page=_PAGE.match(found) is not None)
    parts = list(_walk(found, _DEPTH))
    words = [word for part in parts for word in _messages(part)]
    message = _keyless("; ".join(dict.fromkeys(words)), key)[:_READ]
    labeled = next((one for one in (_labels(part) for part in parts) if one), "")
    text = one_line(f"{message} {labeled}".strip() or json.dumps(found, ensure_ascii=False), key)
    codes = dict.fromkeys(code for part in parts for code in _codes(part))
    params = dict.fromkeys(name for part in parts for name in _params(part))
    numbers = [number for part in parts for number in _statuses(part)]
    waits = [str(part[name]) for part in parts for name in _WAITS if part.get(name)]
    return Said(
        text=text,
        prose=own_words(message, asked),
        codes=tuple(codes),
        params=tuple(params),
        status=next(iter(numbers), _in_prose(message)),
        wait=next(iter(waits), None),
    )


def own_words(text: str, asked: str) -> str:
    """An endpoint's words without long quotations, and without runs of words that the request has as well."""
    text = text[:_READ]
    own = _QUOTED.sub(lambda quote: quote[0] if len(quote[0].split()) < _SHINGLE else " ... ", text)
    text = own if len(_WORD.findall(own)) >= _SHINGLE else text
    if not asked:
        return text
    theirs = set(_shingles([word.lower() for word in _WORD.findall(asked)]))
    found = list(_WORD.finditer(text))
    words = [word[0].lower() for word in found]
    echoed = {
        place + step for place, shingle in enumerate(_shingles(words)) if shingle in theirs for step in range(_SHINGLE)
    }
    for place in sorted(echoed, reverse=True):
        text = text[: found[place].start()] + "..." + text[found[place].end() :]
    return text


def _shingles(words: list[str]) -> Iterable[tuple[str, ...]]:
    return zip(*(words[step:] for step in range(_SHINGLE)), strict=False)


def _walk(value: object, depth: int) -> Iterator[dict[str, object]]:
    """The objects of a body that may say something, from the outside; what echoes the request is not among them."""
    if depth == 0:
        return
    if isinstance(value, str):
        value = _embedded(value[:_READ])
    if isinstance(value, list):
        for one in value[:20]:
            yield from _walk(one, depth - 1)
    elif isinstance(value, dict):
        yield value
        for name in _INNER:
            yield from _walk(value.get(name), depth - 1)
        if isinstance(value.get("message"), dict | str):
            yield from _walk(value["message"], depth - 1)


def _embedded(text: str) -> object:
    """The object that a proxy has put into a text, as JSON or as Python writes it; None where there is none."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return None
    found = plain_json(text[start:].encode("utf-8", "replace"))
    if found is None and end - start < _LONGEST_LITERAL:
        try:
            found = ast.literal_eval(text[start : end + 1])
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None
    return found


def _messages(part: dict[str, object]) -> Iterator[str]:
    place = part.get("loc")
    prefix = f"{'.'.join(str(step) for step in place)}: " if isinstance(place, list) else ""
    for name in _MESSAGES:
        value = part.get(name)
        if isinstance(value, str) and value.strip():
            yield prefix + value.strip()


def _labels(part: dict[str, object]) -> str:
    told = [f"{name}={part[name]}" for name in _NAMED if isinstance(part.get(name), str | int) and part[name]]
    return f"({', '.join(told)})" if told else ""


def _codes(part: dict[str, object]) -> Iterator[str]:
    for name in _CODES:
        value = part.get(name)
        if isinstance(value, str) and (code := re.sub(r"[^a-z0-9]", "", value.lower())):
            yield code


def _params(part: dict[str, object]) -> Iterator[str]:
    """Parameters by ``param``, or by the ``loc`` of a validation error."""
    place = part.get("loc")
    for name in (part.get("param"), place[-1] if isinstance(place, list) and place else None):
        if isinstance(name, str) and name:
            yield name


def _statuses(part: dict[str, object]) -> Iterator[int]:
    for name in ("code", "status", "status_code", "error_code"):
        value = part.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:  # noqa: PLR2004 - HTTP
            value = int(value)
        if isinstance(value, int) and 400 <= value < 600:  # noqa: PLR2004 - HTTP
            yield value


def _in_prose(text: str) -> int | None:
    found = _IN_PROSE.search(text)
    return int(found[1]) if found else None
