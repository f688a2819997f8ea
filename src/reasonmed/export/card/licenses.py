"""Licenses of sources on a card: what their publishers say, and what the card's head says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reasonmed.questions.licenses import OTHER, UNKNOWN, conflict, identifier, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.export.card.facts import Source


def front_matter(sources: Iterable[Source]) -> dict[str, object]:
    """``license`` of a card's head, and the names of those that the hub does not know, in small letters as it asks.

    Of a source whose publishers disagree all licenses are told.
    """
    taken = [one for one in sources if one.records]
    written = [one.license for one in taken]
    said = {claim.license for one in taken for claim in conflict(one.source, one.license)}
    found = sorted({identifier(license_) for license_ in written} | said)
    told: dict[str, object] = {"license": found[0] if len(found) == 1 else found or UNKNOWN}
    if OTHER in found:
        names = {
            re.sub(r"[^a-z0-9.]+", "-", one.lower()).strip("-.") for one in written if one and identifier(one) == OTHER
        }
        told["license_name"] = "-and-".join(sorted(names - {""})) or OTHER
    return told


def texts_of(source: str | None, license_: str | None) -> list[str]:
    """Where the texts of a source's licenses stand, all of them where its publishers disagree; else its words."""
    said = [claim.license for claim in conflict(source, license_)] or [license_ or UNKNOWN]
    return [text_of(one) or one for one in said]
