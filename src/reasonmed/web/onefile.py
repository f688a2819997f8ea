"""A folder as one HTML file, for whoever has no server: its overview, a list with search, every question's story.

Its parts are the pages' own templates. It holds one question at a time in memory, and the file needs nothing beside
itself; without JavaScript only the search is missing.
"""

from __future__ import annotations

import heapq
import json
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from markupsafe import Markup

from reasonmed.documents import visible
from reasonmed.errors import UsageError
from reasonmed.files import replacing
from reasonmed.report.page import SCRIPT_FILE, STYLE_FILE, Html, finder, policy
from reasonmed.secrecy import conceal
from reasonmed.types import digest
from reasonmed.web.anchors import anchor_of, apart
from reasonmed.web.index import FACETS, Index, Wanted
from reasonmed.web.render import drawn, rendered_in_file, streamed, styles_of
from reasonmed.web.sources import opened
from reasonmed.web.views import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from reasonmed.web.index.file import Line
    from reasonmed.web.sources import Source

_STATIC = Path(__file__).parent / "static"
_HASH = 8
_GONE = View("problem", {"title": "This question is gone", "problem": "It was taken out while the file was written."})


@runtime_checkable
class Calling(Protocol):
    """A source that keeps the calls of models."""

    def calls(self, name: str) -> View | None:
        """What a page shows of a question's calls."""
        ...


class Choice(NamedTuple):
    """Which questions go into a file: what is found, of it the first ``most``, or a sample by a hash of the ids."""

    wanted: Wanted = Wanted()
    most: int = 100
    sample: int | None = None
    seed: int = 0


class Written(NamedTuple):
    """How many questions are in a file, of how many that were found, of how many that there are."""

    inside: int
    found: int
    total: int

    def __str__(self) -> str:
        """In words."""
        of = f"{self.total:,} question{'' if self.total == 1 else 's'}"
        found = "" if self.found == self.total else f" ({self.found:,} found)"
        return f"{self.inside:,} of {of}{found}"


class InFile(NamedTuple):
    """A question as the file has it."""

    line: Line
    anchor: str
    facets: str
    body: Markup


class OneFile:
    """A folder, about to be written.

    Args:
        folder: a run, an evaluation or an export.
        calls: whether every call of a model is in the file, with prompt and reply.

    Raises:
        ReasonMedError: the folder is none of these.
        UsageError: the calls are wanted, and there are none.
    """

    def __init__(self, folder: Path, *, calls: bool = False) -> None:
        self._name = folder.resolve().name
        self._source = opened(folder)
        self._calls = _calling(self._source) if calls else None

    def write(self, output: Path, choice: Choice, tell: Callable[[int, int], None] = lambda *_: None) -> Written:
        """Write the file, whole or not at all.

        Args:
            output: where it will be.
            choice: which questions are in it.
            tell: is told before each question how many of how many are written.

        Raises:
            UsageError: no question is found.
        """
        with closing(Index(self._source)) as index:
            index.catch_up()
            found = index.find(choice.wanted, {}).total
            lines = _chosen(index, choice)
            if not lines:
                raise UsageError(f"{self._source.path} has no such question: take a filter or a word away")
            written = Written(len(lines), found, index.state.size)
            values = {
                **self._head(index, lines[0]),
                "extent": f"{written} in this file",
                "questions": self._questions(lines, _Facets(index), tell),
            }
            with replacing(output) as sink:
                for piece in streamed("whole", values):
                    sink.write(piece.encode("utf-8", "replace"))
        return written

    def _head(self, index: Index, first: Line) -> dict[str, object]:
        overview = self._source.overview(dict(index.state.tallies))
        still = {"shown": {"name": self._name}, "indexed": index.state.size, "examples": {}, "follows": False}
        overview = overview._replace(values={**overview.values, **still})
        style = _style([overview, self._source.question(first.id) or _GONE])
        script = SCRIPT_FILE.read_text(encoding="utf-8")
        return {
            "name": self._name,
            "policy": policy(style, script),
            "style": drawn(Html(style)),
            "script": drawn(Html(script)),
            "overview": rendered_in_file(overview),
            "finder": drawn(finder("#lines details.question", "questions", FACETS)),
        }

    def _questions(self, lines: list[Line], facets: _Facets, tell: Callable[[int, int], None]) -> Iterator[InFile]:
        for number, line in enumerate(lines):
            tell(number, len(lines))
            anchor = anchor_of(line.id)
            views = [self._source.question(line.id) or _GONE, self._calls.calls(line.id) if self._calls else None]
            body = Markup().join(rendered_in_file(view) for view in views if view is not None)
            yield InFile(line, anchor, facets.of(line.row), apart(body, anchor))


class _Facets:
    """Which values the questions of an index have."""

    def __init__(self, index: Index) -> None:
        self._rows = [
            (facet, visible(conceal(value)), bits.to_bytes(bits.bit_length() // 8 + 1, "little"))
            for facet, values in index.state.facets.items()
            for value, rows in values.items()
            for bits in (rows.as_bits(),)
        ]

    def of(self, row: int) -> str:
        """The values of one question, by facet, as JSON."""
        found: dict[str, list[str]] = {}
        for facet, value, rows in self._rows:
            if row // 8 < len(rows) and rows[row // 8] >> row % 8 & 1:
                found.setdefault(facet, []).append(value)
        return json.dumps(found, ensure_ascii=False)


def _calling(source: Source) -> Calling:
    if not isinstance(source, Calling):
        raise UsageError(f"--calls: {source.path} keeps no calls of models")
    return source


def _chosen(index: Index, choice: Choice) -> list[Line]:
    lines = _lines(index, choice.wanted)
    if choice.sample is None:
        return list(islice(lines, choice.most))
    drawn_ones = heapq.nsmallest(choice.sample, lines, key=lambda line: digest((choice.seed, line.id), _HASH))
    return sorted(drawn_ones, key=lambda line: line.row)


def _lines(index: Index, wanted: Wanted) -> Iterator[Line]:
    """All that is found, page by page."""
    page = index.find(wanted, {})
    yield from page.lines
    for number in range(2, page.pages + 1):
        yield from index.find(wanted._replace(page=number), {}).lines


def _style(views: Iterable[View]) -> str:
    """The look of a file: that of all pages, of the pages whose views it shows, and its own."""
    own = dict.fromkeys(name for view in views for name in styles_of(view))
    files = [STYLE_FILE, *(_STATIC / name for name in own), _STATIC / "file.css"]
    return "".join(file.read_text(encoding="utf-8") for file in files)
