"""Rows for model pages on the Hugging Face hub: ``.eval_results/NAME.yaml``, one file a model.

Format: the hub's documentation of evaluation results (``dataset.id``, ``dataset.task_id``, ``value``, ``date``,
``notes``), which is marked as work in progress; ``huggingface_hub`` parses it. The hub shows rows of data sets that are
registered as benchmarks and whose ``eval.yaml`` names the task, which nothing here can check. Only whole benchmarks get
a row: a part of one has another name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from msgspec.structs import replace

from reasonmed.evaluation.audit.tables import audit_tables, audit_words
from reasonmed.evaluation.shots import in_words
from reasonmed.evaluation.tables import markdown_lines
from reasonmed.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.evaluation.audit.facts import Audit
    from reasonmed.evaluation.outcome import BenchmarkFacts, Results
    from reasonmed.evaluation.scores import ModelResults, Score


def write_model_pages(folder: Path, told: Results) -> None:
    """Write the rows of each model that has any, demo models apart, and what an audit says for each one's card."""
    for model in told.models:
        rows, name = rows_of(model, told), model.answers_file.rpartition("/")[2].removesuffix(".jsonl")
        if told.audit:
            write_atomically(folder / "model_cards" / f"{name}.md", card_of(model.name, told.audit))
        if rows and not model.demo:
            text = yaml.safe_dump(rows, sort_keys=False, allow_unicode=True)
            write_atomically(folder / ".eval_results" / f"{name}.yaml", text)


def card_of(name: str, audit: Audit) -> str:
    """What an audit of a model's steps came to, as a section of the model's card."""
    own = replace(
        audit,
        models=[one for one in audit.models if one.name == name],
        pairs=[one for one in audit.pairs if one.second == name],
    )
    return "\n".join(line for found in audit_tables(own) for line in markdown_lines(found))


def rows_of(model: ModelResults, told: Results) -> list[dict[str, object]]:
    """A model's rows: accuracy in percent on each benchmark that is whole and on the hub."""
    return [
        {
            "dataset": {"id": one.hub, "task_id": one.task or one.name},
            "value": round(100 * model.benchmarks[one.name].accuracy.value, 2),
            "date": model.date,
            "notes": _notes(model.benchmarks[one.name], one, told) + _steps(model.name, told),
        }
        for one in told.benchmarks
        if one.whole and one.hub
    ]


def _steps(name: str, told: Results) -> str:
    """What an audit of the model's steps came to, where there was one."""
    audit = told.audit or None
    found = [audit_words(one, audit.judge) for one in audit.models if one.name == name] if audit is not None else []
    return "".join(f"; {words}" for words in found if words)


def _notes(cell: Score, one: BenchmarkFacts, told: Results) -> str:
    accuracy, settings = cell.accuracy, told.asked()
    asked = f"{settings.samples} samples, {settings.rotate} orders, temperature {settings.temperature:g}"
    asked += f", {in_words(settings.shots)}" if settings.shots else ""
    asked += f", thinking effort {settings.effort}" if settings.effort else ""
    trained = f"; {cell.overlap} of the questions were trained on" if cell.overlap else ""
    return (
        f"reasonmed {told.reasonmed}, {one.name}, protocol {told.protocol}, {asked}; 95 % interval "
        f"{100 * accuracy.low:.1f}-{100 * accuracy.high:.1f}, n = {cell.n}; unparsed {cell.unparsed}, "
        f"truncated {cell.truncated}, unended {cell.unended}, failed {cell.failed}{trained}; "
        f"content hash {one.hash}"
    )
