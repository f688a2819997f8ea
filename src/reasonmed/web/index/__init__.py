"""An index over the questions of a run, an evaluation or an export: full-text search, filters with counts, order.

It is one SQLite file of its own (``view.db`` beside a run's ledger), built in the background, resumed after a stop,
and built anew where what it was made from has changed under it.
"""

from __future__ import annotations

from reasonmed.web.index.entry import FACETS, Entry
from reasonmed.web.index.file import Line
from reasonmed.web.index.index import Index
from reasonmed.web.index.search import SORTS, Found, Wanted

__all__ = ["FACETS", "SORTS", "Entry", "Found", "Index", "Line", "Wanted"]
