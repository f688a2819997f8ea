"""Work on parts of a set by several processes: in order, with its errors, and with nothing left behind."""

from __future__ import annotations

import os
import pickle
import signal
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from reasonmed.errors import QuestionError, ReasonMedError, UsageError
from reasonmed.processes import _tried, in_order, usable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def squares(folder: Path) -> Iterator[Callable[[object], tuple[int, int]]]:
    """Squares; the first ones take longest. The number of each process that begins is noted."""

    def work(part: object) -> tuple[int, int]:
        assert isinstance(part, int)
        time.sleep(0.05 if part % 4 == 0 else 0)
        if part == 17:
            raise UsageError("17 is not allowed")
        if part == 18:
            raise QuestionError("a.jsonl", 3, "stem", "is empty")
        if part == 19:
            os.kill(os.getpid(), signal.SIGKILL)
        if part == 20:
            raise EOFError("a fault of the work")
        return part * part, os.getpid()

    (folder / str(os.getpid())).touch()
    yield work


@contextmanager
def nothing() -> Iterator[Callable[[int], int]]:
    """What cannot be begun."""
    if len(__name__):
        raise UsageError("it cannot be begun")
    yield abs


def test_results_come_in_the_order_of_the_parts_whoever_makes_them(tmp_path: Path) -> None:
    found = list(in_order(range(16), partial(squares, tmp_path), alone=2, processes=3))
    assert [square for square, _ in found] == [part * part for part in range(16)]
    makers = [pid for _, pid in found]
    assert set(makers[:2]) == {os.getpid()}
    assert os.getpid() not in makers[2:]
    assert len(set(makers)) == len(list(tmp_path.iterdir())) == 4
    assert not [pid for pid in set(makers) - {os.getpid()} if Path(f"/proc/{pid}").exists()]


def test_no_process_is_started_for_a_small_set(tmp_path: Path) -> None:
    assert {pid for _, pid in in_order(range(3), partial(squares, tmp_path), alone=3)} == {os.getpid()}
    assert {pid for _, pid in in_order(range(9), partial(squares, tmp_path), processes=1)} == {os.getpid()}
    assert not list(in_order(range(0), partial(squares, tmp_path)))
    assert [one.name for one in tmp_path.iterdir()] == [str(os.getpid())]


def test_no_more_parts_are_taken_than_are_needed(tmp_path: Path) -> None:
    parts = iter(range(16))
    found = in_order(parts, partial(squares, tmp_path), alone=1, processes=2)
    for _ in range(3):
        next(found)
    assert next(parts) <= 3 + 4


@pytest.mark.parametrize(
    ("part", "kind", "said"),
    [(17, UsageError, "17 is not allowed"), (19, ReasonMedError, "was killed by signal 9")],
)
def test_an_error_of_a_process_is_the_errors_own(part: int, kind: type[Exception], said: str, tmp_path: Path) -> None:
    with pytest.raises(kind, match=said):
        list(in_order([1, part, 2], partial(squares, tmp_path), processes=2))


def test_an_error_can_be_sent_whatever_it_is_made_of(tmp_path: Path) -> None:
    with squares(tmp_path) as work:
        odd, own = (_tried(cast("Callable[[object], object]", work), pickle.dumps(part)).failed for part in (18, 20))
    assert isinstance(odd, ReasonMedError)
    assert str(odd) == "a.jsonl:3: stem: is empty"
    assert isinstance(own, EOFError)
    assert "in work" in own.__notes__[0]


def test_what_cannot_be_begun_says_so() -> None:
    with pytest.raises(UsageError, match="it cannot be begun"):
        list(in_order(range(4), nothing, alone=0, processes=2))


def test_no_more_processes_than_this_one_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert usable() == 1
    finally:
        os.sched_setaffinity(0, allowed)
