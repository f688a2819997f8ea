"""Votes: which options the chains of thought conclude."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.screening.repeats import first_places, folded
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reasonmed.types import ChainOfThought, Question


class Votes(NamedTuple):
    """The chains that conclude one option, and the models that wrote them."""

    option: int
    chains: int
    models: tuple[str, ...]


def count_votes(chains: Iterable[ChainOfThought]) -> list[Votes]:
    """Votes by option, most first; chains without a readable answer do not vote."""
    models: dict[int, list[str]] = defaultdict(list)
    for chain in chains:
        if chain.missing is None and chain.answer is not None:
            models[chain.answer].append(chain.model)
    found = [Votes(option, len(names), tuple(sorted(set(names)))) for option, names in models.items()]
    return sorted(found, key=lambda votes: (-votes.chains, votes.option))


def voices(chains: Sequence[ChainOfThought]) -> list[ChainOfThought]:
    """The chains with each model's equal texts once: copies are no opinions of their own. Missing chains all stay."""
    keys = [(chain.model, folded(chain.text)) if chain.missing is None else place for place, chain in enumerate(chains)]
    return [chains[place] for place in first_places(keys)]


def in_words(votes: Iterable[Votes], question: Question) -> str:
    """Votes for people: ``B 6, A 2 (key), none 1``."""
    parts = [f"{letter(one.option)} {one.chains}{' (key)' if one.option == question.answer else ''}" for one in votes]
    return ", ".join(parts) or "no answer could be read"
