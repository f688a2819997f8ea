"""Diff: two runs side by side, which records differ between them, and because of which calls."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from reasonmed.documents import Refused
from reasonmed.engine.ledger import Ledger, unpack_texts
from reasonmed.recipe.stages import ranks, specs
from reasonmed.runs.corrections import key_name
from reasonmed.runs.records import Facts, records_of, scores_of
from reasonmed.runs.status import status_of
from reasonmed.runs.stories import unpack_story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.manifest import Manifest
    from reasonmed.runs.status import Status
    from reasonmed.types import Record, Story

_JUDGES = ("verify", "verify_steps", "blind")

_Calls: TypeAlias = "dict[tuple[bytes, int], _Call]"


class Change(msgspec.Struct, frozen=True):
    """A question whose records differ: how, and the first call that explains it."""

    question_id: str
    kind: str
    """``added``, ``removed``, ``changed`` or ``failed``."""
    cause: str
    call: str = ""


class Overview(NamedTuple):
    """Two runs side by side. ``moved`` counts questions that both have, by their tiers in the old and the new one."""

    old: Status
    new: Status
    shared: int
    moved: dict[tuple[str, str], int]


def overview(old: RunDirectory, new: RunDirectory) -> Overview:
    """Questions, tiers, failures, records and cost of two runs, and the questions whose tier differs."""
    with closing(old.reader()) as one, closing(new.reader()) as other:
        before, after = ({name: tier or "no tier" for name, tier in ledger.tiers().items()} for ledger in (one, other))
    both = before.keys() & after.keys()
    moved = Counter((before[name], after[name]) for name in both if before[name] != after[name])
    return Overview(status_of(old), status_of(new), len(both), dict(sorted(moved.items())))


def changes(
    old: RunDirectory,
    new: RunDirectory,
    watch: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    failures: bool = False,
) -> Iterator[Change]:
    """What differs, question by question, in the order of ids.

    ``watch`` gets before each question how many have been compared, and of how many; at the end of all. With
    ``failures`` a question without records that failed for another reason differs too, and its kind is ``failed``.
    """
    facts = old.manifest(), new.manifest()
    with closing(old.reader()) as one, closing(new.reader()) as other:
        names = sorted({*one.tiers(), *other.tiers()})
        for done, name in enumerate(names):
            watch(done, len(names))
            if facts[0].demo == facts[1].demo and _is_equal(one, other, name):
                continue
            before, after = _end(one, name, facts[0]), _end(other, name, facts[1])
            if before.records != after.records:
                kind = "added" if not before.records else "removed" if not after.records else "changed"
            elif failures and before.reason != after.reason:
                kind = "failed"
            else:
                continue
            cause, call = _cause(one, other, name)
            yield Change(name, kind, cause, call)
        watch(len(names), len(names))


def summary(found: list[Change]) -> dict[str, int]:
    """Changes by kind and cause."""
    return dict(Counter(f"{change.kind}: {change.cause}" for change in found).most_common())


class _End(NamedTuple):
    """What became of a question: its records, or why there are none."""

    records: list[Record]
    reason: str | None = None


def _is_equal(one: Ledger, other: Ledger, name: str) -> bool:
    """Whether a question's outcome and scores are the same, byte for byte: nothing need be unpacked then."""
    outcome = one.outcome(name, bytes)
    return outcome == other.outcome(name, bytes) and scores_of(one, name) == scores_of(other, name)


def _end(ledger: Ledger, name: str, facts: Manifest) -> _End:
    story = ledger.outcome(name, unpack_story)
    if story is None:
        return _End([])
    records = records_of(story, Facts(facts.demo, {}), scores_of(ledger, name))
    return _End(records, story.failure.reason if story.failure else None)


class _Call(NamedTuple):
    """A recorded call. ``turn`` counts the turns of the pipeline: no call of a turn waits for another one of it.

    ``place`` says for whom it was and how the reply was drawn.
    """

    turn: int
    stage: str
    place: str
    reply: bytes


class _Difference(NamedTuple):
    """How a call differs; the smallest one is the earliest in the pipeline."""

    turn: int
    rank: int
    place: str
    problem: str
    stage: str


def _cause(one: Ledger, other: Ledger, name: str) -> tuple[str, str]:
    """The earliest turn of the pipeline at which the calls of a question differ, and how; a key comes before all."""
    before, after = _calls(one, name), _calls(other, name)
    if not before or not after:
        return "the question is in one run only", ""
    if len({key_name(row.question) for row in _rows(one, other, name)}) > 1:
        return "another key", ""
    first = min(_differences(before, after), default=None)
    if first is None:
        return "the same calls, read or combined in another way", ""
    return f"{first.stage}: {first.problem}", first.place


def _rows(one: Ledger, other: Ledger, name: str) -> list[Story]:
    return [row for ledger in (one, other) if (row := ledger.row(name, unpack_story)) is not None]


def _differences(before: _Calls, after: _Calls) -> Iterator[_Difference]:
    """Every call that differs; a call is known by its request.

    Where each run alone asked something in the same place, the request is another one.
    """
    known = ranks()
    alone = [{call.place for key, call in mine.items() if key not in theirs} for mine, theirs in _ways(before, after)]
    for mine, theirs in _ways(before, after):
        for key, call in mine.items():
            twin = theirs.get(key)
            if twin is None:
                another = call.place in alone[0] and call.place in alone[1]
                problem = "another request" if another else "asked in one run only"
                yield _difference(call, call.turn, problem, known)
            elif twin.reply != call.reply:
                yield _difference(call, min(call.turn, twin.turn), "another reply to the same request", known)


def _reply_in(texts: bytes) -> bytes:
    """A reply; nothing of one that is torn, which the next run asks again."""
    try:
        return unpack_texts(texts)[1]
    except Refused:
        return b""


def _ways(before: _Calls, after: _Calls) -> tuple[tuple[_Calls, _Calls], tuple[_Calls, _Calls]]:
    return (before, after), (after, before)


def _difference(call: _Call, turn: int, problem: str, known: Mapping[str, int]) -> _Difference:
    stage = call.stage.partition(" ")[0]
    rank = known.get(stage, max(known.values()) + 1)
    return _Difference(turn, rank, call.place, problem, call.stage)


def _calls(ledger: Ledger, name: str) -> _Calls:
    """The calls of a question by their requests, in the order in which they were recorded.

    A new turn begins with a call of another stage; a judge and a blind reader of the same texts take turns together.
    Whoever judges after a rewrite judges rewrites.
    """
    found: _Calls = {}
    turn, last, rewriting = 0, "", False
    for call in ledger.calls_of(name):
        stage = call.stage
        kind = "judge" if stage in _JUDGES else stage
        turn += bool(last) and kind != last
        last, rewriting = kind, rewriting or stage in _rewriters()
        label = f"{stage} of a rewrite" if rewriting and stage in _JUDGES else stage
        drawn = (call.model, call.sample, call.attempt, call.temperature, call.max_tokens)
        place = " ".join(map(str, (label, *drawn)))
        found[call.key, call.max_tokens] = _Call(turn, label, place, _reply_in(call.texts))
    return found


@cache
def _rewriters() -> frozenset[str]:
    """The stages of calls that write a chain anew."""
    return frozenset(role.prompt for spec in specs() if spec.rows == "chain" for role in spec.roles[:1])
