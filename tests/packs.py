"""Packs whose texts try to be more than texts."""

from __future__ import annotations

from reasonmed.parsing.step_labels import TYPES
from reasonmed.runs.reviews.pack import Pack, PackedText, Piece
from reasonmed.types import digest

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>&lt;/script&gt;",
    "{{ 7 * 7 }}{% raw %}",
    "line\u2028separator\u2029 \\u003c/script> \"quoted\" 'too'",
)


def packed(*texts: str) -> Pack:
    made = tuple(
        PackedText(
            target=f"q{number}#1{text}",
            text_hash="h",
            drawn="audit",
            stem=text,
            options=(text, "b"),
            steps=(Piece(0, len(text), text),),
            key=0,
            context=text,
            response=text,
        )
        for number, text in enumerate(texts)
    )
    return Pack(pack=digest(texts), types=dict(TYPES), texts=made)
