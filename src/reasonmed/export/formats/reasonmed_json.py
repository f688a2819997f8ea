"""The published files: ``ReasonMed.json`` (CoT and response), ``CoTMed.json`` (CoT), ``ResponseMed.json`` (response).

Each is a list of ``instruction``, ``input`` (empty) and ``output``, as in the original's data set, and holds the split
train; held-out splits are in ``ReasonMed.test.json`` and so on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.export._text import VARIANTS, instruction_of, parts

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._text import Parts
    from reasonmed.export._view import View

_NAMES = dict(zip(VARIANTS, ("ReasonMed", "CoTMed", "ResponseMed"), strict=True))


def write(view: View, sinks: Sinks) -> None:
    """Write the three files, row-aligned; a record without a response is in CoTMed alone."""
    for record, split, story in view.rows():
        end = ".json" if split == "train" else f".{split}.json"
        for variant, name in _NAMES.items():
            said = parts(record, variant, view.settings)
            if said is not None:
                row = {"instruction": instruction_of(story.question), "input": "", "output": output_of(said)}
                sinks.add(f"{name}{end}", row)


def output_of(said: Parts) -> str:
    """CoT in one think block, then the response, as published; without a CoT of its own, the text alone."""
    return said.content if said.reasoning is None else f"<think>{said.reasoning}</think>{said.content}"
