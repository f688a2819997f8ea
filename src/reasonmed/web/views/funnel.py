"""A run at a glance, as its first page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.web.views import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.runs.status import Status


def funnel_view(status: Status, _tallies: Mapping[str, int]) -> View:
    """The view of a run's status and the sums of its index."""
    figures = [("Questions", f"{status.questions:,}"), ("Records", f"{status.records:,}")]
    return View("overview", {"title": f"Overview: {status.state}", "figures": figures})
