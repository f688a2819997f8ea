from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from reasonmed import recipe as recipes
from reasonmed.backends import openai
from reasonmed.runs.doctor import examine
from support import reply, served, verdict

if TYPE_CHECKING:
    from aiohttp import web

    from reasonmed.runs.doctor import Examination


async def examined(told: dict[str, Any], **entry: Any) -> Examination:
    """What the doctor finds of a model that always replies like this."""

    async def answer(received: web.Request) -> web.StreamResponse:
        return reply(**told)

    async with served(answer) as url:
        model = {"backend": "openai", "base_url": url, "model": "M", **entry}
        stages = {"generate": {"models": ["m"], "samples": 3}, "verify": {"model": "m", "max_tokens": 300}}
        made = recipes.parse(json.dumps({"models": {"m": model}, "stages": stages}))
        return await examine(made, "m")


def texts(found: Examination, mark: str) -> str:
    return "\n".join(finding.text for finding in found.findings if finding.mark == mark)


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"text": None}, "without text"),
        ({"text": " \n"}, "without text"),
        ({"text": None, "finish_reason": "tool_calls", "tool_calls": []}, "tool"),
        ({"text": '<|channel|>commentary to=functions.f <|message|>{"a": 1}<|call|>'}, "tool"),
        ({"text": '<tool_call>{"name": "f"}</tool_call>'}, "tool"),
        ({"text": None, "refusal": "I'm sorry, but I cannot help with that."}, "refuses"),
        ({"text": "I cannot assist with this request."}, "refuses"),
        ({"text": '{"verdict": "Corr', "finish_reason": "length"}, "cut before its answer ended (max_tokens 300)"),
        (
            {"text": None, "reasoning": "Let me see. " * 9, "finish_reason": "length"},
            "27 words of thinking and 0 words",
        ),
        ({"text": None, "reasoning_content": "It is four."}, "only thinks"),
        ({"text": "<think>It is four.</think>"}, "only thinks"),
        ({"text": "<think>It is four."}, "cut"),
        ({"text": "◁think▷It is four."}, "cut"),
        ({"text": None, "finish_reason": "content_filter"}, "content filter"),
    ],
)
async def test_what_is_no_answer_is_told_from_one(told: dict[str, Any], problem: str) -> None:
    found = await examined(told)
    assert problem in texts(found, "no")
    assert "answers as" not in texts(found, "ok")
    assert found.error is not None
    assert found.error.exit_code == 1


async def test_an_answer_behind_thinking_is_one() -> None:
    found = await examined({"text": f"[[It is four.]]{verdict()}"}, thinking={"open": "[[", "close": "]]"})
    assert found.error is None
    assert "answers as M" in texts(found, "ok")
    assert "thinks apart from its text (3 words)" in texts(found, "ok")


@pytest.mark.parametrize(("text", "note"), [("It is four.", "no verdict"), (verdict("Error"), "2 + 2 = 4 an error")])
async def test_a_verdict_that_will_not_do_is_noted(text: str, note: str) -> None:
    found = await examined({"text": text})
    assert found.error is None
    assert note in texts(found, "note")


async def test_hosts_proxies_and_variables_are_named_without_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:pass@proxy.invalid:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("MY_KEY", "a-very-secret-key")
    entry = openai.Settings(backend="openai", model="m", base_url="http://127.0.0.1:9/v1", api_key_env="MY_KEY")
    assert entry.route() == "sends to http://127.0.0.1:9; uses MY_KEY, HTTP_PROXY, NO_PROXY"
    monkeypatch.delenv("NO_PROXY")
    away = openai.Settings(backend="openai", model="m", base_url="http://models.invalid/v1")
    assert "http://models.invalid through the proxy http://proxy.invalid:3128" in away.route()
    found = await examined({"text": verdict()}, api_key_env="MY_KEY")
    assert "pass" not in f"{entry.route()} {away.route()} {found}"
    assert "secret" not in f"{entry.route()} {found}"
