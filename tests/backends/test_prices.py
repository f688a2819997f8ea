from __future__ import annotations

import re

import pytest

from reasonmed.backends._prices import FREE, Price, known, table_date
from reasonmed.exchange import Completion, Message, Request, SamplingParameters


def test_cached_input_and_output_are_priced_apart() -> None:
    price = Price(input=0.20, cached_input=0.02, output=1.20)
    completion = Completion("x", prompt_tokens=1_000_000, cached_tokens=400_000, completion_tokens=500_000)
    assert price.of(completion) == pytest.approx(0.6 * 0.20 + 0.4 * 0.02 + 0.5 * 1.20)


def test_a_batch_costs_the_share_of_the_recipe_else_that_of_the_provider() -> None:
    done = Completion("x", prompt_tokens=1_000_000, completion_tokens=1_000_000)
    price = Price(input=2, output=4, batch=0.25)
    assert price.of(done) == pytest.approx(6.0)
    assert price.times(price.share_in_batch("api.openai.com")).of(done) == pytest.approx(1.5)
    plain = Price(input=2, output=4)
    hosts = ("api.openai.com", "mine.openai.azure.com", "api.anthropic.com", "127.0.0.1")
    assert [plain.share_in_batch(host) for host in hosts] == [0.5, 0.5, 0.5, 1.0]


def test_without_a_price_for_the_cache_it_costs_as_input() -> None:
    assert (
        Price(input=2, output=4).of(Completion("x", prompt_tokens=10, cached_tokens=10, completion_tokens=0))
        == 20 / 1e6
    )


def test_no_counts_are_no_cost_and_not_zero() -> None:
    assert Price(input=2, output=4).of(Completion("x")) is None
    assert FREE.of(Completion("x", prompt_tokens=1, completion_tokens=1)) == 0


def test_the_worst_case_is_above_what_any_reply_costs() -> None:
    price = Price(input=3, output=15)
    text = "Ein 62-jähriger Mann mit Brustschmerz. 患者 62 歳。" * 40
    request = Request(model="m", messages=(Message("user", text),), sampling=SamplingParameters(None, None, 500))
    tokens = len(text.encode()) // 3
    real = price.of(Completion("x", prompt_tokens=tokens, completion_tokens=500))
    assert real is not None
    assert price.worst(request) >= real


def test_the_table_has_a_date_and_an_unknown_model_has_no_price() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", table_date())
    assert known("gpt-5.6-luna") == Price(input=0.20, cached_input=0.02, output=1.20)
    assert known("my-own-model") is None
