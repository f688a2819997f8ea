"""Steps of a model with a large vocabulary, large blocks of memory returned to the system or kept, in turn.

Prints medians of CPU seconds a step: ``OMP_NUM_THREADS=1 python bench/malloc.py``, with torch, on Linux with glibc.
"""

from __future__ import annotations

import argparse
import ctypes
import resource
import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

VOCABULARY, WIDTH, ROWS, TOKENS = 128_256, 64, 2, 128
STEPS = 2
_M_MMAP_MAX = -4
WAYS = {"returned": 65_536, "kept": 0}
"""The most blocks that glibc maps by themselves: its default, and none."""


class Seconds(NamedTuple):
    """CPU seconds of a step."""

    user: float
    system: float


def stepper() -> Callable[[], None]:
    """A function that takes one optimizer step."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(1)
    embedding = nn.Embedding(VOCABULARY, WIDTH)
    body = nn.TransformerEncoderLayer(WIDTH, 4, 2 * WIDTH, batch_first=True)
    optimizer = torch.optim.AdamW([*embedding.parameters(), *body.parameters()], lr=1e-4, fused=True)
    ids = torch.randint(0, VOCABULARY, (ROWS, TOKENS))

    def step() -> None:
        logits = body(embedding(ids)) @ embedding.weight.T
        loss = nn.functional.cross_entropy(logits[:, :-1].reshape(-1, VOCABULARY).float(), ids[:, 1:].reshape(-1))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def timed(step: Callable[[], None]) -> Seconds:
    """The mean of a few steps."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(STEPS):
        step()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return Seconds((after.ru_utime - before.ru_utime) / STEPS, (after.ru_stime - before.ru_stime) / STEPS)


def main() -> None:
    """Measure both ways in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="how often each way is measured")
    turns = parser.parse_args().turns
    step, glibc = stepper(), ctypes.CDLL(None)
    found: dict[str, list[Seconds]] = {name: [] for name in WAYS}
    for _ in range(turns):
        for name, most in WAYS.items():
            glibc.mallopt(_M_MMAP_MAX, most)
            step()
            found[name].append(timed(step))
    for name, seconds in found.items():
        user, system = (statistics.median(one[place] for one in seconds) for place in (0, 1))
        pace = ROWS * TOKENS / (user + system)
        print(f"{name}: user {user:.2f} s, system {system:.2f} s a step, {pace:.0f} tokens per CPU second")


if __name__ == "__main__":
    main()
