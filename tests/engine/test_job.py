"""A job on rows that have nothing to do with medicine: the engine takes them in, works on them, keeps what is made."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from reasonmed.documents import Refused
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.job import Job, Kept, Score
from reasonmed.engine.ledger import Ledger
from reasonmed.engine.pool import finish
from reasonmed.errors import Drained, RunDirectoryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from reasonmed.engine.job import Models

Coin = tuple[str, int, str]
"""A name, a value, and a note that may change."""


def encode(coin: Coin) -> bytes:
    return "|".join(map(str, coin)).encode()


def decode(blob: bytes) -> Coin:
    try:
        name, value, note = blob.decode().split("|")
    except ValueError as torn:
        raise Refused("it is no coin") from torn
    return name, int(value), note


def renewed(coin: Coin, is_outcome: bool, stored: bytes) -> bytes | None:  # noqa: FBT001 - the shape of all jobs
    if is_outcome:
        return None
    name, value, _ = decode(stored)
    return encode((name, value, coin[2]))


def kept(outcome: tuple[str, int]) -> Kept:
    name, doubled = outcome
    return Kept(name, None, None, 1, 0, 0, 0, 0, 0, 0, str(doubled).encode())


def doubling(models: Models) -> Callable[[Coin], Awaitable[tuple[str, int]]]:
    async def work(coin: Coin) -> tuple[str, int]:
        if coin[1] < 0:
            raise Drained("a coin of less than nothing")
        return coin[0], 2 * coin[1]

    return work


JOB = Job(
    key=lambda coin: coin[0],
    hash=lambda coin: bytes([coin[1] % 256]),
    encode=encode,
    decode=decode,
    renewed=renewed,
    keep=kept,
    work=doubling,
)
COINS: list[Coin] = [("dime", 10, ""), ("cent", 1, ""), ("debt", -5, ""), ("penny", 1, "old")]


async def do(job: Job[Coin, tuple[str, int]], ledger: Ledger) -> list[str]:
    rows = partial(ledger.pending, job.decode)
    return [one.key async for one in finish(job, rows, ledger, {}, alive=2, stop=Stop()) if isinstance(one, Kept)]


async def test_rows_are_taken_in_worked_on_and_kept_and_only_the_rest_is_done_again(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        assert ledger.admit(JOB, [(coin, coin[0] != "penny") for coin in COINS], "first") == 3
        done = await do(JOB, ledger)
        assert {"dime", "cent"} == {*done}
        assert [row[0] for row in ledger.pending(decode)] == ["debt"]
        assert list(ledger.finished(int)) == [20, 2]
        assert list(ledger.pairs(decode, int)) == [(("dime", 10, ""), 20), (("cent", 1, ""), 2)]
        assert (ledger.count(), ledger.count_pending()) == (3, 1)
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        assert await do(replace(JOB, work=lambda _: _nought), ledger) == ["debt"]
        assert ledger.outcome("debt", int) == 0
        assert ledger.outcome("penny", int) is None


async def _nought(coin: Coin) -> tuple[str, int]:
    return coin[0], 0


def test_a_row_keeps_what_it_is_and_takes_what_may_change(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        ledger.admit(JOB, [(coin, True) for coin in COINS], "first")
        ledger.admit(JOB, [(("cent", 1, "new"), True)], "second")
        assert [row[0] for row in ledger.rows(decode)] == ["cent", "dime", "debt", "penny"]
        assert ledger.row("cent", decode) == ("cent", 1, "new")
        with pytest.raises(RunDirectoryError, match="'cent' has changed"):
            ledger.admit(JOB, [(("cent", 2, ""), True)], "third")
        assert ledger.row("cent", decode) == ("cent", 1, "new")


def test_a_row_that_cannot_be_read_is_named_with_the_ledger(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        ledger.admit(replace(JOB, encode=lambda _: b"torn"), [(COINS[0], True)], "first")
        with pytest.raises(RunDirectoryError, match=r"ledger.db: a row or an outcome in it is not whole: "):
            list(ledger.pending(decode))


async def test_an_outcome_may_be_a_score(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        scored = replace(JOB, keep=lambda made: Score(f"{made[0]}#1", made[1], "", "m"))
        async for one in finish(scored, lambda: COINS[:2], ledger, {}, alive=1, stop=Stop()):
            assert isinstance(one, Score)
        assert sorted(ledger.scored()) == ["cent#1", "dime#1"]
        await ledger.drop_scores(["cent#1"])
        assert [one.score for one in ledger.scores_of("dime")] == [20]
        assert not ledger.has_score("cent#1")


def test_pages_end_where_the_rows_end(tmp_path: Path) -> None:
    many: list[Coin] = [(f"{number:04}", 1, "") for number in range(600)]
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        ledger.admit(JOB, [(coin, True) for coin in many], "first")
        assert list(ledger.rows(decode)) == many
