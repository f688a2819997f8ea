"""The canonical form: one row a record, fixed columns, in parquet.

CoT and response are columns of their own; ``provenance`` is the record's own, as JSON, so that nothing is lost, and its
main fields are columns too; ``meta`` is the question's own, as JSON; ``verdicts`` are those of all generated chains of
the question, without their texts; ``steps`` are the judge's labels of the steps of the CoT. The three variants stand
beside it as prompt and completion, with the columns of ``trl-sft``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from msgspec import to_builtins
from msgspec.structs import asdict

from reasonmed.engine.ledger import encode
from reasonmed.export._sinks import need_pyarrow
from reasonmed.export.formats.trl_sft import rows_of
from reasonmed.types import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View
    from reasonmed.types import ChainOfThought

PARQUET = True
MASKS = True
_FLAT = ("origin", "writer", "generator", "temperature", "rank_score", "responder", "scorer", "score_reason")
_VERDICT = ("outcome", "reason", "judge")
_STEP = Step.__struct_fields__
_RATE = ("judged", "bounds", "by_model")


def write(view: View, sinks: Sinks) -> None:
    """Write ``SPLIT.parquet`` and ``VARIANT/SPLIT.parquet``."""
    for row in view.rows():
        record, split, story = row
        verdicts = [_verdict(chain) for chain in story.chains if chain.missing is None]
        sinks.add(f"{split}.parquet", {**row_of(asdict(record)), "split": split, "verdicts": verdicts}, schema)
        for variant, made in rows_of(row, view.settings):
            apart = variant == "reasonmed" and view.settings.reasoning == "field"
            table = partial(_variant_schema, apart=apart, masked=view.settings.mask_steps)
            sinks.add(f"{variant}/{split}.parquet", made, table)


def row_of(record: Mapping[str, object]) -> dict[str, object]:
    """The fields of a record as a row, without its split and the verdicts of its question."""
    told = cast("Mapping[str, object]", record["provenance"])
    verdict = cast("Mapping[str, object]", told.get("verdict") or {})
    rate = cast("Mapping[str, object]", told.get("pass_rate") or {})
    return {
        **record,
        **{name: told.get(name) for name in _FLAT},
        **{f"verdict_{name}" if name != "outcome" else "verdict": verdict.get(name) for name in _VERDICT},
        **{f"pass_rate_{name}": rate.get(name) for name in _RATE},
        "provenance": encode(told).decode(),
        "meta": encode(record["meta"]).decode() if record.get("meta") else None,
        "steps": [{name: step.get(name) for name in _STEP} for step in to_builtins(record.get("steps")) or ()],
    }


def _verdict(chain: ChainOfThought) -> dict[str, object]:
    said = chain.verdict
    return {
        "model": chain.model,
        "temperature": chain.temperature,
        "sample": chain.sample,
        "answer_index": chain.answer,
        "outcome": chain.outcome,
        "reason": said.reason if said else None,
        "judge": said.judge if said else None,
        "score": chain.score,
    }


def schema() -> object:
    """The columns and their types.

    Raises:
        UsageError: pyarrow is not installed.
    """
    pa = need_pyarrow()
    text, texts, number, real, flag = pa.string(), pa.list_(pa.string()), pa.int32(), pa.float64(), pa.bool_()
    verdict = {"model": text, "temperature": real, "sample": number, "answer_index": number}
    verdict |= {"outcome": text, "reason": text, "judge": text, "score": number}
    columns = {"id": text, "question_id": text, "split": text, "question": text, "options": texts, "answer": text}
    columns |= {"answer_index": number, "answer_source": text, "context": text, "chain_of_thought": text}
    columns |= {"response": text, "tier": text, "verified": flag, "flags": texts, "score": number}
    columns |= {"source": text, "license": text, "demo": flag}
    columns |= {"origin": text, "writer": text, "generator": text, "temperature": real, "rank_score": number}
    columns |= {"verdict": text, "verdict_reason": text, "verdict_judge": text}
    columns |= {"responder": text, "scorer": text, "score_reason": text}
    columns |= {"verdicts": pa.list_(pa.struct(verdict)), "provenance": text, "meta": text}
    step = {"start": number, "end": number, "label": text, "type": text, "severity": text, "note": text}
    columns |= {"steps": pa.list_(pa.struct(step)), "step_share": real}
    return pa.schema(columns | rate_columns())


def rate_columns() -> dict[str, object]:
    """The columns of a pass rate and their types."""
    pa = need_pyarrow()
    real, number = pa.float64(), pa.int32()
    by_model = pa.list_(pa.struct({"model": pa.string(), "correct": number, "judged": number}))
    columns = {"pass_rate": real, "pass_rate_judged": number, "pass_rate_bounds": pa.list_(real)}
    return {**columns, "pass_rate_by_model": by_model}


def _variant_schema(*, apart: bool, masked: bool) -> object:
    pa = need_pyarrow()
    text = pa.string()
    asked = pa.list_(pa.struct({"role": text, "content": text}))
    said = pa.list_(pa.struct({"role": text, "reasoning_content": text, "content": text})) if apart else asked
    columns = {"id": text, "question_id": text, "prompt": asked, "completion": said, "tier": text, "source": text}
    spans = {"masked": pa.list_(pa.list_(pa.int32()))} if masked else {}
    return pa.schema(columns | {"stem": text} | spans)
