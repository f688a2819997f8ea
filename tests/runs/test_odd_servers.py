"""Oddities of servers: those that end soon as whole runs, replies and faults of a service as one request each.

All of the table as whole runs: tests/heavy/test_odd_servers_all.py.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from odd_servers import SENT_AGAIN, TAKEN, Case, Ended, played, problem, standin, table_of
from reasonmed.backends import openai
from reasonmed.errors import Overloaded, Unreachable
from reasonmed.exchange import Message, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.exchange import Completion

LATER = re.compile(r"^(?:h_reset|r429_inf)|^(?:harmony|think_|redirect)|@")
"""Cases that wait, and those that end by themselves."""


@pytest.fixture(scope="module")
def table(shared: Path) -> list[Case]:
    return [case for case in table_of(shared) if not LATER.search(case.name)]


@pytest.fixture(scope="module")
def address(shared: Path) -> Iterator[str]:
    with standin(shared) as url:
        yield url


def test_odd_servers_end_a_run_as_they_should(table: list[Case], address: str, tmp_path: Path) -> None:
    chosen = [case for case in table if not case.expected.startswith((SENT_AGAIN, TAKEN))][::2]
    assert len(chosen) > 15

    async def play() -> list[Ended]:
        return await asyncio.gather(
            *(played(address, case, tmp_path / str(number)) for number, case in enumerate(chosen))
        )

    ended = asyncio.run(play())
    wrong = [
        f"{case.name} {case.role}: {found}; {one.error}"
        for case, one in zip(chosen, ended, strict=True)
        if (found := problem(case, one))
    ]
    assert not wrong, "\n".join(wrong)


async def test_faults_of_a_service_are_sent_again(table: list[Case], address: str) -> None:
    chosen = [case for case in table if case.expected.startswith(SENT_AGAIN)]
    assert len(chosen) > 20
    for case in chosen:
        with pytest.raises((Overloaded, Unreachable)):
            await asked(address, case)


async def test_good_replies_are_taken_in_whatever_wrapping(table: list[Case], address: str) -> None:
    chosen = [case for case in table if case.expected.startswith(TAKEN)]
    assert len(chosen) > 20
    for case in chosen:
        found = await asked(address, case)
        assert found.finish_reason == "stop", case
        assert len(found.text) > 50, case


async def asked(url: str, case: Case) -> Completion:
    endpoint = openai.connect(openai.Settings(backend="openai", base_url=url, model=case.name), 1)
    try:
        return await endpoint.complete(Request(model="m", messages=(Message("user", "Which drug?"),)))
    finally:
        await endpoint.aclose()
