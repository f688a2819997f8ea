"""What is left of another notation at the end of a text: a line end, and a quotation mark without its partner."""

from __future__ import annotations


def without_stray(text: str) -> str:
    """A text without white space around it, and without a last quotation mark that nothing opens; inches stay."""
    bare = text.strip()
    stray = bare.endswith('"') and bare.count('"') % 2 and not bare[-2:-1].isdigit()
    return (bare[:-1].rstrip() or bare) if stray else bare
