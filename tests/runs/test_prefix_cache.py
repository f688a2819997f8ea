from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from reasonmed.backends._prices import Price
from reasonmed.cli._funnel import show_funnel, show_stages
from reasonmed.engine.ledger import Call, Ledger
from reasonmed.exchange import Completion, Message, Request
from reasonmed.runs.status import PrefixCache, Status, read_status

if TYPE_CHECKING:
    from pathlib import Path


async def status_of(path: Path, *calls: tuple[str, int | None]) -> Status:
    """The status of a ledger with calls of these models: 100 tokens of a prompt each, of which so many were cached."""
    price = Price(input=10, cached_input=1, output=0)
    with closing(Ledger(path / "ledger.db")) as ledger:
        for number, (model, cached) in enumerate(calls):
            asked = Request(model=model, messages=(Message("user", f"{number}"),), stage="generate", question_id="q")
            answer = Completion("x", prompt_tokens=100, cached_tokens=cached, completion_tokens=5)
            await ledger.record(asked, answer, Call(0.1, price.of(answer)))
        return read_status(ledger, demo=False, running=False)


async def test_the_hit_rate_is_said_by_model_where_its_server_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await status_of(tmp_path, ("a", None), ("a", 80), ("a", 100), ("b", 0), ("b", 0), ("c", None))
    assert found.prefix_cache == {"a": PrefixCache(300, 180, 0.6), "b": PrefixCache(200, 0, 0.0)}
    show_funnel(found)
    show_stages(found)
    told = capsys.readouterr().out
    assert "36%" in told
    assert "prefix cache of a: 60.0% of 300 prompt tokens" in told
    assert "prefix cache of b: 0.0% of 200 prompt tokens" in told
    assert "cached" in told
    assert found.spent_usd == pytest.approx((4.2 * 100 * 10 + 180 * 1) / 1e6), "cached tokens cost the cached price"


async def test_nothing_is_said_of_a_cache_where_no_server_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await status_of(tmp_path, ("a", None), ("b", None))
    assert found.prefix_cache == {}
    show_funnel(found)
    show_stages(found)
    assert "cache" not in capsys.readouterr().out


async def test_more_cached_tokens_than_the_prompt_has_are_no_share_above_one(tmp_path: Path) -> None:
    found = await status_of(tmp_path, ("a", 100_000))
    assert found.prefix_cache["a"].share == 1
