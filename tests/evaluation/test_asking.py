"""The job of an evaluation: its rows are the questions of benchmarks, under ids that name both."""

from __future__ import annotations

import pytest

from reasonmed.backends.scripted import Scripted, made_up
from reasonmed.engine.job import Kept
from reasonmed.errors import UsageError
from reasonmed.evaluation.ask import Asked, job_on, key_of
from reasonmed.evaluation.settings import Settings
from support import question, recipe

ENTRY = recipe().model(recipe().used[0])


def test_a_row_is_read_back_with_the_prompt_of_its_benchmark_whatever_its_id_looks_like() -> None:
    rows = [question(key_of("a", question("b/c"))), question(key_of("a/b", question("d")))]
    job = job_on(ENTRY, "model", Settings(), {rows[0].id: "medqa", rows[1].id: "mmlu"})
    for row, prompt in zip(rows, ("medqa", "mmlu"), strict=True):
        assert job.decode(job.encode(Asked(row))) == Asked(row, prompt)
        assert job.key(Asked(row)) == row.id


async def test_answers_are_kept_with_what_is_counted_of_them() -> None:
    job = job_on(ENTRY, "model", Settings(samples=2, temperature=0.7), {})
    row = question("bench/q1")
    answers = await job.work({"model": Scripted(made_up)})(Asked(row))
    kept = job.keep(answers)
    assert isinstance(kept, Kept)
    assert (kept.key, kept.tier, kept.records, len(answers.chains)) == ("bench/q1", None, 0, 2)
    assert job.renewed(Asked(row), True, kept.whole) is None  # noqa: FBT003 - the shape of all jobs


async def test_a_question_whose_benchmark_is_not_named_again_is_not_scored_by_another_prompt() -> None:
    job = job_on(ENTRY, "model", Settings(protocol="loglikelihood"), {})
    row = job.decode(job.encode(Asked(question("other/q1"), "medqa")))
    with pytest.raises(UsageError, match=r"other/q1: .* name its benchmark"):
        await job.work({"model": Scripted(made_up)})(row)
