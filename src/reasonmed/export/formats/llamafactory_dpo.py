"""LLaMA-Factory: preference pairs as ``alpaca`` rows with ``ranking``, and the ``dataset_info.json`` that names them.

The pairs are those of the format ``dpo``. The folder is LLaMA-Factory's ``dataset_dir``; a data set is called
``preference``, a held-out split of it ``preference_SPLIT``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reasonmed.export.formats.dpo import rows

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View

_COLUMNS = {"prompt": "instruction", "query": "input", "chosen": "chosen", "rejected": "rejected"}


def write(view: View, sinks: Sinks) -> None:
    """Write ``preference[_SPLIT].jsonl`` and ``dataset_info.json``."""
    for split, row in rows(view, sinks):
        asked, chosen, rejected = (texts[0]["content"] for texts in (row["prompt"], row["chosen"], row["rejected"]))
        name = "preference.jsonl" if split == "train" else f"preference_{split}.jsonl"
        sinks.add(name, {"instruction": asked, "input": "", "chosen": chosen, "rejected": rejected})
    info = {
        name.removesuffix(".jsonl"): {"file_name": name, "ranking": True, "formatting": "alpaca", "columns": _COLUMNS}
        for name in sorted(sinks.rows)
    }
    if info:
        sinks.text("dataset_info.json", json.dumps(info, indent=2) + "\n")
