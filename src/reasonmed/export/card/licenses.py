"""Licenses of sources: what people write, as the hub's identifiers and their texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPDX = "https://spdx.org/licenses/"
_TEXTS = {
    "mit": f"{_SPDX}MIT.html",
    "apache-2.0": f"{_SPDX}Apache-2.0.html",
    "bsd-2-clause": f"{_SPDX}BSD-2-Clause.html",
    "bsd-3-clause": f"{_SPDX}BSD-3-Clause.html",
    "cc0-1.0": f"{_SPDX}CC0-1.0.html",
    "cc-by-3.0": f"{_SPDX}CC-BY-3.0.html",
    "cc-by-4.0": f"{_SPDX}CC-BY-4.0.html",
    "cc-by-sa-3.0": f"{_SPDX}CC-BY-SA-3.0.html",
    "cc-by-sa-4.0": f"{_SPDX}CC-BY-SA-4.0.html",
    "cc-by-nc-2.0": f"{_SPDX}CC-BY-NC-2.0.html",
    "cc-by-nc-3.0": f"{_SPDX}CC-BY-NC-3.0.html",
    "cc-by-nc-4.0": f"{_SPDX}CC-BY-NC-4.0.html",
    "cc-by-nc-sa-4.0": f"{_SPDX}CC-BY-NC-SA-4.0.html",
    "cc-by-nd-4.0": f"{_SPDX}CC-BY-ND-4.0.html",
    "cc-by-nc-nd-4.0": f"{_SPDX}CC-BY-NC-ND-4.0.html",
    "odc-by": f"{_SPDX}ODC-By-1.0.html",
    "odbl": f"{_SPDX}ODbL-1.0.html",
    "gpl-3.0": f"{_SPDX}GPL-3.0-only.html",
}
"""By the hub's identifier."""
_OTHER_NAMES = {
    "mit license": "mit",
    "the mit license": "mit",
    "apache": "apache-2.0",
    "apache 2": "apache-2.0",
    "apache 2.0": "apache-2.0",
    "apache license 2.0": "apache-2.0",
    "apache license, version 2.0": "apache-2.0",
    "cc0": "cc0-1.0",
    "odc-by-1.0": "odc-by",
    "odbl-1.0": "odbl",
    "gpl-3.0-only": "gpl-3.0",
}
UNKNOWN, OTHER = "unknown", "other"


class Claim(NamedTuple):
    """A license, by the hub's identifier, and where a publisher of the source says that it holds."""

    license: str
    where: str


_CONFLICTS = {
    "medmcqa": (
        Claim("mit", "https://github.com/medmcqa/medmcqa/blob/main/LICENSE.md"),
        Claim("apache-2.0", "https://huggingface.co/datasets/openlifescienceai/medmcqa"),
    ),
}
"""Sources whose publishers say different things, by a part of their names in small letters and digits."""


def conflict(source: str | None, license_: str | None) -> tuple[Claim, ...]:
    """What is said of a source's license, where its publishers disagree; empty where nothing speaks against the row's.

    A license that is none of those said is the word of whoever made the question file, and stands.
    """
    name = re.sub(r"[^a-z0-9]", "", (source or "").lower())
    claims = next((said for part, said in _CONFLICTS.items() if part in name), ())
    return claims if identifier(license_) in {claim.license for claim in claims} else ()


def identifier(license_: str | None) -> str:
    """The hub's identifier of a license; ``unknown`` for none, ``other`` for one that is not among the known."""
    if license_ is None or license_.strip().lower() in ("", "unknown"):
        return UNKNOWN
    name = re.sub(r"\s+", " ", license_.strip().lower())
    name = _OTHER_NAMES.get(name, name)
    if re.fullmatch(r"cc[ -]by.*", name):
        name = name.replace(" ", "-")
    return name if name in _TEXTS else OTHER


def front_matter(sources: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """``license`` of a card's head, and the names of those that the hub does not know, in small letters as it asks.

    Of a source whose publishers disagree all licenses are told.
    """
    taken = [one for one in sources if one["records"]]
    written = [one["license"] for one in taken]
    said = {claim.license for one in taken for claim in conflict(one["source"], one["license"])}
    found = sorted({identifier(license_) for license_ in written} | said)
    told: dict[str, Any] = {"license": found[0] if len(found) == 1 else found or UNKNOWN}
    if OTHER in found:
        names = {re.sub(r"[^a-z0-9.]+", "-", one.lower()).strip("-.") for one in written if identifier(one) == OTHER}
        told["license_name"] = "-and-".join(sorted(names - {""})) or OTHER
    return told


def texts_of(source: str | None, license_: str | None) -> list[str]:
    """Where the texts of a source's licenses stand, all of them where its publishers disagree; else its words."""
    said = [claim.license for claim in conflict(source, license_)] or [license_ or UNKNOWN]
    return [text_of(one) or one for one in said]


def text_of(license_: str | None) -> str | None:
    """Where the text of a license stands; None for one that is not known."""
    return _TEXTS.get(identifier(license_))
