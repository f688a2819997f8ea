"""One table of licenses: the rules of `check` and the card of an export know the same ones."""

from __future__ import annotations

import pytest

from reasonmed.checks.cases import Case
from reasonmed.checks.rules.licenses import unknown
from reasonmed.export.card.facts import Source
from reasonmed.export.card.licenses import front_matter
from reasonmed.questions.licenses import OTHER, UNKNOWN, identifier, text_of, well_known
from support import question

NAMED = {
    "LGPL": "lgpl",
    "LGPL-3.0": "lgpl-3.0",
    "GNU Lesser General Public License v2.1": "lgpl-2.1",
    "MPL-2.0": "mpl-2.0",
    "Mozilla Public License 2.0": "mpl-2.0",
    "PDDL": "pddl",
    "PDDL-1.0": "pddl",
    "Unlicense": "unlicense",
    "The Unlicense": "unlicense",
    "ISC": "isc",
    "ISC License": "isc",
    "EPL-2.0": "epl-2.0",
    "CDLA-Permissive-2.0": "cdla-permissive-2.0",
    "CDLA Sharing 1.0": "cdla-sharing-1.0",
    "Apache License, Version 2.0": "apache-2.0",
    "apache 2": "apache-2.0",
    "CC BY 4.0": "cc-by-4.0",
    "cc_by_nc_sa_4.0": "cc-by-nc-sa-4.0",
    "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International": "cc-by-nc-sa-4.0",
    "CC0": "cc0-1.0",
    "BSD 3-Clause": "bsd-3-clause",
    "3-Clause BSD License": "bsd-3-clause",
    "GPLv3": "gpl-3.0",
    "GPL-3.0-or-later": "gpl-3.0",
    "ODbL-1.0": "odbl",
}
UNVERSIONED = ("MPL", "EPL", "CDLA", "AGPL", "CC BY-NC", "public domain")
STRANGE = ("Our own terms", "MIT-ish", "permitted", "EPLX", "miscellaneous", "for research only")


@pytest.mark.parametrize("written", [*NAMED, *UNVERSIONED, *STRANGE])
def test_check_and_card_agree_on_what_is_known(written: str) -> None:
    flagged = unknown(Case(question(license=written)), frozenset()) is not None
    assert flagged == (written in STRANGE) == (not well_known(written))
    assert identifier(written) == NAMED.get(written, OTHER)
    head = front_matter([Source("A", written, records=1)])
    assert head["license"] == NAMED.get(written, OTHER)


def test_no_license_is_unknown_and_has_no_text() -> None:
    assert [identifier(one) for one in (None, "", " ", "Unknown")] == [UNKNOWN] * 4
    assert text_of(None) is None


def test_a_text_is_named_only_where_the_license_is_one_text() -> None:
    assert text_of("GPLv3") == "https://spdx.org/licenses/GPL-3.0-only.html"
    assert text_of("cc by-nc 4.0") == "https://spdx.org/licenses/CC-BY-NC-4.0.html"
    assert [text_of(one) for one in ("GPL", "BSD", "MPL", "Our own terms")] == [None] * 4
