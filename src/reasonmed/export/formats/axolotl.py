"""Axolotl: ``messages`` of the three variants, and a YAML of the data section for each; reasoning is in the content.

The paths in the YAML are relative to the folder: run axolotl there, or put your own path before them. Where steps are
masked, each reply has ``train_detail``, which says for all its characters whether they are learned; Axolotl's
``end_offset`` is that of the last character.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import yaml

from reasonmed.export._said import SHORT
from reasonmed.export._text import VARIANTS
from reasonmed.export.formats.messages import conversation
from reasonmed.export.formats.trl_sft import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View
    from reasonmed.export.formats.trl_sft import Pair

MASKS = True


def write(view: View, sinks: Sinks) -> None:
    """Write ``VARIANT/SPLIT.jsonl`` and ``VARIANT.yaml``."""
    settings = view.settings._replace(reasoning="inline")
    for row in view.rows():
        for variant, made in rows_of(row, settings):
            sinks.add(f"{variant}/{row.split}.jsonl", _row(made))
            if made.get("masked"):
                sinks.of_which["with_masked_steps"] += 1
    for variant in (*VARIANTS, SHORT):
        if f"{variant}/train.jsonl" in sinks.rows:
            told = {"datasets": [source(f"{variant}/train.jsonl", masked=settings.mask_steps)]}
            if f"{variant}/validation.jsonl" in sinks.rows:
                told["test_datasets"] = [source(f"{variant}/validation.jsonl", masked=settings.mask_steps)]
            sinks.text(f"{variant}.yaml", yaml.safe_dump(told, sort_keys=False))


def _row(made: Pair) -> dict[str, object]:
    if "masked" not in made:
        return conversation(made)
    reply = made["completion"][0]
    told = {**reply, "train_detail": _detail(len(reply["content"]), made["masked"])}
    return {**conversation(made), "messages": [*made["prompt"], told]}


def _detail(length: int, masked: Sequence[Sequence[int]]) -> list[dict[str, object]]:
    """All characters of a text in turn, learned or not."""
    ends = [0, *(offset for pair in masked for offset in pair), length]
    return [
        {"begin_offset": start, "end_offset": end - 1, "train": place % 2 == 0}
        for place, (start, end) in enumerate(pairwise(ends))
        if start < end
    ]


def source(path: str, *, masked: bool = False) -> dict[str, object]:
    """A data section: the chat template of the model, loss on the assistant alone, or on parts of what it says."""
    return {
        "path": path,
        "ds_type": "json",
        "split": "train",
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
        **({"message_field_training_detail": "train_detail"} if masked else {}),
    }
