"""One question of two runs side by side: what became of it in each, and where the stories part."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from reasonmed.web.views.diff import step_diff

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from reasonmed.web.views.chain import ChainView, RecordView, RewriteView
    from reasonmed.web.views.diff import Changed
    from reasonmed.web.views.story import Told

Part = TypeVar("Part")


class Fact(NamedTuple):
    """Something that both stories say in a few words."""

    name: str
    old: str
    new: str

    @property
    def same(self) -> bool:
        """Whether they say the same."""
        return self.old == self.new


class Pair(NamedTuple, Generic[Part]):
    """A part of both stories that stems from the same place, or of one; ``changes`` is how the texts differ."""

    name: str
    old: Part | None
    new: Part | None
    same: bool
    changes: list[Changed]


class Both(NamedTuple):
    """Both stories of a question."""

    facts: list[Fact]
    chains: list[Pair[ChainView]]
    rewrites: list[Pair[RewriteView]]
    records: list[Pair[RecordView]]


class _Kind(NamedTuple, Generic[Part]):
    """How parts of one kind are paired and compared."""

    place: Callable[[Part], tuple[Hashable, ...]]
    content: Callable[[Part], object]
    text: Callable[[Part], str]


def both(old: Told, new: Told) -> Both:
    """Two stories, part by part."""
    return Both(
        _facts(old, new),
        _pairs(old.chains, new.chains, _CHAIN),
        _pairs(old.rewrites, new.rewrites, _REWRITE),
        _pairs(old.records, new.records, _RECORD),
    )


def _facts(old: Told, new: Told) -> list[Fact]:
    return [Fact(name, one, other) for (name, one), (_, other) in zip(_said(old), _said(new), strict=True)]


def _said(told: Told) -> list[tuple[str, str]]:
    return [
        ("Outcome", told.outcome.replace("_", " ")),
        ("Key", told.key or "none"),
        ("Chains of thought", ", ".join(f"{number} {word}" for word, number in told.tally) or "none"),
        ("Records", str(len(told.records))),
        ("Flags", ", ".join(told.flags) or "none"),
        ("Failure", told.failure.detail if told.failure else "none"),
        ("Dropped", "; ".join(f"at {one.stage}: {one.reason}" for one in told.dropped) or "none"),
    ]


def _content_of_chain(one: ChainView) -> object:
    said = [(each.who, each.model, each.outcome, each.reason) for each in one.said]
    return one.whole, one.answer, one.key, one.outcome, one.missing, one.rank, one.rank_reason, said


_CHAIN: _Kind[ChainView] = _Kind(
    lambda one: (one.model, f"T {one.temperature}" if one.temperature else ""), _content_of_chain, lambda one: one.whole
)
_REWRITE: _Kind[RewriteView] = _Kind(
    lambda one: (one.stage, f"of {one.parent}" if one.parent else "", f"round {one.round}"),
    lambda one: (one.problem, one.blind, _content_of_chain(one.chain)),
    lambda one: one.chain.whole,
)
_RECORD: _Kind[RecordView] = _Kind(
    lambda one: (one.id,),
    lambda one: (one.whole, one.response, one.score, one.justification, one.verified, one.flags),
    lambda one: one.whole,
)


def _pairs(old: Iterable[Part], new: Iterable[Part], kind: _Kind[Part]) -> list[Pair[Part]]:
    """Parts at the same place beside each other; those that differ first."""
    before, after = _placed(old, kind), _placed(new, kind)
    pairs = [_pair(place, before.get(place), after.get(place), kind) for place in dict.fromkeys([*before, *after])]
    return sorted(pairs, key=lambda one: one.same)


def _placed(parts: Iterable[Part], kind: _Kind[Part]) -> dict[tuple[Hashable, ...], Part]:
    """The parts by their places; of several at one place each has its number."""
    counts: Counter[tuple[Hashable, ...]] = Counter()
    placed = {}
    for part in parts:
        place = kind.place(part)
        counts[place] += 1
        placed[*place, f"number {counts[place]}" if counts[place] > 1 else ""] = part
    return placed


def _pair(place: tuple[Hashable, ...], old: Part | None, new: Part | None, kind: _Kind[Part]) -> Pair[Part]:
    name = " ".join(str(one) for one in place if one)
    if old is None or new is None:
        return Pair(name, old, new, same=False, changes=[])
    texts = kind.text(old), kind.text(new)
    changes = step_diff(*texts) if texts[0] != texts[1] and all(texts) else []
    return Pair(name, old, new, kind.content(old) == kind.content(new), changes)
