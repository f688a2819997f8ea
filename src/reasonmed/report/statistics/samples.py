"""What fewer draws would have given: from n answers to a question, the chance that k of them have it right."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from math import comb
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


def sizes(n: int) -> list[int]:
    """The numbers of draws of a curve: powers of two, and all of them."""
    return sorted({*(1 << power for power in range(n.bit_length()) if 1 << power <= n), n})


def pass_at(n: int, right: int, k: int) -> float:
    """The chance that one of k draws out of n is right (Chen et al., 2021): unbiased, without a draw."""
    return 1 - comb(n - right, k) / comb(n, k)


def majority_at(votes: Sequence[Hashable | None], key: Hashable, k: int) -> float:
    """The chance that the commonest of k answers out of these is the key; None is no vote, and a tie is split."""
    counts = Counter(vote for vote in votes if vote is not None)
    right = counts.pop(key, 0)
    return _majority(right, tuple(sorted(counts.values())), len(votes) - right - counts.total(), k)


@lru_cache(maxsize=65536)
def _majority(right: int, others: tuple[int, ...], silent: int, k: int) -> float:
    n = right + sum(others) + silent
    return sum(
        comb(right, taken) * _wins(taken, 1, others, silent, k - taken) for taken in range(1, min(right, k) + 1)
    ) / comb(n, k)


@lru_cache(maxsize=65536)
def _wins(most: int, tied: int, others: tuple[int, ...], silent: int, left: int) -> float:
    """Ways to fill what is left without any other option above the key's count, each by the key's share of the tie."""
    if not others:
        return comb(silent, left) / tied
    first, rest = others[0], others[1:]
    return sum(
        comb(first, taken) * _wins(most, tied + (taken == most), rest, silent, left - taken)
        for taken in range(min(first, most, left) + 1)
    )
