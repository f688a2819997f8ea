"""The trainer of a process reward model: transformers' own, with a loss at the last token of each step alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers import Trainer

from reasonmed.training.careful import Careful
from reasonmed.training.labeled import RIGHT
from reasonmed.training.tokens import MASKED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peft import LoraConfig
    from transformers import PreTrainedModel
    from transformers.modeling_outputs import TokenClassifierOutput

    from reasonmed.training.labeled import Labeled

_HEADS = ["score", "classifier"]
"""What transformers calls the head of labels: it is trained whole, never by adapters."""


class Collator:
    """Pads chains behind, with a label at the last token of each step."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, chains: Sequence[Labeled]) -> dict[str, torch.Tensor]:
        """A micro-batch."""
        ids = torch.full((len(chains), max(map(len, chains))), self._pad)
        labels, mask = torch.full_like(ids, MASKED), torch.zeros_like(ids)
        for number, chain in enumerate(chains):
            ids[number, : len(chain)] = torch.tensor(chain.ids)
            mask[number, : len(chain)] = 1
            labels[number, : len(chain)] = torch.tensor(chain.labels)
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}


class StepTrainer(Careful, Trainer):  # type: ignore[misc] # transformers has no types
    """A loss of steps: the mean over the steps of a batch, whatever micro-batches and chains they are in.

    Args:
        model: for token classification.
        peft_config: of adapters, or None for all weights.
        balance: the weights of faulty and of sound steps in the loss; None where every step weighs alike.
        others: what transformers' trainer takes besides.
    """

    def __init__(
        self,
        *,
        model: PreTrainedModel,
        peft_config: LoraConfig | None,
        balance: Sequence[float] | None,
        **others: object,
    ) -> None:
        adapted = model if peft_config is None else _adapted(model, peft_config)
        super().__init__(model=adapted, compute_loss_func=self._step_loss, **others)
        self._weights = None if balance is None else torch.tensor(balance, device=self.args.device)
        self._right: list[torch.Tensor] = []

    def _step_loss(
        self, outputs: TokenClassifierOutput, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        loss, right, count = self._counted(outputs.logits, labels)
        self._right.append(torch.stack([right, count]))
        return loss / (count if num_items_in_batch is None else num_items_in_batch)

    def _counted(self, logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The loss of all steps together, how many are labeled right, and how many there are."""
        at = labels != MASKED
        found, wanted = logits[at].float(), labels[at]
        loss = torch.nn.functional.cross_entropy(found, wanted, weight=self._weights, reduction="sum")
        return loss, (found.argmax(-1) == wanted).sum(), at.sum()

    def log(self, logs: dict[str, float], *others: object) -> None:
        """Log with the loss of a step the share of its steps that were labeled right."""
        if "loss" in logs and self._right:
            right, count = torch.stack(self._right).sum(0).tolist()
            self._right.clear()
            logs = {**logs, RIGHT: right / count}
        super().log(logs, *others)

    def evaluate(self, *_: object, **__: object) -> dict[str, float]:
        """Mean loss of a step of the validation rows, and the share of these steps that are labeled right."""
        self.model.eval()
        totals = torch.zeros(3, dtype=torch.float64, device=self.args.device)
        with torch.no_grad(), self.compute_loss_context_manager():
            for batch in self.get_eval_dataloader():
                inputs = self._prepare_inputs(batch)
                labels = inputs.pop("labels")
                totals += torch.stack(
                    [one.double() for one in self._counted(self.model_wrapped(**inputs).logits, labels)]
                )
        self.model.train()
        loss, right, count = self.accelerator.gather(totals[None]).sum(0).tolist()
        told = {"eval_loss": loss / count, f"eval_{RIGHT}": right / count}
        self.log(told)
        self.callback_handler.on_evaluate(self.args, self.state, self.control, told)
        return told


def _adapted(model: PreTrainedModel, config: LoraConfig) -> torch.nn.Module:
    """The model with adapters, and a head that is trained whole; what is trained is in fp32."""
    from peft import get_peft_model

    config.task_type, config.exclude_modules = "TOKEN_CLS", _HEADS
    adapted: torch.nn.Module = get_peft_model(model, config)
    for part in adapted.parameters():
        if part.requires_grad:
            part.data = part.data.float()
    return adapted
