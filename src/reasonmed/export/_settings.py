"""What goes into an export, and how it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed.errors import UsageError
from reasonmed.export._manifest import Chosen

if TYPE_CHECKING:
    from reasonmed.export._findings import Drops
    from reasonmed.export._lengths import Limit
    from reasonmed.export._order import Order
    from reasonmed.export._reviewed import Choice
    from reasonmed.types import Tier

SPLITS = ("train", "validation", "test")
_EXACT = 1e-9


class Settings(NamedTuple):
    """What goes into an export, and how it ends."""

    plain: bool = False
    """Whether texts keep their own endings, instead of the one answer line."""
    demo: bool = False
    disputed: bool = False
    consensus: bool = False
    verified_only: bool = False
    min_score: int | None = None
    min_step_share: float | None = None
    """Of the steps of a record's chain of thought that are ok; one whose steps no judge labelled is left out."""
    tiers: tuple[Tier, ...] = ()
    """Only these; all where none is named. The same holds for sources and licenses."""
    sources: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    drops: Drops | None = None
    shares: tuple[float, float, float] = (1.0, 0.0, 0.0)
    """Of the questions that go to train, validation and test; they add up to 1."""
    seed: int = 0
    redraw: bool = False
    """Whether questions that their own file calls validation or test are drawn like the others."""
    template: str | None = None
    """A chat template's name or file that must keep what is to be learned; else nothing is written."""
    reasoning: Literal["inline", "field"] = "inline"
    """Where chat messages hold the chain of thought: between think tags in the content, or in ``reasoning_content``."""

    reviewed: Choice = "any"
    """What reviewers' votes leave out: nothing, what they rejected, or also what they did not accept."""
    mask_steps: bool = False
    """Whether rows to learn say which texts of theirs are steps that are not ok, and are not to be learned."""
    pass_rate: tuple[float, float] | None = None
    """The least and the greatest pass rate of a question, both included; one without a rate is left out."""
    order: Order = "given"
    """The order of the questions in every file."""
    short: bool = False
    """Whether there is also the variant ``short``: the text after the thinking alone."""
    longest: Limit | None = None
    """Of a chain of thought."""

    def shown(self) -> Chosen:
        """The settings as the manifest shows them."""
        return Chosen(
            plain=self.plain,
            demo=self.demo,
            disputed=self.disputed,
            consensus=self.consensus,
            verified_only=self.verified_only,
            min_score=self.min_score,
            min_step_share=self.min_step_share,
            tiers=[str(tier) for tier in self.tiers],
            sources=list(self.sources),
            licenses=list(self.licenses),
            drops=None if self.drops is None else self.drops.shown(),
            shares=dict(zip(SPLITS, self.shares, strict=True)),
            seed=self.seed,
            redraw=self.redraw,
            template=self.template,
            reasoning=self.reasoning,
            mask_steps=self.mask_steps,
            reviewed=self.reviewed,
            pass_rate=None if self.pass_rate is None else list(self.pass_rate),
            order=self.order,
            short=self.short,
            max_cot_tokens=None if self.longest is None else self.longest.most,
            cot_tokens_in=None if self.longest is None else self.longest.unit,
        )


def parse_shares(text: str) -> tuple[float, float, float]:
    """The shares of train, validation and test, from ``0.9,0.05,0.05``.

    Raises:
        UsageError: they are not three numbers from 0 to 1 that add up to 1.
    """
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    match shares:
        case (train, validation, test) if min(shares) >= 0 and abs(sum(shares) - 1) < _EXACT:
            return train, validation, test
    raise UsageError(
        f"--split {text!r}: it must be three shares for train, validation and test that add up to 1, as 0.9,0.05,0.05"
    )
