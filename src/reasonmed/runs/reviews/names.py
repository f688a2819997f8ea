"""Names of reviewers: one way to write each, so that nobody is two people."""

from __future__ import annotations

import unicodedata


def one_line(text: str) -> str:
    """A name or a role on one line, one way to write each character."""
    return " ".join(unicodedata.normalize("NFC", text).split())
