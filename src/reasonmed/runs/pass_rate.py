"""How often the models pass a question: the share of its judged chains of thought that the judge called correct.

It counts what the tier counts. A chain without a verdict (undecided, not written, or spared because the tier was
decided without it) is in no share; where there is one, the share is only known to lie within bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.pipeline.stages.route import count_outcomes

if TYPE_CHECKING:
    from reasonmed.types import ChainOfThought, Story


class ModelRate(Struct, frozen=True):
    """The judged chains of one model on a question, and how many of them are correct."""

    model: str
    correct: int
    judged: int


class PassRate(Struct, frozen=True, omit_defaults=True):
    """The judged chains of a question, and how many of them are correct."""

    correct: int
    judged: int
    by_model: tuple[ModelRate, ...] = ()
    """In the order in which the models come in the question's chains."""
    open: int = 0
    """Chains without a verdict, those included that were not written because the tier was decided without them."""
    bounds: tuple[float, float] | None = None
    """The least and the greatest share over all chains, where some are open: none or all of these correct."""

    @property
    def value(self) -> float | None:
        """The share of the judged chains that are correct; None where none is judged."""
        return self.correct / self.judged if self.judged else None


def pass_rate_of(story: Story) -> PassRate:
    """The pass rate of a question."""
    correct, judged = _counted(story.chains)
    unknown = len(story.chains) + story.unsampled - judged
    models = dict.fromkeys(chain.model for chain in story.chains)
    by_model = [ModelRate(model, *_counted(_of(story.chains, model))) for model in models]
    total = judged + unknown
    bounds = (correct / total, (correct + unknown) / total) if unknown else None
    return PassRate(correct, judged, tuple(by_model), unknown, bounds)


def _of(chains: tuple[ChainOfThought, ...], model: str) -> tuple[ChainOfThought, ...]:
    return tuple(chain for chain in chains if chain.model == model)


def _counted(chains: tuple[ChainOfThought, ...]) -> tuple[int, int]:
    outcomes = count_outcomes(chains)
    return outcomes["correct"], outcomes["correct"] + outcomes["error"]
