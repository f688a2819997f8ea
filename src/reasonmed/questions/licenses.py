"""The licenses that are known: what people write, the hub's identifiers, and where the texts are."""

from __future__ import annotations

import re
from typing import NamedTuple

_SPDX = "https://spdx.org/licenses/"
_TEXTS: dict[str, str | None] = {
    "agpl-3.0": "AGPL-3.0-only",
    "apache-2.0": "Apache-2.0",
    "artistic-2.0": "Artistic-2.0",
    "bsd": None,
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsl-1.0": "BSL-1.0",
    "cc": None,
    "cc0-1.0": "CC0-1.0",
    **{
        f"cc-{kind}-{version}": f"CC-{kind.upper()}-{version}"
        for kind, versions in {
            "by": ("2.0", "2.5", "3.0", "4.0"),
            "by-sa": ("3.0", "4.0"),
            "by-nc": ("2.0", "3.0", "4.0"),
            "by-nd": ("4.0",),
            "by-nc-nd": ("3.0", "4.0"),
            "by-nc-sa": ("2.0", "3.0", "4.0"),
        }.items()
        for version in versions
    },
    "cdla-permissive-1.0": "CDLA-Permissive-1.0",
    "cdla-permissive-2.0": "CDLA-Permissive-2.0",
    "cdla-sharing-1.0": "CDLA-Sharing-1.0",
    "epl-1.0": "EPL-1.0",
    "epl-2.0": "EPL-2.0",
    "eupl-1.1": "EUPL-1.1",
    "eupl-1.2": "EUPL-1.2",
    "gfdl": None,
    "gpl": None,
    "gpl-2.0": "GPL-2.0-only",
    "gpl-3.0": "GPL-3.0-only",
    "isc": "ISC",
    "lgpl": None,
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-3.0": "LGPL-3.0-only",
    "mit": "MIT",
    "mpl-2.0": "MPL-2.0",
    "ms-pl": "MS-PL",
    "ncsa": "NCSA",
    "odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0",
    "osl-3.0": "OSL-3.0",
    "pddl": "PDDL-1.0",
    "postgresql": "PostgreSQL",
    "unlicense": "Unlicense",
    "wtfpl": "WTFPL",
    "zlib": "Zlib",
}
"""SPDX's name of each license by the hub's identifier; None where the identifier stands for several texts."""
_UNLISTED = frozenset({"agpl", "cc-by", "cc-by-nc", "cc-by-nc-nd", "cc-by-nc-sa", "cc-by-nd", "cc-by-sa", "cdla"}) | {
    "epl",
    "mpl",
    "public-domain",
}
"""Names that are well known and have no identifier at the hub: of several texts, or of none."""
_FOLDED = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"[\s_,()/]+", "-"),
        (r"\bcreative-commons\b", "cc"),
        (r"\battribution\b", "by"),
        (r"\bnon-?commercial\b", "nc"),
        (r"\bshare-?alike\b", "sa"),
        (r"\bno-?deriv(?:ative)?s\b", "nd"),
        (r"\bgnu-affero-general-public\b", "agpl"),
        (r"\bgnu-lesser-general-public\b", "lgpl"),
        (r"\bgnu-general-public\b", "gpl"),
        (r"\bmozilla-public\b", "mpl"),
        (r"\beclipse-public\b", "epl"),
        (r"\bgnu-(?=[al]?gpl)", ""),
        (r"(?<=gpl)v(?=\d)", "-"),
        (r"\b(?:the|licen[sc]e|version|international|unported|generic)\b", ""),
        (r"\bv(?:er)?\.?-?(?=\d)", ""),
        (r"-(?:only|or-later)\b", ""),
        (r"-{2,}", "-"),
        (r"^-|-$", ""),
    )
)
_SAME = {
    "apache": "apache-2.0",
    "bsd-2": "bsd-2-clause",
    "bsd-3": "bsd-3-clause",
    "2-clause-bsd": "bsd-2-clause",
    "3-clause-bsd": "bsd-3-clause",
    "cc0": "cc0-1.0",
    "cc-zero": "cc0-1.0",
    "cc-zero-1.0": "cc0-1.0",
    "odc-by-1.0": "odc-by",
    "odbl-1.0": "odbl",
    "pddl-1.0": "pddl",
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


def identifier(license_: str | None) -> str:
    """The hub's identifier of a license; ``unknown`` for none, ``other`` for one that has no identifier."""
    name = _folded(license_ or "")
    if name in ("", UNKNOWN):
        return UNKNOWN
    return name if name in _TEXTS else OTHER


def well_known(license_: str) -> bool:
    """Whether a license is one that people know by its name, with or without an identifier at the hub."""
    return _folded(license_) in _UNLISTED or identifier(license_) != OTHER


def text_of(license_: str | None) -> str | None:
    """The address of a license's text; None for one that is not known, or whose name stands for several texts."""
    name = _TEXTS.get(_folded(license_ or ""))
    return None if name is None else f"{_SPDX}{name}.html"


def conflict(source: str | None, license_: str | None) -> tuple[Claim, ...]:
    """What is said of a source's license, where its publishers disagree; empty where nothing speaks against the row's.

    A license that is none of those said is the word of whoever made the question file, and stands.
    """
    name = re.sub(r"[^a-z0-9]", "", (source or "").lower())
    claims = next((said for part, said in _CONFLICTS.items() if part in name), ())
    return claims if identifier(license_) in {claim.license for claim in claims} else ()


def _folded(written: str) -> str:
    """A license's name as the hub writes it, whichever of the usual ways it is written in."""
    name = written.strip().lower()
    for pattern, replacement in _FOLDED:
        name = pattern.sub(replacement, name)
    name = _SAME.get(name, name)
    whole = re.sub(r"-(\d)$", r"-\1.0", name)
    return whole if whole in _TEXTS else name
