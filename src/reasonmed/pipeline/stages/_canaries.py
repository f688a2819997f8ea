"""Canaries: twins of chains of thought with broken reasoning, judged like the rest, to see what the judge lets pass.

They stand apart in ``Story.probes``: no stage counts, ranks or keeps them, so that no output can hold one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.pipeline.judging.cases import planted
from reasonmed.pipeline.judging.mutations import REASONING, Source, dice_for
from reasonmed.screening.repeats import folded

if TYPE_CHECKING:
    import random

    from reasonmed.recipe.options import Verify
    from reasonmed.types import ChainOfThought, Probe, Question, Story


def plant(story: Story, options: Verify) -> list[Probe]:
    """The canaries of the chains that are to be judged; which, and with what fault, is drawn by a hash.

    Only a chain that concludes the key gets one: the fault is then in the reasoning alone. Equal texts get one in all:
    the draw goes by the text, and a text that had its turn in an earlier wave has none again.
    """
    made = []
    seen = {folded(chain.text) for chain in story.chains if chain.verdict is not None}
    for chain in story.chains if options.canaries else ():
        fresh = chain.missing is None and chain.verdict is None
        if not fresh or chain.answer is None or chain.answer != story.question.answer:
            continue
        text = folded(chain.text)
        if text in seen:
            continue
        seen.add(text)
        dice = dice_for(options.canary_seed, story.question.id, text)
        if dice.random() < options.canaries:
            made.append(_twin(story.question, chain, dice))
    return [one for one in made if one is not None]


def _twin(question: Question, chain: ChainOfThought, dice: random.Random) -> Probe | None:
    """The chain with the first fault, in a drawn order, that it offers a place for."""
    for name in dice.sample(sorted(REASONING), len(REASONING)):
        made = REASONING[name](Source(question, chain.text), dice)
        if made is not None:
            return planted(question, name, "broken_reasoning", made, chain.model)
    return None
