"""Keys that this process read, and texts without them in any form in which a stranger may repeat one.

Whoever reads a key says so (``keep``). Errors, replies, the terminal and tracebacks go through ``conceal``: a key that
a server quotes in its answer must reach neither a screen nor a file. Letters and digits of a key are looked for as they
are, every other sign also escaped as JSON, URLs, HTML and Python do it, and the whole in base64.
"""

from __future__ import annotations

import base64
import html
import json
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN = "***"
_FEWEST = 4
"""Characters below which a value hides nothing: every text would be full of marks."""
_HEAD, _LONGEST_HEAD = 8, 16
"""Characters of a key's beginning or end that give it away, where the rest was cut off."""
_TAIL = 4
"""Characters at the end of a text that was cut which may be the beginning of a key."""
_AT_END = 400
_WORDS = re.compile(r"[A-Za-z]+(?:[-_ ][A-Za-z]+)*")
_LONGEST_WORDS = 24
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_PLAIN = re.compile(r"[A-Za-z0-9._-]")
"""What nobody escapes."""
_PACKED = 6
"""Characters of base64 below which it is not looked for."""
_GROUP = 6
"""Bits of a character of base64."""

_kept: set[str] = set()


class _Form(NamedTuple):
    """A key as patterns: its beginning, each further sign, and what a text may end in that was cut."""

    anchor: str
    """What a text has that holds the beginning: signs that nobody escapes."""
    head: re.Pattern[str]
    rest: tuple[re.Pattern[str], ...]
    cut: re.Pattern[str] | None


def keep(secret: str) -> None:
    """Remember a value that no text may show, as it is in the environment."""
    _kept.add(secret)


def conceal(text: str, *secrets: str) -> str:
    """A text without any key, in whatever form, whole or broken off.

    Args:
        text: of a stranger, or one that may quote one.
        secrets: further keys, beside those that are kept.
    """
    return _blank(text, [span for secret in _all(secrets) for span in _spans(text, secret)])


def conceal_reply(text: str) -> str:
    """A model's words without any key; one that is a mere word (``ollama``) stays, since models use words."""
    return _blank(text, [span for secret in _all() if not _is_word(secret) for span in _spans(text, secret)])


def conceal_cut(text: str, *secrets: str) -> str:
    """A text that may end in the middle of a key, without any key and without the beginning of one at its end."""
    text = conceal(text, *secrets)
    cuts = [form.cut for secret in _all(secrets) for form, _ in forms(secret) if form.cut]
    found = [cut.search(text, max(0, len(text) - _AT_END)) for cut in cuts]
    start = min((one.start() for one in found if one), default=None)
    return text if start is None else text[:start] + HIDDEN


def _all(secrets: tuple[str, ...] = ()) -> Iterator[str]:
    """The keys, without what may be around them: so they are found as stored, as sent and as quoted."""
    cores = {one.strip().strip(_QUOTES) for one in {*_kept, *secrets}}
    return (one for one in cores if len(one) >= _FEWEST)


def _is_word(secret: str) -> bool:
    return len(secret) < _HEAD or (len(secret) < _LONGEST_WORDS and _WORDS.fullmatch(secret) is not None)


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    """A text with one mark in the place of all that overlaps or touches."""
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start > done or not parts:
            parts += [text[done:start], HIDDEN]
        done = max(done, end)
    return "".join([*parts, text[done:]])


def _spans(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """Where a text has a key, or the beginning or the end of one."""
    for form, backward in forms(secret):
        if not backward and form.anchor in text:
            yield from _begun(text, form)
        if backward and form.anchor[::-1] in text:
            yield from ((len(text) - end, len(text) - start) for start, end in _begun(text[::-1], form))


def _begun(text: str, form: _Form) -> Iterator[tuple[int, int]]:
    """Where a text begins a key, as far as it goes on as the key."""
    for found in form.head.finditer(text):
        end = found.end()
        for sign in form.rest:
            more = sign.match(text, end)
            if more is None:
                break
            end = more.end()
        yield found.start(), end


@cache
def forms(secret: str) -> tuple[tuple[_Form, bool], ...]:
    """What to look for of a key, as it is and in base64; its end in a text that is read backward, marked so."""
    found = [(_word(secret), False)] if len(secret) < _HEAD else _both_ends(secret)
    for packed in dict.fromkeys(_in_base64(secret.encode("utf-8", "surrogateescape"))):
        found += _both_ends(packed) if len(packed) >= _PACKED else []
    return tuple(found)


def _both_ends(secret: str) -> list[tuple[_Form, bool]]:
    return [(_form(secret, backward=backward), backward) for backward in (False, True)]


def _word(secret: str) -> _Form:
    """A short key, which is looked for as a word of its own: it may well be a part of others."""
    return _Form("", re.compile(rf"(?<![^\W_]){''.join(_signs(secret)[1])}(?![^\W_])"), (), None)


def _signs(secret: str, *, backward: bool = False) -> tuple[list[str], list[str]]:
    """The signs of a key, runs of spaces and backslashes as one, and a pattern for each."""
    runs = re.findall(r"\\+|\s+|.", secret, re.DOTALL)
    signs = [_sign(run, follows, backward=backward) for run, follows in zip(runs, [*runs[1:], ""], strict=True)]
    return (runs[::-1], signs[::-1]) if backward else (runs, signs)


def _form(secret: str, *, backward: bool = False) -> _Form:
    runs, signs = _signs(secret, backward=backward)
    size = next((size for size in range(_HEAD, _LONGEST_HEAD) if not "".join(runs[:size]).isalpha()), _LONGEST_HEAD)
    ends = "|".join("".join(signs[:less]) for less in range(min(size, len(signs)) - 1, _TAIL - 1, -1))
    plain = "".join(run if _PLAIN.fullmatch(run) else "\n" for run in runs[:size]).split("\n")
    return _Form(
        max(plain, key=len),
        re.compile("".join(signs[:size])),
        tuple(re.compile(sign) for sign in signs[size:]),
        re.compile(rf"(?:{ends})\Z") if ends and not backward else None,
    )


def _sign(run: str, follows: str, *, backward: bool) -> str:
    """A pattern for one sign of a key, escaped in any way and as often as there are layers of text around it."""
    if _PLAIN.fullmatch(run):
        return re.escape(run)
    sign = run[0]
    escaped = {json.dumps(sign)[1:-1].lstrip("\\"), f"u{ord(sign):04x}", f"x{ord(sign):02x}", html.escape(sign)}
    escaped |= {quote(sign, safe="", errors="replace"), f"&#{ord(sign)};", f"&#x{ord(sign):x};", sign}
    if sign.isspace():
        escaped |= {"+", "%20"}
    known = sorted((one[::-1] if backward else one for one in escaped - {"", "\\"}), key=len, reverse=True)
    group = f"(?i:{'|'.join(map(re.escape, known))})"
    if sign == "\\":
        least = "*" if follows and not _PLAIN.fullmatch(follows) else "+"
        return rf"(?:{group}|\\{least})"
    if sign.isspace():
        group = rf"(?:{group}|\s+)"
    return rf"{group}\\*" if backward else rf"\\*{group}"


def _in_base64(secret: bytes) -> Iterator[str]:
    """What base64 of any text with the key in it holds, wherever the key begins; basic authorization sends it so."""
    for before in range(3):
        first, last = -(-before * 8 // _GROUP), (before + len(secret)) * 8 // _GROUP
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + secret).decode()[first:last]
