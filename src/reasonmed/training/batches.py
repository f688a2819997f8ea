"""Which rows make an optimizer step, and how a step's rows lie in micro-batches.

A step is a fixed number of rows, whatever their lengths: packing changes how fast a step is, never what it learns. The
loss of a step is the mean over its tokens, so that packed and padded steps agree.
"""

from __future__ import annotations

import math
import random
from bisect import insort
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import UsageError
from reasonmed.training.tokens import MASKED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reasonmed.training.tokens import Tokenized

BLOCK = 128
"""Packed micro-batches are a multiple of this long: what attention kernels work in."""

Micro = list[int]
"""Places of rows that go through the model at once."""


class Layout(NamedTuple):
    """How rows lie in memory."""

    packed: bool
    capacity: int
    """Tokens of a micro-batch at most; the longest row fits."""
    processes: int = 1


class Plan(NamedTuple):
    """Every micro-batch of a run, in order: ``accumulation`` of them make a step, over all processes."""

    micros: list[Micro]
    steps: int
    accumulation: int
    """Micro-batches of a step, all processes together."""
    width: int
    """Tokens of a packed micro-batch with its filling; the same for all, so that shapes never change. 0: padded."""
    fill: float | None
    """Share of the tokens that go through the model that are no filling; None where that is not known beforehand."""
    tokens: int | None
    """Tokens of all rows of the run; None where the model itself writes a part of them."""


def plan(lengths: Sequence[int], rows: int, epochs: float, seed: int, layout: Layout, most: int | None = None) -> Plan:
    """Lay out a run: ``rows`` rows a step in an order drawn anew for each epoch."""
    steps = list(islice(_steps(lengths, rows, epochs, seed), most))
    split = [_pack(step, lengths, layout) if layout.packed else _pad(step, lengths, layout) for step in steps]
    accumulation = max(map(len, split))
    accumulation = math.ceil(accumulation / layout.processes) * layout.processes
    if layout.packed:
        split = [_level(step, micros, lengths, accumulation, layout) for step, micros in zip(steps, split, strict=True)]
    micros = [micro for step in split for micro in [*step, *([[]] * (accumulation - len(step)))]]
    loads = [sum(lengths[row] for row in micro) for micro in micros]
    width = math.ceil(max(loads) / BLOCK) * BLOCK if layout.packed else 0
    through = width * len(micros) or sum(len(one) * max((lengths[row] for row in one), default=0) for one in micros)
    return Plan(micros, len(steps), accumulation, width, sum(loads) / through, sum(loads))


def even(items: int, most: int, processes: int) -> int:
    """Micro-batches of one size that a step's items make, over all processes.

    Raises:
        UsageError: the processes cannot share them evenly.
    """
    share, over = divmod(items, processes)
    if over:
        raise UsageError(f"batch: the {items} sequences of a step cannot be shared evenly by {processes} processes")
    return items // whole(share, most)


def whole(items: int, most: int) -> int:
    """The largest size, of at most ``most``, in which items can be taken with none left over."""
    return next((size for size in range(min(items, most), 1, -1) if items % size == 0), 1)


def groups(lengths: Sequence[int], layout: Layout) -> list[Micro]:
    """All rows once in micro-batches, for a loss without steps."""
    every = list(range(len(lengths)))
    found = _pack(every, lengths, layout) if layout.packed else _pad(every, lengths, layout)
    return found + [[]] * (-len(found) % layout.processes)


def _steps(lengths: Sequence[int], rows: int, epochs: float, seed: int) -> Iterator[list[int]]:
    """Rows of each step; a step may reach over the end of an epoch, only the last one may be short."""
    wanted, stream = math.ceil(len(lengths) * epochs), list[int]()
    for epoch in range(math.ceil(epochs)):
        stream += _order(lengths, rows, random.Random(f"{seed} {epoch}"))  # noqa: S311 - an order, not a secret
    stream = stream[:wanted]
    for first in range(0, len(stream), rows):
        yield stream[first : first + rows]


def _order(lengths: Sequence[int], rows: int, draw: random.Random) -> list[int]:
    """An epoch's order: every step gets short and long rows in like shares, so that steps have like numbers of tokens.

    Rows are dealt out: the longest ones one to each step, then the next ones, each round in an order of its own.
    """
    drawn = list(range(len(lengths)))
    draw.shuffle(drawn)
    drawn.sort(key=lambda row: -lengths[row])
    steps: list[list[int]] = [[] for _ in range(math.ceil(len(drawn) / rows))]
    for first in range(0, len(drawn), len(steps)):
        dealt = drawn[first : first + len(steps)]
        for step, row in zip(draw.sample(range(len(steps)), len(dealt)), dealt, strict=True):
            steps[step].append(row)
    draw.shuffle(steps)
    return [row for step in steps for row in step]


def _pack(step: Sequence[int], lengths: Sequence[int], layout: Layout) -> list[Micro]:
    """Best fit, longest first."""
    open_: list[tuple[int, int]] = []
    bins: list[Micro] = []
    for row in sorted(step, key=lambda one: (-lengths[one], one)):
        place = next((place for place, (room, _) in enumerate(open_) if room >= lengths[row]), None)
        room, number = (layout.capacity, len(bins)) if place is None else open_.pop(place)
        if place is None:
            bins.append([])
        bins[number].append(row)
        insort(open_, (room - lengths[row], number))
    return bins


def _level(step: Sequence[int], packed: list[Micro], lengths: Sequence[int], count: int, layout: Layout) -> list[Micro]:
    """The same rows spread evenly over ``count`` micro-batches, where that keeps within the capacity."""
    loads: list[tuple[int, int]] = [(0, number) for number in range(count)]
    spread: list[Micro] = [[] for _ in range(count)]
    for row in sorted(step, key=lambda one: (-lengths[one], one)):
        load, number = loads.pop(0)
        spread[number].append(row)
        insort(loads, (load + lengths[row], number))
    return spread if loads[-1][0] <= layout.capacity else packed


def _pad(step: Sequence[int], lengths: Sequence[int], layout: Layout) -> list[Micro]:
    """Neighbors in length together, so that little is filled."""
    micros: list[Micro] = []
    widest = 0
    for row in sorted(step, key=lambda one: (-lengths[one], one)):
        if not micros or (len(micros[-1]) + 1) * widest > layout.capacity:
            micros.append([])
            widest = lengths[row]
        micros[-1].append(row)
    return micros


class Collator:
    """Turns the places of rows into tensors: flattened with position ids where packed, else padded with a mask."""

    def __init__(self, rows: Sequence[Tokenized], pad: int, width: int, *, boundaries: bool) -> None:
        self._rows, self._pad, self._width, self._boundaries = rows, pad, width, boundaries

    def __call__(self, examples: Sequence[Mapping[str, Sequence[int]]]) -> dict[str, object]:
        """A micro-batch of the rows of all examples."""
        rows = [self._rows[place] for example in examples for place in example["rows"]]
        return self._flat(rows) if self._width else self._padded(rows)

    def _flat(self, rows: Sequence[Tokenized]) -> dict[str, object]:
        import torch

        ids = torch.full((1, self._width), self._pad)
        labels, positions = torch.full_like(ids, MASKED), torch.zeros_like(ids)
        at, ends = 0, [0]
        for row in rows:
            here = slice(at, at + len(row))
            ids[0, here] = torch.from_numpy(row.ids)
            labels[0, at + max(row.start, 1) : at + len(row)] = ids[0, at + max(row.start, 1) : at + len(row)]
            if row.masked:
                labels[0, [at + place for place in row.masked]] = MASKED
            positions[0, here] = torch.arange(len(row))
            at += len(row)
            ends.append(at)
        positions[0, at:] = torch.arange(self._width - at)
        made = {"input_ids": ids, "labels": labels, "position_ids": positions}
        if self._boundaries:
            ends = [*ends, self._width] if at < self._width else ends
            limits = torch.tensor(ends, dtype=torch.int32)
            longest = int(limits.diff().max())
            made |= {"cu_seq_lens_q": limits, "cu_seq_lens_k": limits, "max_length_q": longest, "max_length_k": longest}
        return made

    def _padded(self, rows: Sequence[Tokenized]) -> dict[str, object]:
        import torch

        widest = max((len(row) for row in rows), default=2)
        ids = torch.full((max(len(rows), 1), widest), self._pad)
        labels, mask = torch.full_like(ids, MASKED), torch.zeros_like(ids)
        mask[:, 0] = 1
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.from_numpy(row.ids)
            labels[number, max(row.start, 1) : len(row)] = ids[number, max(row.start, 1) : len(row)]
            if row.masked:
                labels[number, list(row.masked)] = MASKED
            mask[number, : len(row)] = 1
        return {"input_ids": ids, "labels": labels, "attention_mask": mask}
