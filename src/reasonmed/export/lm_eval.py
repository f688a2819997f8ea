"""A task for lm-evaluation-harness on the held-out questions: ``reasonmed_held_out.yaml`` and ``test.jsonl``.

The model writes, and the last "Answer: C" in its text counts. The path in the YAML is relative to the folder, so run
``lm_eval --include_path . --tasks reasonmed_held_out`` there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from reasonmed.export._held_out import held_out
from reasonmed.export._text import instruction_of
from reasonmed.types import letter

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View

HELD_OUT = True
TASK = "reasonmed_held_out"
_ASK = 'End with one line of the form "Answer: X", where X is the letter of the option.'
ANSWER = r"(?i:answer)[ \t*]*:[ \t*]*\(?([A-Z])(?=[ \t*]*(?:[.):,\n]|\Z))"
"""A letter counts where it stands alone or before its option's text: not in "Answer: A man"."""
_MOST_TOKENS = 2048


def write(view: View, sinks: Sinks) -> None:
    """Write the questions and the task."""
    for question in held_out(view):
        row = {
            "id": question.id,
            "prompt": f"{instruction_of(question)}\n\n{_ASK}",
            "answer": letter(question.answer or 0),
            "source": question.source,
        }
        sinks.add("test.jsonl", row)
    sinks.text(f"{TASK}.yaml", yaml.safe_dump(_task(), sort_keys=False))


def _task() -> dict[str, Any]:
    answer = {"function": "regex", "regex_pattern": ANSWER, "group_select": -1}
    return {
        "task": TASK,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": "test.jsonl"}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": [], "do_sample": False, "max_gen_toks": _MOST_TOKENS},
        "filter_list": [{"name": "answer", "filter": [answer, {"function": "take_first"}]}],
        "metric_list": [
            {
                "metric": "exact_match",
                "aggregation": "mean",
                "higher_is_better": True,
                "ignore_case": True,
                "ignore_punctuation": True,
            }
        ],
        "metadata": {"version": 1.0},
    }
