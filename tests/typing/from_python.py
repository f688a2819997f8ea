"""What a user writes, as a type checker sees it: nothing here runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import pandas as pd

import reasonmed as rm


def blocking() -> None:
    run = rm.synthesize("questions.jsonl", "recipe.yaml", out="runs/mine", limit=100, progress=True)
    assert_type(run, rm.Run)
    assert_type(run.records(), Iterator[rm.Record])
    assert_type(run.failures(), Iterator[rm.FailedQuestion])
    assert_type(run.story("q1"), rm.Story)
    assert_type(run.status(), rm.Status)
    assert_type(run.status().spent_usd, float | None)
    assert_type(rm.open_run(Path("runs/mine")), rm.Run)
    data = run.export("data", formats=["trl-sft", "dpo"], split=(0.9, 0.05, 0.05))
    assert_type(data, rm.Export)
    assert_type(rm.export(run, "data"), rm.Export)
    assert_type(rm.check(data, against=["medqa-test.index.jsonl"]), rm.CheckReport)
    assert_type([one.rule for one in rm.check(run).findings], list[str])
    results = rm.evaluate(["medqa.jsonl"], ["models/a", rm.endpoint("http://localhost/v1", "qwen3:8b")], "scores")
    assert_type(results, rm.Results)
    assert_type(results.model("a").benchmarks["medqa"].accuracy.value, float)
    assert_type(rm.load_recipe("scripted"), rm.Recipe)


def rows_in_memory(row: dict[str, str | list[str]], question: rm.Question) -> None:
    rm.synthesize([row], {"models": {}, "stages": {}})
    rm.synthesize([question], rm.endpoint("http://localhost/v1", "qwen3:8b"))
    rm.evaluate([row], ["models/a"], "scores")
    rm.check([row])
    rm.synthesize(pd.DataFrame([row]), "scripted")


def frames(run: rm.Run) -> None:
    assert_type(run.to_pandas(), pd.DataFrame)


async def awaited(question: rm.Question) -> None:
    assert_type(await rm.asynthesize("questions.jsonl", "scripted"), rm.Run)
    assert_type(await rm.aevaluate("medqa.jsonl", ["models/a"], Path("scores")), rm.Results)
    async with rm.stages.team("scripted") as team:
        story = await rm.stages.verify(await rm.stages.generate(rm.Story(question), team), team)
    assert_type(story, rm.Story)


def errors() -> None:
    try:
        rm.synthesize("questions.jsonl", "recipe.yaml")
    except rm.RecipeError as wrong:
        assert_type(wrong.problems, list[str])
    except rm.QuestionError as wrong:
        assert_type(wrong.line, int)
    except rm.ControlError as stopped:
        assert_type(stopped.exit_code, int)


def what_is_wrong(run: rm.Run) -> None:
    """Each of these must be refused: mypy says so where an ignore is not needed."""
    rm.synthesize("questions.jsonl")  # type: ignore[call-arg]
    rm.synthesize("questions.jsonl", "scripted", limits=3)  # type: ignore[call-arg]
    rm.synthesize(7, "scripted")  # type: ignore[arg-type]
    rm.synthesize("questions.jsonl", "scripted", out=3)  # type: ignore[arg-type]
    run.export("data", split=0.9)  # type: ignore[arg-type]
    run.export("data", reasoning="both")  # type: ignore[arg-type]
    run.status().question  # type: ignore[attr-defined]  # noqa: B018 - only its type matters
    rm.evaluate("medqa.jsonl", "scores", [])  # type: ignore[arg-type]
    rm.train("data")  # type: ignore[attr-defined]
    rm.stages.nothing  # type: ignore[attr-defined]  # noqa: B018 - only its type matters
