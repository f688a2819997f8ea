"""Facets that are not in an index, since other files say them: as sets of rows, for the list of questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.web.pages.shell import library_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from reasonmed.web.library import Shown


def other_facets(request: Request, shown: Shown) -> Mapping[str, Mapping[str, int]]:
    """The facets of a folder that other files say, by their names and values."""
    return {"finding": library_of(request).findings.rows(shown.index)}
