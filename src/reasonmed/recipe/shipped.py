"""Recipes and examples: in the installed package, or at the root of a checkout."""

from __future__ import annotations

from pathlib import Path


def resource(folder: str, name: str) -> Path:
    """The path of a shipped file.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    package = Path(__file__).parents[1]
    for root in (package, package.parents[1]):
        path = root / folder / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"{folder}/{name} is not part of this installation")
