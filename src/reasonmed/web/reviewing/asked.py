"""Who reviews, and which queue: read out of an address and a cookie, whatever stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import quote, unquote

import msgspec

from reasonmed.documents import OBEYED, Refused, decoded
from reasonmed.runs.reviews import QueueWanted
from reasonmed.runs.reviews.names import one_line
from reasonmed.runs.reviews.queue import MOST
from reasonmed.web.index import FACETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.datastructures import QueryParams

    from reasonmed.runs.reviews import Drawn

COOKIE = "reasonmed-reviewers"
LONGEST_NAME = 80
KINDS = ("audit", "disagreement", "uncertain", "chosen")
_MOST_REVIEWERS = 8
_FILTER = (*FACETS, "q", "in", "sort")
_HIGHEST_SEED, _LARGEST_STEP = 1 << 31, 100


class Reviewer(NamedTuple):
    """A person, by the name and role that they gave."""

    name: str
    role: str = ""


class Asked(NamedTuple):
    """What an address asks for: a queue without the questions of a filter, which ``filter`` has."""

    reviewer: Reviewer | None
    wanted: QueueWanted | None
    pairs: list[tuple[str, object]]
    """The address again, without what it says of a single text."""
    filter: list[tuple[str, str]]


def asked_in(query: QueryParams, known: Sequence[Reviewer]) -> Asked:
    """The reviewer and the queue of an address; what it asks wrongly is left out.

    An address without a name means the reviewer who used this browser last.
    """
    name = name_in(query.get("reviewer", "")) or next((one.name for one in known), "")
    reviewer = next((one for one in known if one.name == name), Reviewer(name)) if name else None
    chosen = [(key, value) for key, value in query.multi_items() if key in _FILTER]
    kind = query.get("queue", "")
    own: list[tuple[str, object]] = [("run", query.get("run")), ("reviewer", name)]
    if kind not in KINDS:
        return Asked(reviewer, None, [*own, *chosen], chosen)
    wanted = QueueWanted(
        kind=cast("Drawn", kind),
        size=_whole(query.get("n"), 1, MOST),
        share=None if (percent := _whole(query.get("share"), 1, 100)) is None else percent / 100,
        seed=_whole(query.get("seed"), 0, _HIGHEST_SEED) or 0,
        chains=query.get("chains") == "1",
        audit_every=_whole(query.get("every"), 2, _LARGEST_STEP) or 0,
    )
    own += [("queue", kind), ("n", wanted.size), ("share", query.get("share") if wanted.share else None)]
    own += [("seed", wanted.seed or None), ("chains", "1" if wanted.chains else None)]
    own += [("every", wanted.audit_every or None)]
    return Asked(reviewer, wanted, [*own, *chosen], chosen)


def _whole(text: str | None, low: int, high: int) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > len(str(high)):
        return None
    return number if low <= (number := int(text)) <= high else None


def name_in(text: str) -> str | None:
    """A name or a role as it is kept: one line, one way to write each character; None where it cannot be one."""
    found = one_line(text)
    return None if not found or len(found) > LONGEST_NAME or OBEYED.search(found) else found


def spelled(name: str, known: Iterable[str]) -> str:
    """A name as this run knows it already: who writes it in other letter sizes is no other reviewer."""
    return next((one for one in known if one.casefold() == name.casefold()), name)


def reviewers_in(cookie: str) -> list[Reviewer]:
    """The reviewers that this browser knows, the last one first; none where the cookie is not ours."""
    try:
        found = decoded(unquote(cookie).encode("utf-8", "replace"), list[tuple[str, str]])
    except Refused:
        return []
    pairs = [(name_in(name), name_in(role) or "") for name, role in found[:_MOST_REVIEWERS]]
    return [Reviewer(name, role) for name, role in pairs if name is not None]


def cookie_of(reviewer: Reviewer, known: Iterable[Reviewer]) -> str:
    """The cookie that has this reviewer in front of the others."""
    rest = [one for one in known if one.name.casefold() != reviewer.name.casefold()]
    return quote(msgspec.json.encode([reviewer, *rest][:_MOST_REVIEWERS]))
