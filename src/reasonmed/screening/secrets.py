"""Values that look like keys, tokens and passwords: by the name of their field, by their shape, or in an address.

A screen for what must not be written into a recipe, a run or a data set. Hashes, model names and prose are no secrets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.secrecy import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SHAPES = re.compile(
    r"\bsk-(?:(?=[\w-]{0,200}\d)[\w-]{16,}|[A-Za-z]{20,})"
    r"|\b(?:gsk|hf|gh[oprsu]|r8|fw|tgp_v1|npm)_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}"
    r"|\b(?:xai|pplx|nvapi|glpat|csk)-(?=[\w-]{0,200}\d)[\w-]{16,}|\bxox[abeprs]-[A-Za-z0-9-]{10,}"
    r"|\bAIza[\w-]{20,}|\bya29\.[\w-]{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)*"
    r"|-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:.*?-----END [A-Z0-9 ]*-----|.*)"
    r"|\b[Bb]earer\s+(?=\S*\d)[\w.~+/=-]{12,}",
    re.DOTALL,
)
"""Keys of the services whose keys begin alike, JSON web tokens, private keys."""
_WHOLE = re.compile(r"sk-(?=[\w-]*[A-Z0-9])[\w-]{6,}")
"""What is a key where it is the whole value."""
_IN_ADDRESS = re.compile(r"(?P<before>\b[A-Za-z][A-Za-z0-9+.-]{0,20}://)[^/?#\s\"'@]{1,500}@")
_IN_QUERY = re.compile(r"(?P<before>[?&](?P<name>[\w.-]{1,60})=)[^&#\s\"']+")

_TOKEN = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/=_-]{32,256}(?![A-Za-z0-9+/=_-])")
_RUN = re.compile(r"[A-Za-z0-9]{20,}")
_CHANGES = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[a-z0-9])|(?<=[0-9])(?=[A-Za-z])")
_RANDOM, _MAYBE_RANDOM, _NAME_RANDOM = 0.5, 0.35, 0.25
"""Changes between small letters, capitals and digits, as a share of the characters: words have fewer."""
_SYLLABLES = re.compile(r"[a-z]{5}")
"""Small letters in a row that a draw seldom has, and words in capitals and small letters have."""
_A_SEPARATOR = 13
"""Base64 has a sign that is no letter or digit among so many at most; names are rarely that long without one."""
_HEX = re.compile(r"[0-9a-fA-F]{32,}")

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ALWAYS = re.compile(
    r"passwords?|passwd|passphrase|pwd|secrets?|credentials?|authorization|authentication|auth|bearer|cookie|apikeys?|"
    r"accesskey|secretkey|accesstoken|authtoken|signature|sig"
)
_LAST = frozenset({"key", "token"})
_SEVERAL = frozenset({"keys", "tokens"})
_BEFORE_SEVERAL = frozenset({"api", "access", "auth", "secret"})
_HARMLESS = re.compile(
    r"bos|eos|pad|unk|sep|cls|mask|stop|start|end|begin|special|think|thinking|reasoning|image|video|audio|tool|prompt|"
    r"next|first|last|per|max|min|cache|sort|group|primary|foreign|index|lookup|answer|response|output|input|message|"
    r"content|field|id|json|dedup|idempotency|public|metadata|routing|shard|hash|partition|fill|separator|logit|new|"
    r"forced|bad|draft|user"
)
"""Words before ``key`` or ``token`` that make it a name of something else."""
_MARK = re.compile(r"<.*>|\[.*\]|\{.*\}|\s*", re.DOTALL)
"""What a special token or a placeholder looks like."""


class Secret(NamedTuple):
    """A place that holds a secret, and by what it is known; never the secret itself."""

    path: str
    why: str


def secrets_in(value: object, path: str = "") -> Iterator[Secret]:
    """Every secret in plain data, each with its path."""
    yield from _look(value, path, set())


def _look(value: object, path: str, seen: set[int]) -> Iterator[Secret]:
    if isinstance(value, str):
        why = shape_of(value)
        if why is not None:
            yield Secret(path, why)
    if not isinstance(value, dict | list | tuple) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        for name, inner in value.items():
            named = str(name)
            shaped = shape_of(named) is not None
            place = ".".join(part for part in (path, HIDDEN if shaped else named) if part)
            if shaped:
                yield Secret(place, "the name looks like a key")
            elif isinstance(inner, str) and is_secret_name(named) and not _MARK.fullmatch(inner):
                yield Secret(place, "by the name of its field")
            else:
                yield from _look(inner, place, seen)
    else:
        for number, inner in enumerate(value):
            yield from _look(inner, f"{path}[{number}]", seen)


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret, if it holds a text."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _SEVERAL:
        return before in _BEFORE_SEVERAL
    return _ALWAYS.fullmatch(last) is not None or (last in _LAST and not _HARMLESS.fullmatch(before))


def shape_of(text: str) -> str | None:
    """Why a text is, or holds, a secret; None where it does not."""
    if _WHOLE.fullmatch(text) or _SHAPES.search(text):
        return "it looks like a key"
    if _IN_ADDRESS.search(text):
        return "an address with a name or a password in it"
    if any(is_secret_name(found["name"]) for found in _IN_QUERY.finditer(text)):
        return "an address with a key in its query"
    if any(_is_random(found[0]) for found in _TOKEN.finditer(text)):
        return "it looks like a random key"
    return None


def is_key(name: str) -> bool:
    """Whether what should be the name of a variable looks like a key instead."""
    if _WHOLE.fullmatch(name) or _SHAPES.search(name) or _HEX.fullmatch(name):
        return True
    return any(_changes(run) >= _NAME_RANDOM and not run.isalpha() for run in _RUN.findall(name))


def conceal_shapes(text: str) -> str:
    """A text with a mark in the place of all that looks like a secret."""
    text = _IN_ADDRESS.sub(rf"\g<before>{HIDDEN}@", _SHAPES.sub(HIDDEN, text))
    text = _IN_QUERY.sub(_without_key, text)
    return _TOKEN.sub(lambda found: HIDDEN if _is_random(found[0]) else found[0], text)


def without_secrets(told: Mapping[str, object]) -> dict[str, object]:
    """Plain data with a mark in the place of every secret."""
    return {
        conceal_shapes(name): HIDDEN
        if isinstance(inner, str) and is_secret_name(name) and not _MARK.fullmatch(inner)
        else _without(inner)
        for name, inner in told.items()
    }


def _without(value: object) -> object:
    if isinstance(value, str):
        return HIDDEN if _WHOLE.fullmatch(value) else conceal_shapes(value)
    if isinstance(value, list):
        return [_without(one) for one in value]
    return without_secrets(value) if isinstance(value, dict) else value


def _without_key(found: re.Match[str]) -> str:
    return f"{found['before']}{HIDDEN}" if is_secret_name(found["name"]) else found[0]


def _is_random(token: str) -> bool:
    """Whether a long token is a draw of letters of both cases and digits; a hash, which is hexadecimal, is none."""
    joined = re.sub(r"[^A-Za-z0-9]", "", token)
    few = len(token) - len(joined) <= len(token) / _A_SEPARATOR
    drawn = [(run, _RANDOM if _SYLLABLES.search(run) else _MAYBE_RANDOM) for run in _RUN.findall(token)]
    drawn += [(joined, _RANDOM)] if few and not _SYLLABLES.search(joined) else []
    return any(
        _changes(run) >= least and all(re.search(kind, run) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
        for run, least in drawn
    )


def _changes(run: str) -> float:
    return len(_CHANGES.findall(run)) / len(run)
