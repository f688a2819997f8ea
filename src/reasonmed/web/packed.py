"""The page of a pack: one file for a browser that loads nothing and sends nothing."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup

from reasonmed.report.page import STYLE_FILE
from reasonmed.web.render import rendered
from reasonmed.web.views import View

if TYPE_CHECKING:
    from reasonmed.runs.reviews.pack import Pack

_STATIC = Path(__file__).parent / "static"
_ENDING = re.compile("[<>&\u2028\u2029]")
"""What could end or begin something else within an element ``script``; JSON has an escape for each."""

_KEYS = (
    ("1", "accept"),
    ("2", "reject: asks for a reason, then casts"),
    ("E", "edit the text"),
    ("D", "defer"),
    ("U", "undo the last vote"),
    ("S", "go to the steps; arrows move, Space marks a step as faulty"),
    ("Ctrl Enter", "reject, or cast the edited version, from within a field"),
    ("Esc", "leave a field"),
    ("\N{LEFTWARDS ARROW} \N{RIGHTWARDS ARROW}", "earlier and later text"),
    ("?", "this list"),
)


def pack_page(pack: Pack) -> str:
    """A pack as a page. Its texts are data, which the page's script writes into it as text."""
    script = (_STATIC / "pack.js").read_text(encoding="utf-8")
    styles = (STYLE_FILE, _STATIC / "review.css", _STATIC / "pack.css")
    style = "".join(file.read_text(encoding="utf-8") for file in styles)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    values = {
        "policy": policy,
        "total": len(pack.texts),
        "style": Markup(style),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
        "data": data_of(pack),
        "keys": _KEYS,
    }
    return rendered(View("pack", values))


def data_of(value: object) -> Markup:
    """A value as JSON within an element ``script`` of a page: no text in it can end that element."""
    text = msgspec.json.encode(value).decode()
    return Markup(_ENDING.sub(lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: S704 - escaped here


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"
