"""What became of each chain of thought: a record, or the reason why there is none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.questions.ids import chain_name
from reasonmed.screening.repeats import folded

if TYPE_CHECKING:
    from reasonmed.types import ChainOfThought, Story

_MADE = {"generate": "kept as", "refine": "rewritten into", "optimize": "made into"}
_NOT_RIGHT = {
    "error": "judged wrong",
    "undecided": "the judge did not decide",
    "unjudged": "no judge has read it",
}


class Fate(NamedTuple):
    """Whether records stem from a chain, and why or why not."""

    kept: bool
    why: str


def fates(story: Story) -> list[Fate]:
    """The fate of each generated chain."""
    return [_fate(story, place) for place in range(len(story.chains))]


def _fate(story: Story, place: int) -> Fate:
    kept = () if story.failure else story.kept or ()
    made = [f"{_MADE[one.origin]} record #{n}" for n, one in enumerate(kept, 1) if one.parent == place]
    if made:
        return Fate(kept=True, why="; ".join(made))
    dropped = [f"dropped at {one.stage}: {one.reason}" for one in story.dropped if one.parent == place]
    return Fate(kept=False, why="; ".join(dropped or _why_not(story, place, story.chains[place])))


def _why_not(story: Story, place: int, chain: ChainOfThought) -> list[str]:
    if chain.missing is not None:
        return [chain.missing]
    if chain.outcome in _NOT_RIGHT:
        return [_NOT_RIGHT[chain.outcome]]
    if story.failure is not None or story.kept is None:
        return ["judged right"]
    twin = _twin(story, place)
    if twin is not None:
        return [f"judged right; its text is that of {chain_name(twin + 1)}"]
    parents = [*(one.parent for one in story.kept), *(one.parent for one in story.dropped)]
    ranks = dict.fromkeys(points_of(story.chains[one]) for one in parents if one is not None)
    kept = ", ".join(filter(None, ranks))
    if points_of(chain):
        return [f"judged right; rank {points_of(chain)}" + (f", and {kept} for what was kept" if kept else "")]
    return ["judged right; others are kept"]


def points_of(chain: ChainOfThought) -> str:
    """Its rank in words; empty where it has none."""
    if chain.step_score is not None:
        return f"{chain.step_score:.3f}"
    return "" if chain.score is None else f"{chain.score} of 5"


def _twin(story: Story, place: int) -> int | None:
    """An earlier correct chain with the same words."""
    text = folded(story.chains[place].text)
    earlier = enumerate(story.chains[:place])
    return next((at for at, one in earlier if one.outcome == "correct" and folded(one.text) == text), None)
