"""Questions with a verifiable answer, for reinforcement learning: TRL's GRPO (JSON Lines) and verl (parquet).

The reward for both is in ``reasonmed.reward``. Every question with a key is there, also those without a record.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import to_builtins

from reasonmed.export._sinks import need_pyarrow
from reasonmed.export._text import user
from reasonmed.export.formats.parquet import rate_columns
from reasonmed.questions.normal import stem_hash
from reasonmed.runs.pass_rate import pass_rate_of
from reasonmed.types import letter

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import Case, View

PARQUET = True


def write(view: View, sinks: Sinks) -> None:
    """Write ``trl-grpo/SPLIT.jsonl`` and ``verl/SPLIT.parquet``."""
    seen: Counter[str] = Counter()
    for case in view.cases():
        if case.question.answer is None:
            sinks.left_out["no_options"] += 1
            continue
        sinks.add(f"trl-grpo/{case.split}.jsonl", _grpo(case))
        sinks.add(f"verl/{case.split}.parquet", _verl(case, seen[case.split]), _schema)
        seen[case.split] += 1


def _key(case: Case) -> str:
    return letter(case.question.answer or 0)


def _rate(case: Case) -> dict[str, object]:
    """How often the models pass the question: the columns of ``parquet``."""
    rate = pass_rate_of(case.story)
    told = {"pass_rate": rate.value, "pass_rate_judged": rate.judged, "pass_rate_bounds": rate.bounds}
    return {**told, "pass_rate_by_model": to_builtins(rate.by_model)}


def _grpo(case: Case) -> dict[str, object]:
    question = case.question
    return {
        "id": question.id,
        "question_id": question.id,
        "prompt": user(question),
        "answer": _key(case),
        "options": question.options,
        "tier": case.story.tier,
        "source": question.source,
        "stem": stem_hash(question),
        **_rate(case),
    }


def _verl(case: Case, index: int) -> dict[str, object]:
    question = case.question
    extra = {
        "split": case.split,
        "index": index,
        "question_id": question.id,
        "options": question.options,
        "tier": case.story.tier,
        "source": question.source,
        **_rate(case),
    }
    return {
        "data_source": "reasonmed",
        "prompt": user(question),
        "ability": "medicine",
        "reward_model": {"style": "rule", "ground_truth": _key(case)},
        "extra_info": extra,
    }


def _schema() -> object:
    pa = need_pyarrow()
    text = pa.string()
    extra = {"split": text, "index": pa.int64(), "question_id": text, "options": pa.list_(text)}
    return pa.schema(
        {
            "data_source": text,
            "prompt": pa.list_(pa.struct({"role": text, "content": text})),
            "ability": text,
            "reward_model": pa.struct({"style": text, "ground_truth": text}),
            "extra_info": pa.struct({**extra, "tier": text, "source": text, **rate_columns()}),
        }
    )
