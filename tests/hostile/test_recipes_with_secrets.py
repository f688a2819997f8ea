"""A secret in a recipe or on a command line: refused before anything is written or sent, and not repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from killed_at import Commands, Ended
from reasonmed import recipe as recipes
from reasonmed.errors import RecipeError

PASTED = "gsk_Vt5Qm2xLr0BqZ8w91YdKc"
NOWHERE = "http://127.0.0.1:9/v1"

ENTRIES: dict[str, tuple[str, dict[str, Any]]] = {
    "password in the address": ("hunter2", {"base_url": "http://me:hunter2@127.0.0.1:9/v1"}),
    "name in the address": ("tok-8841", {"base_url": "http://tok-8841@127.0.0.1:9/v1"}),
    "second address": ("hunter2", {"base_url": [NOWHERE, "http://me:hunter2@127.0.0.1:9/v1"]}),
    "key in the query": ("abc-7741", {"base_url": "http://127.0.0.1:9/v1?key=abc-7741"}),
    "api-key in the query": ("abc-7741", {"base_url": "http://127.0.0.1:9/v1?x=1&api-key=abc-7741"}),
    "key in the path": (PASTED, {"base_url": f"http://127.0.0.1:9/{PASTED}/v1"}),
    "pasted as a variable": (PASTED, {"api_key_env": PASTED}),
    "pasted with signs": ("sk-lab-77", {"api_key_env": "sk-lab-77"}),
    "pasted in hex": ("d41d8cd98f00b204e9800998ecf8427e", {"api_key_env": "d41d8cd98f00b204e9800998ecf8427e"}),
    "no variable": ("hunter2 two", {"api_key_env": "hunter2 two"}),
    "number as a variable": ("77418822", {"api_key_env": 77418822}),
    "list as a variable": (PASTED, {"api_key_env": [PASTED]}),
    "unknown field": ("hunter2", {"api_key": "hunter2"}),
    "extra_body": ("hunter2", {"extra_body": {"password": "hunter2"}}),
    "extra_body by shape": (PASTED, {"extra_body": {"metadata": {"note": [f"use {PASTED}"]}}}),
    "headers in extra_body": (
        "Basic bWU6cGFzcw==",
        {"extra_body": {"extra_headers": {"Authorization": "Basic bWU6cGFzcw=="}}},
    ),
    "system message": (PASTED, {"system": f"The key is {PASTED}."}),
    "beside another problem": (PASTED, {"timeout": -1, "sampling": {"seed": PASTED}}),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    question = {"question": "Which?", "options": ["a", "b", "c", "d"], "answer": "B"}
    (made / "q.json").write_text(json.dumps([question]), encoding="utf-8")
    return made


def _check(ended: Ended, folder: Path, secret: str, before: set[Path]) -> None:
    assert ended.code == 2, ended.shown
    assert secret not in ended.shown
    assert "environment variable" in ended.shown
    assert set(folder.rglob("*")) == before


def _recipe(**fields: Any) -> str:
    entry = {"backend": "openai", "base_url": NOWHERE, "model": "m"} | fields
    stages: dict[str, Any] = {"generate": {"models": ["m"], "temperatures": [0.7], "samples": 3}}
    stages |= {"verify": {"model": "m"}, "route": {"easy": 0, "medium": 1}}
    return yaml.safe_dump({"models": {"m": entry}, "stages": stages})


@pytest.mark.parametrize("case", ENTRIES)
def test_a_recipe_with_a_secret_is_refused_and_does_not_repeat_it(case: str) -> None:
    secret, fields = ENTRIES[case]
    with pytest.raises(RecipeError, match="environment variable") as caught:
        recipes.parse(_recipe(**fields))
    assert secret not in str(caught.value)


@pytest.mark.parametrize("command", ["run", "generate"])
def test_a_command_with_such_a_recipe_writes_nothing(commands: Commands, folder: Path, command: str) -> None:
    secret, fields = ENTRIES["extra_body by shape"]
    (folder / "r.yaml").write_text(_recipe(**fields), encoding="utf-8")
    before = set(folder.rglob("*"))
    _check(commands.run(folder, [command, "q.json", "-r", "r.yaml", "-o", "out.jsonl"]), folder, secret, before)


@pytest.mark.parametrize(
    ("command", "endpoint", "variable", "secret"),
    [
        ("run", NOWHERE, PASTED, PASTED),
        ("evaluate", NOWHERE, "sk-lab-77", "sk-lab-77"),
        ("doctor", "http://me:hunter2@127.0.0.1:9/v1", "MY_KEY", "hunter2"),
        ("plan", "http://127.0.0.1:9/v1?token=hunter2", "MY_KEY", "hunter2"),
        ("evaluate", "http://me:hunter2@127.0.0.1:9/v1", "MY_KEY", "hunter2"),
    ],
)
def test_a_key_that_is_pasted_on_the_command_line_is_refused(
    commands: Commands, folder: Path, command: str, endpoint: str, variable: str, secret: str
) -> None:
    before = set(folder.rglob("*"))
    told = [command, *([] if command == "doctor" else ["q.json"]), "--endpoint", endpoint, "--model", "m"]
    told += ["--key-env", variable]
    _check(commands.run(folder, told), folder, secret, before)


@pytest.mark.parametrize("rest", [[], ["-r", "scripted"]])
def test_a_key_in_the_wrong_place_of_a_command_line_is_not_repeated(
    commands: Commands, folder: Path, rest: list[str]
) -> None:
    ended = commands.run(folder, ["run", "q.json", "--key-env", PASTED, *rest])
    assert ended.code == 2
    assert PASTED not in ended.shown


def test_yaml_that_cannot_be_read_is_not_repeated_where_it_holds_a_key(commands: Commands, folder: Path) -> None:
    (folder / "r.yaml").write_text(f"models:\n  m: {{api_key: {PASTED}: x: y}}\n", encoding="utf-8")
    ended = commands.run(folder, ["run", "q.json", "-r", "r.yaml"])
    assert ended.code == 2
    assert "not valid YAML" in ended.shown
    assert PASTED not in ended.shown


def test_long_values_that_are_no_secrets_go_into_a_run(commands: Commands, folder: Path) -> None:
    body = {
        "lora_id": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "chat_template_kwargs": {"enable_thinking": False, "thinking_token_budget": 400},
        "stop_token": "<|im_end|>",
        "base": "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B-Q4_K_M-GGUF",
        "prefix": "The key is the letter of the option, and the token limit is near. " * 20,
    }
    recipes.parse(_recipe(extra_body=body))
    told = yaml.safe_load(_recipe())
    told["models"]["m"] = {"backend": "scripted", "model": "m", "extra_body": body}
    (folder / "r.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    ended = commands.run(folder, ["run", "q.json", "-r", "r.yaml", "-o", "run", "--max-failures", "100%"])
    assert ended.code == 0, ended.shown
