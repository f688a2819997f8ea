"""Models that say the same at every sample: their chains of thought are copies of one, and tiers then count copies."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from reasonmed.engine.job import Kept
from reasonmed.screening.repeats import folded

if TYPE_CHECKING:
    from reasonmed.engine.job import Score
    from reasonmed.engine.ledger import Ledger
    from reasonmed.types import ChainOfThought

_CERTAIN = 5
"""Questions after which a model that has not varied once is reported while the run still goes on."""


def equal_by_model(chains: tuple[ChainOfThought, ...]) -> dict[str, bool]:
    """Whether all texts of a model are equal, for each model with several."""
    texts = defaultdict(list)
    for chain in chains:
        if chain.missing is None:
            texts[chain.model].append(folded(chain.text))
    return {model: len(set(found)) == 1 for model, found in texts.items() if len(found) > 1}


def equal_samples(ledger: Ledger) -> dict[str, int]:
    """The models whose samples are equal at every question that has several, with the number of these questions."""
    return {model: count for model, count, equal in ledger.multiples() if count == equal}


def warning(model: str, questions: int) -> str:
    """What a person should know and do about such a model."""
    times = f"{questions:,} question{'' if questions == 1 else 's'}"
    return (
        f"all samples of {model} are equal ({times}): its chains of thought are copies, which the tiers count one by "
        "one. Likely a seed that the server or extra_body fixes, a gateway that caches replies, or temperature 0. Turn "
        "that off, or put `sampling: {seed: 1}` into the model's entry and ask for `samples` (the number of the sample "
        "is added to the seed)"
    )


class SampleWatch:
    """Notices such a model while the run goes on.

    Args:
        ledger: what earlier sessions found.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._equal: Counter[str] = Counter()
        self._varied: set[str] = set()
        for model, count, equal in ledger.multiples():
            self._equal[model] = equal
            if equal < count:
                self._varied.add(model)

    def warnings(self, kept: Kept | Score) -> list[str]:
        """What a finished row makes certain; each model is reported once."""
        found = []
        for model, equal in (kept.multiples or {}).items() if isinstance(kept, Kept) else ():
            if not equal:
                self._varied.add(model)
                continue
            self._equal[model] += 1
            if self._equal[model] == _CERTAIN and model not in self._varied:
                found.append(warning(model, _CERTAIN))
        return found
