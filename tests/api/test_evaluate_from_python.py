from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import reasonmed as rm
from reasonmed.recipe.shipped import resource
from support import reply, served

ROWS: list[dict[str, Any]] = json.loads(resource("examples", "questions.json").read_text(encoding="utf-8"))[:2]


def test_results_are_typed_and_those_of_the_file(tmp_path: Path) -> None:
    results = rm.evaluate(ROWS, ["one", "two"], tmp_path / "out", recipe="scripted", base="one")
    told = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert [one.name for one in results.models] == ["one", "two"]
    accuracy = results.model("two").benchmarks["rows"].accuracy
    assert accuracy.value == told["models"][1]["benchmarks"]["rows"]["accuracy"]["value"]
    assert (
        results.headlines[0].benchmarks["rows"].difference.low
        == (told["headlines"][0]["benchmarks"]["rows"]["difference"]["low"])
    )
    assert (tmp_path / "out" / "report.html").is_file()
    with pytest.raises(KeyError, match="'three' has no results"):
        results.model("three")


async def test_a_model_behind_an_endpoint_is_asked_from_a_running_loop(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(ROWS), encoding="utf-8")

    async def answer(_: Any) -> Any:
        return reply("It is so.\n\nAnswer: A")

    async with served(answer) as url:
        results = await rm.aevaluate([file], rm.endpoint(url, "m"), tmp_path / "out")
    assert results.model("m").benchmarks["mine"].n == 2


def test_a_bad_row_and_an_unknown_model_are_named(tmp_path: Path) -> None:
    with pytest.raises(rm.QuestionError, match="rows:2: options"):
        rm.evaluate([ROWS[0], {**ROWS[1], "options": []}], ["one"], tmp_path / "out", recipe="scripted")
    with pytest.raises(rm.UsageError, match="-m nobody: there is no such model"):
        rm.evaluate(ROWS, "nobody", tmp_path / "out", recipe="scripted")
