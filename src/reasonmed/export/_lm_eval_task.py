"""Tasks of lm-evaluation-harness 0.4.13: one YAML over a JSONL file in the same folder.

Texts, choices and keys are named as fields of the rows, which lm-eval takes as they are: none of them is ever a
template. lm-eval resolves the name of the JSONL file against the folder that it is started in.
"""

from __future__ import annotations

import yaml

ASK = 'End with one line of the form "Answer: X", where X is the letter of the option.'
ANSWER = r"(?i:answer)[ \t*]*:[ \t*]*\(?([A-Z])(?=[ \t*]*(?:[.):,\n]|\Z))"
"""A letter counts where it stands alone or before its option's text: not in "Answer: A man"."""


def generate_task(
    name: str, file: str, *, max_tokens: int, temperature: float = 0.0, top_p: float | None = None
) -> str:
    """A task where the model writes, and the last "Answer: C" in its text counts.

    Rows have ``prompt``, and ``answer``, the letter of the key.

    Args:
        name: the task's name.
        file: the name of the JSONL file.
        max_tokens: tokens that a reply may have.
        temperature: 0 for the likeliest token.
        top_p: nucleus sampling, where there is a temperature.
    """
    answer = {"function": "regex", "regex_pattern": ANSWER, "group_select": -1}
    how: dict[str, object] = {"until": [], "do_sample": temperature > 0, "max_gen_toks": max_tokens}
    if temperature:
        how |= {"temperature": temperature} | ({} if top_p is None else {"top_p": top_p})
    return _task(
        name,
        file,
        {
            "output_type": "generate_until",
            "doc_to_text": "prompt",
            "doc_to_target": "answer",
            "generation_kwargs": how,
            "filter_list": [{"name": "answer", "filter": [answer, {"function": "take_first"}]}],
            "metric_list": [{**_metric("exact_match"), "ignore_case": True, "ignore_punctuation": True}],
        },
    )


def choice_task(name: str, file: str) -> str:
    """A task where the likeliest continuation is the answer.

    Rows have ``prompt``, ``choices`` without the space that lm-eval puts before them, and ``answer``, the key's place
    among them from 0.
    """
    return _task(
        name,
        file,
        {
            "output_type": "multiple_choice",
            "doc_to_text": "prompt",
            "doc_to_choice": "choices",
            "doc_to_target": "answer",
            "metric_list": [_metric("acc")],
        },
    )


def _metric(name: str) -> dict[str, object]:
    return {"metric": name, "aggregation": "mean", "higher_is_better": True}


def _task(name: str, file: str, kind: dict[str, object]) -> str:
    told = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": file}},
        "test_split": "test",
        "num_fewshot": 0,
        **kind,
        "metadata": {"version": 1.0},
    }
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True)
