"""The trained model on one training prompt: whether it ends its reply, by what its own files say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.training.record import Tried

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.training.prepare import Prepared

_ROOM = 64
"""Tokens that a reply may be longer than twice the one that was learned, where the model is tried."""


def tried(folder: Path, prepared: Prepared) -> Tried:
    """Whether the model as saved ends a reply to one training prompt by itself, by what its own files say.

    Args:
        folder: the model folder.
        prepared: the run that it is of; the row with the shortest reply is asked.
    """
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    row, prompt, learned = prepared.method.shortest(prepared.train)
    cuda = prepared.machine.kind == "cuda"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16 if cuda else torch.float32)
    model = model.to(prepared.machine.kind).eval()
    most = min(learned or prepared.settings.rollouts.max_tokens, prepared.limit) * 2 + _ROOM
    most = max(min(most, prepared.context - len(prompt)), 1)
    own = GenerationConfig.from_pretrained(folder)
    ids = torch.tensor([prompt], device=model.device)
    with torch.inference_mode():
        out = model.generate(
            input_ids=ids,
            generation_config=own,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=most,
            do_sample=False,
            pad_token_id=prepared.tokenizer.pad_token_id,
        )
    written = out[0, len(prompt) :].tolist()
    ends = own.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    return Tried(
        row=prepared.data.train.rows[row].id,
        stopped=written[-1] in ends,
        tokens=len(written),
        limit=most,
        ends=prepared.tokenizer.convert_ids_to_tokens(ends),
    )
