"""Axolotl: ``messages`` of the three variants, and a YAML of the data section for each; reasoning is in the content.

The paths in the YAML are relative to the folder: run axolotl there, or put your own path before them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from reasonmed.export._text import VARIANTS
from reasonmed.export.formats import messages

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View


def write(view: View, sinks: Sinks) -> None:
    """Write ``VARIANT/SPLIT.jsonl`` and ``VARIANT.yaml``."""
    messages.write_as(view, sinks, view.settings._replace(reasoning="inline"))
    for variant in VARIANTS:
        if f"{variant}/train.jsonl" in sinks.rows:
            told = {"datasets": [source(f"{variant}/train.jsonl")]}
            if f"{variant}/validation.jsonl" in sinks.rows:
                told["test_datasets"] = [source(f"{variant}/validation.jsonl")]
            sinks.text(f"{variant}.yaml", yaml.safe_dump(told, sort_keys=False))


def source(path: str) -> dict[str, object]:
    """A data section: the chat template of the model, loss on the assistant alone."""
    return {
        "path": path,
        "ds_type": "json",
        "split": "train",
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    }
