"""``serve:`` in a model's entry: what it may say, and what it comes to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reasonmed import recipe as recipes
from reasonmed.backends import openai
from reasonmed.backends._owners import is_away
from reasonmed.errors import RecipeError, UsageError
from reasonmed.runs.consent import commands, routes


def entry(serve: dict[str, Any], **others: Any) -> openai.Settings:
    told = {"backend": "openai", "model": "org/M", "serve": serve, **others}
    found = recipes.parse(json.dumps({"models": {"m": told}, "stages": {}}), "test", stages=()).model("m")
    assert isinstance(found, openai.Settings)
    return found


@pytest.mark.parametrize(
    ("serve", "problem"),
    [
        ({}, "models.m.serve: must have either engine (vllm, sglang, llama-server, xllamacpp) or command"),
        ({"engine": "vllm", "command": "x {port}"}, "must have either engine"),
        (
            {"engine": "ollama"},
            "serve.engine: input should be 'vllm', 'sglang', 'llama-server' or 'xllamacpp'",
        ),
        ({"command": "vllm serve m"}, "the command must have {port}, or port must say"),
        ({"command": "vllm 'serve {port}"}, "models.m.serve.command: is no command line: No closing quotation"),
        ({"command": [], "port": 8000}, "models.m.serve.command: must name a program"),
        ({"command": ["x\0", "{port}"]}, "must have no null character"),
        ({"command": "x {port} --api-key abc"}, "must hold no key (--api-key): every user of the machine sees"),
        ({"command": "x {port} --hf_token=abc"}, "must hold no key (--hf_token)"),
        ({"command": "x {port} sk-abcdefghijklmnopqrstuvwx"}, "holds a secret in serve.command"),
        ({"command": "x {port}", "options": {"a": 1}}, "options and weights go with engine"),
        ({"engine": "vllm", "options": {"--a": 1}}, "'--a' is no name of an option; leave out the dashes"),
        ({"engine": "vllm", "options": {"served_model_name": "x"}}, "served_model_name follows from the entry"),
        ({"engine": "vllm", "options": {"host": "::"}}, "host follows from the entry"),
        ({"engine": "vllm", "options": {"api-key": True}}, "must hold no key (api-key)"),
        ({"engine": "vllm", "health": "health"}, "models.m.serve.health: "),
        ({"engine": "vllm", "port": 70000}, "models.m.serve.port: "),
        ({"engine": "vllm", "env": ["HF_TOKEN=abc"]}, "must be names of environment variables"),
        ({"engine": "vllm", "restart": 1}, "models.m.serve.restart: unknown option; did you mean restarts?"),
    ],
)
def test_a_problem_is_named_with_its_place(serve: dict[str, Any], problem: str) -> None:
    with pytest.raises(RecipeError) as found:
        entry(serve)
    assert problem in str(found.value)
    assert "HF_TOKEN=abc" not in str(found.value)


def test_an_address_and_a_server_exclude_each_other() -> None:
    with pytest.raises(RecipeError, match="base_url and serve exclude each other"):
        entry({"engine": "vllm"}, base_url="http://127.0.0.1:8000/v1")


def test_options_become_words_of_the_command_line() -> None:
    options = {"max_model_len": 8192, "enforce-eager": True, "off": False, "lora-modules": ["a=b", "c=d"], "x": 0.5}
    found = entry({"engine": "vllm", "weights": "/models/m", "options": options, "port": 8001})
    (command,) = commands({"m": found})
    begun = "vllm serve /models/m --host 127.0.0.1 --port 8001 --served-model-name org/M "
    assert command == f"{begun}--max-model-len 8192 --enforce-eager --lora-modules a=b c=d --x 0.5"


def test_a_served_model_stays_on_this_machine_costs_nothing_and_reads_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    found = entry({"engine": "llama-server"}, model="gpt-4o-mini")
    assert not is_away(found)
    assert found.api_key_env is None
    assert found.priced is not None
    assert found.priced.input == found.priced.output == 0
    (way,) = routes({"m": found})
    assert way == "m: starts llama-server --model gpt-4o-mini --host 127.0.0.1 --port PORT --alias gpt-4o-mini"


def test_a_program_that_is_not_there_is_named_before_anything_is_done() -> None:
    with pytest.raises(UsageError, match="there is no program 'no-such-server' that could be started for org/M"):
        entry({"command": "no-such-server {port}"}).ready()
    with pytest.raises(UsageError, match="env of org/M names NO_SUCH_VARIABLE, which is not set"):
        entry({"command": "sh {port}", "env": ["NO_SUCH_VARIABLE"]}).ready()


def test_the_embedded_model_is_a_demonstration_however_it_is_served() -> None:
    assert entry({"engine": "xllamacpp", "weights": "smollm2-135m-instruct"}).demo
    assert not entry({"engine": "xllamacpp", "weights": "other.gguf"}).demo
