"""Whether packed rows see each other: asked of the model itself, before the first step."""

from __future__ import annotations

from typing import Any

from reasonmed.errors import UsageError
from reasonmed.training.memory import APART


def check_apart(fitting: Any, width: int) -> None:  # noqa: ANN401
    """Check on the model itself that a packed row does not see the one before it.

    Two packed inputs differ in the first row alone; the second row's hidden states must not.
    """
    import torch

    model, vocabulary = fitting.model, fitting.model.config.get_text_config().vocab_size
    half = width // 2
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(0, vocabulary, (3, half), generator=draw)
    positions = torch.arange(half).repeat(2)[None].to(fitting.args.device)
    was, _ = model.training, model.eval()
    found = []
    with torch.no_grad(), fitting.compute_loss_context_manager():
        for first in (0, 1):
            packed = torch.cat([ids[first], ids[2]])[None].to(fitting.args.device)
            told = fitting.model_wrapped(input_ids=packed, labels=packed, position_ids=positions, fused_lm_head=True)
            found.append(told.log_probs[0, half:].float())
    model.train(was)
    if not torch.allclose(*found, atol=1e-5):
        raise UsageError(
            f"packing: rows would see each other: with {model.config._attn_implementation} on a "  # noqa: SLF001
            f"{model.config.model_type} model the second of two packed rows depends on the first. Set packing: false, "
            f"or attention to another of {', '.join(APART)}"
        )
