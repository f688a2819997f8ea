"""A small evaluation while a model is trained: right answers to validation questions, read as `evaluate` reads them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from reasonmed import reward
from reasonmed.exchange import Message, Request, SamplingParameters
from reasonmed.training import dependencies as extra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.exchange import Completion
    from reasonmed.training.data import Keyed

_BATCH = 16


def measured(trainer: Any, asked: Sequence[Keyed]) -> float:  # noqa: ANN401 - TRL has no types
    """The share of questions that the model answers rightly, at temperature 0; processes share them."""
    import torch

    from reasonmed.backends._causal import Causal

    rank, count = extra.processes()
    own = list(asked)[rank::count]
    model = trainer.accelerator.unwrap_model(trainer.model)
    was, _ = model.training, model.eval()
    causal = Causal(model, copy.deepcopy(trainer.ready.tokenizer))
    most = trainer.ready.settings.accuracy.max_tokens
    right = 0.0
    for first in range(0, len(own), _BATCH):
        part = own[first : first + _BATCH]
        replies = causal.answer([_request(one, most) for one in part])
        right += sum(map(_right, part, replies))
    model.train(was)
    total = torch.tensor([right], dtype=torch.float64, device=trainer.accelerator.device)
    return float(trainer.accelerator.reduce(total, "sum")) / len(asked)


def _request(one: Keyed, most: int) -> Request:
    turns = tuple(Message(turn.role, turn.content) for turn in one.prompt)  # type: ignore[arg-type] # a chat's roles
    return Request(model="trained", messages=turns, sampling=SamplingParameters(temperature=0.0, max_tokens=most))


def _right(one: Keyed, reply: Completion | Exception) -> float:
    if isinstance(reply, Exception) or reply.cut:
        return 0.0
    return reward.multiple_choice_reward([reply.text], [one.answer], [one.options])[0]
