"""LLaMA-Factory: ``alpaca`` and ``sharegpt`` rows of the three variants, and the ``dataset_info.json`` that names them.

The folder is LLaMA-Factory's ``dataset_dir``. A data set is called ``LAYOUT_VARIANT``, a held-out split of it
``LAYOUT_VARIANT_SPLIT``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reasonmed.export._said import said_in
from reasonmed.export._text import assistant, instruction_of

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View

_INFO: dict[str, dict[str, object]] = {
    "alpaca": {
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "query": "input", "response": "output"},
    },
    "sharegpt": {
        "formatting": "sharegpt",
        "columns": {"messages": "conversations"},
        "tags": {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"},
    },
}


def write(view: View, sinks: Sinks) -> None:
    """Write ``LAYOUT_VARIANT[_SPLIT].jsonl`` and ``dataset_info.json``."""
    for row in view.rows():
        for said in said_in(row, view.settings):
            end = f"{said.variant}.jsonl" if row.split == "train" else f"{said.variant}_{row.split}.jsonl"
            asked, answered = instruction_of(row.story.question), assistant(said.parts, "inline")["content"]
            sinks.add(f"alpaca_{end}", {"instruction": asked, "input": "", "output": answered})
            turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": answered}]
            sinks.add(f"sharegpt_{end}", {"conversations": turns})
    info = {
        name.removesuffix(".jsonl"): {"file_name": name, **_INFO[name.partition("_")[0]]} for name in sorted(sinks.rows)
    }
    if info:
        sinks.text("dataset_info.json", json.dumps(info, indent=2) + "\n")
