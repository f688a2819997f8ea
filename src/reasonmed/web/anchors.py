"""Places within one file, in the stead of addresses of pages."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN = re.compile(r"[\w.:-]{1,80}", re.ASCII)
_ID = re.compile(r'(?<=\sid=")[^"]+(?=")')
_REFERENCE = re.compile(r'(\s(?:id|for|href|aria-labelledby|aria-describedby|aria-controls)=")([^"]+)(?=")')
_HEADING = re.compile(r"<h([1-4])(?=[\s>])")
_DEEPER = 2


def anchor(path: str, values: Iterable[tuple[str, object]] = ()) -> str:
    """The place in a file of what a served page has at an address; the search of the file reads what it is asked."""
    _, page, *rest = path.split("/", 2)
    if page == "question" and rest:
        return f"#{anchor_of(unquote(rest[0]))}"
    asked = urlencode([(name, value) for name, value in values if value not in ("", None) and name != "run"])
    place = f"#{page or 'file-overview'}"
    return f"{place}?{asked}" if asked else place


def anchor_of(name: str) -> str:
    """The place of a question, by its id."""
    plain = name if _PLAIN.fullmatch(name) else blake2b(name.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"question-{plain}"


def apart(part: Markup, prefix: str) -> Markup:
    """A part of a file whose ids, and whatever refers to them, begin with a prefix, so that no two are the same.

    Its headings are said to be below that of the list which it is in. Texts have no quotation mark and no bracket of
    their own, since they are escaped.
    """
    own = set(_ID.findall(part))

    def renamed(found: re.Match[str]) -> str:
        names = [_prefixed(name, prefix) if name.removeprefix("#") in own else name for name in found[2].split(" ")]
        return found[1] + " ".join(names)

    levels = _HEADING.sub(lambda found: f'{found[0]} aria-level="{int(found[1]) + _DEEPER}"', part)
    return Markup(_REFERENCE.sub(renamed, levels))  # noqa: S704 - of our templates, which escape


def _prefixed(name: str, prefix: str) -> str:
    return f"#{prefix}-{name[1:]}" if name.startswith("#") else f"{prefix}-{name}"
