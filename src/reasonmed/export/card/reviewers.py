"""What people checked, in the sentences of a data card: how many, in which roles, and what follows; never names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.report.markdown import count
from reasonmed.runs.reviews.in_words import sentences, who

if TYPE_CHECKING:
    from reasonmed.export._manifest import Export
    from reasonmed.export.card.facts import Run

_NOBODY = "no clinician has checked them"
_TAKEN = {
    "none-rejected": "Records that most of their reviewers rejected, or on which these are split, are left out; "
    "texts that reviewers edited are in place of the model's.",
    "accepted": "Only records that most of their reviewers accepted or edited are taken; "
    "texts that reviewers edited are in place of the model's.",
}


def not_clinical(told: Export) -> str:
    """What the data must not be used for, and who has checked it."""
    return (
        "Not for clinical use. These texts were written by language models for research on medical reasoning; "
        f"{_checked(told)}. They must not be used to diagnose, to treat or to advise patients."
    )


def _checked(told: Export) -> str:
    found = [run.reviews for run in _runs(told) if run.reviews is not None and run.reviews.texts]
    if not found:
        return _NOBODY
    said = "; ".join(f"{who(one)} checked {one.texts:,} of them" for one in found)
    return f"{said}, in roles that they gave themselves, and no clinician has checked the others"


def reviews(told: Export) -> list[str]:
    """What reviewers found, run by run, and what this export takes of it; empty where nobody voted."""
    runs = _runs(told)
    found = [
        (f"Run {number}: {line}" if len(runs) > 1 else line)
        for number, run in enumerate(runs, 1)
        if run.reviews is not None
        for line in (*sentences(run.reviews), _whole(run))
    ]
    taken = _TAKEN.get(told.settings.reviewed)
    return [*found, *([taken] if taken and found else [])]


def _whole(run: Run) -> str:
    return f"Rates are of all {count(run.records, 'record')} of the run, of which an export may take a part."


def demographics(told: Export) -> list[str]:
    """Who annotated, for Croissant."""
    found = [who(run.reviews) for run in _runs(told) if run.reviews is not None and run.reviews.roles]
    return found or ["No human annotators took part"]


def _runs(told: Export) -> list[Run]:
    return [part.run for part in told.card.parts] or [told.card.run]
