"""``/compare``: two runs, changed questions first; ``/compare/ID``: one question with both stories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from starlette.exceptions import HTTPException
from starlette.routing import Route

from reasonmed.web.comparing import state_of
from reasonmed.web.index.search import PAGE
from reasonmed.web.pages.questions import page_number
from reasonmed.web.pages.shell import library_of, page
from reasonmed.web.render import address, path_of
from reasonmed.web.sources import RunSource
from reasonmed.web.views import View
from reasonmed.web.views.comparison import both

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from reasonmed.runs.diff import Change
    from reasonmed.web.index import Index, Line


@dataclass(frozen=True)
class Run:
    """An open run by its name."""

    name: str
    source: RunSource
    index: Index


class Two(NamedTuple):
    """The runs that an address compares, and which causes it asks for."""

    old: Run
    new: Run
    cause: str

    @property
    def pairs(self) -> list[tuple[str, object]]:
        """What keeps them in an address."""
        return [("a", self.old.name), ("b", self.new.name), ("cause", self.cause)]


def compare(request: Request) -> Response:
    """The list of changed questions; the choice of two runs where none are named."""
    runs = _runs(request)
    two = _two(request, runs)
    names = {"title": "Compare", "names": list(runs), "a": request.query_params.get("a"), "two": two}
    if two is None:
        return page(request, View("compare", {**names, "compared": None}))
    comparison = library_of(request).comparisons.of(
        two.old.source, two.new.source, fresh="fresh" in request.query_params
    )
    compared = comparison.seen()
    listed = _listed(compared.changes, two.cause)
    pages = max(1, -(-len(listed) // PAGE))
    number = min(page_number(request.query_params), pages)
    shown = listed[(number - 1) * PAGE : number * PAGE]
    values = {
        "compared": compared,
        "stale": compared.ended and comparison.state != state_of(two.old.source, two.new.source),
        "total": len(listed),
        "number": number,
        "pages_of_list": pages,
        "lines": _lines(two, shown),
        "nowhere": [_nowhere(one) for one in (two.old, two.new)],
        "earlier": address("/compare", [*two.pairs, ("page", number - 1)]) if number > 1 else "",
        "later": address("/compare", [*two.pairs, ("page", number + 1)]) if number < pages else "",
    }
    return page(request, View("compare", {**names, **values}))


def pair(request: Request) -> Response:
    """One question with both stories."""
    two = _two(request, _runs(request))
    name = request.path_params["name"]
    if two is None:
        raise HTTPException(404, "name two open runs: /compare/ID?a=RUN&b=OTHER")
    stories = [one.source.told(name) for one in (two.old, two.new)]
    if stories == [None, None]:
        raise HTTPException(404, f"neither {two.old.name} nor {two.new.name} has a question {name!r:.200}")
    old, new = stories
    values = {
        "title": name,
        "two": two,
        "old": old,
        "new": new,
        "both": both(old, new) if old and new else None,
        "change": None,
        "list": address("/compare", two.pairs),
        **_around(request, two, name),
    }
    return page(request, View("pair", values))


def _around(request: Request, two: Two, name: str) -> dict[str, object]:
    """The change of a question, and the ways to those beside it in the list."""
    compared = library_of(request).comparisons.of(two.old.source, two.new.source, fresh=False).seen()
    listed = _listed(compared.changes, two.cause)
    place = next((at for at, one in enumerate(listed) if one.question_id == name), None)
    if place is None:
        return {"change": None, "place": 0, "total": len(listed), "earlier": "", "later": ""}
    beside = [listed[at].question_id if 0 <= at < len(listed) else "" for at in (place - 1, place + 1)]
    ways = [address(f"/compare/{path_of(one)}", two.pairs) if one else "" for one in beside]
    return {
        "change": listed[place],
        "place": place + 1,
        "total": len(listed),
        "earlier": ways[0],
        "later": ways[1],
    }


def _runs(request: Request) -> dict[str, Run]:
    opened = library_of(request).shown
    return {one.name: Run(one.name, one.source, one.index) for one in opened if isinstance(one.source, RunSource)}


def _two(request: Request, runs: dict[str, Run]) -> Two | None:
    """The two that an address names; of two open runs these.

    Raises:
        HTTPException: one that it names is not open.
    """
    asked = [request.query_params.get(one, "") for one in ("a", "b")]
    unknown = [one for one in asked if one and one not in runs]
    if unknown:
        raise HTTPException(404, f"no run {unknown[0]!r:.100} is open; there are: {', '.join(runs) or '(none)'}")
    names = asked if all(asked) else list(runs)
    if len(names) != len(asked):
        return None
    return Two(runs[names[0]], runs[names[1]], request.query_params.get("cause", ""))


def _listed(changes: list[Change], cause: str) -> list[Change]:
    return [one for one in changes if not cause or f"{one.kind}: {one.cause}" == cause]


def _lines(two: Two, changes: list[Change]) -> list[tuple[Change, Line | None, Line | None]]:
    """Changes with what the index of each run says of their questions."""
    names = [one.question_id for one in changes]
    old, new = two.old.index.lines(names), two.new.index.lines(names)
    return [(one, old.get(one.question_id), new.get(one.question_id)) for one in changes]


def _nowhere(run: Run) -> str:
    """What is said of a question that the index of a run does not have."""
    progress = run.index.progress
    return f"not in {run.name}" if progress.done >= progress.total else "not indexed yet"


ROUTES = [Route("/compare", compare), Route("/compare/{name:id}", pair)]
