"""Supervised fine-tuning on the ``trl-sft`` rows of an export: TRL's SFTTrainer, fed with our micro-batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import UsageError
from reasonmed.training import data
from reasonmed.training.answers_only import ANSWERS, answers_only
from reasonmed.training.batches import Collator, Layout, groups, plan
from reasonmed.training.careful import Careful
from reasonmed.training.dependencies import processes
from reasonmed.training.memory import FLASH, Load, choose
from reasonmed.training.models import WRITES
from reasonmed.training.packing_check import check_apart
from reasonmed.training.tokens import Said, check_template
from reasonmed.training.tokens import tokenize as render
from reasonmed.training.trainer import arguments, build, lower

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from reasonmed.training.batches import Plan
    from reasonmed.training.memory import Choice, Device
    from reasonmed.training.methods import Model
    from reasonmed.training.settings import Training
    from reasonmed.training.shapes import Network, Tell, Tokenizer
    from reasonmed.training.tokens import Tokenized, Tokens
    from reasonmed.training.trainer import Fitting, Ready

ROWS = "rows"
HEAD = WRITES
WATCHED: Mapping[str, str] = {}


def read(source: Path, settings: Training) -> data.Data[data.Row]:
    """The rows of the training file's variant.

    Raises:
        UsageError: there are none, they have another layout, or the folder is another variant's.
    """
    variant = settings.variant
    if variant == ANSWERS:
        return answers_only(data.read(source, files(*data.VARIANTS)))
    own = source if (source / "train.jsonl").is_file() else source.parent if source.is_file() else None
    if own is not None and own.name in data.VARIANTS and own.name != variant:
        raise UsageError(f"{source} is the variant {own.name}, and the training file says variant: {variant}")
    return data.read(source, files(variant))


def files(*variants: str) -> data.Files[data.Row]:
    """Where the rows of a variant are, or of the first one of several that is there, and how they look."""
    return data.Files(
        (*(folder for variant in variants for folder in (f"trl-sft/{variant}", variant)), "."),
        data.Row,
        lambda row: data.replied(row.completion, "the completion") or data.misplaced(row),
        'rows {"id", "question_id", "prompt": [{"role", "content"}], "completion": [{"role": "assistant", "content"}]}'
        ", as `reasonmed export RUN -o DIR --format trl-sft` writes them",
    )


def tokenize(rows: Sequence[data.Row], tokenizer: Tokenizer, limit: int, settings: Training) -> Tokens[Tokenized]:
    """Prompts and completions as tokens.

    Raises:
        UsageError: the chat template loses a part of a completion, or never ends it.
    """
    said = [Said(row.id, row.prompt, row.completion, row.masked) for row in rows]
    found = render(said, tokenizer, limit, settings)
    check_template(found, said, tokenizer)
    return found


def lay(
    settings: Training, model: Model, kept: tuple[list[Tokenized], list[Tokenized]], machine: Device
) -> tuple[Choice, Plan]:
    """The fastest layout, and which rows make each step."""
    lengths = [len(one) for one in kept[0]]
    load = Load([*lengths, *(len(one) for one in kept[1])])
    choice = choose(settings, model.config, model.parameters, load, machine)
    layout = Layout(choice.packed, choice.tokens, processes()[1])
    return choice, plan(lengths, settings.batch, settings.epochs, settings.seed, layout, settings.max_steps)


def sample(tokens: Tokens[Tokenized], rows: Sequence[data.Row], tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """What of the first row is masked, and what is learned."""
    one = tokens.kept[0]
    prompt, reply = (list(map(int, part)) for part in (one.ids[: one.start], one.ids[one.start :]))
    steps = [int(one.ids[place]) for place in one.masked]
    told = [(f"row {rows[one.row].id}, without a loss, {len(prompt)} tokens:", tokenizer.decode(prompt))]
    if steps:
        told.append((f"masked in the reply, {len(steps)} tokens:", tokenizer.decode(steps)))
    return [*told, (f"{'the reply' if steps else 'with a loss'}, {len(reply)} tokens:", tokenizer.decode(reply))]


def shortest(tokens: Tokens[Tokenized]) -> tuple[int, list[int], int]:
    """The row with the shortest reply: its place, its prompt, and how many tokens the reply has."""
    one = min(tokens.kept, key=lambda one: len(one) - one.start)
    return one.row, list(map(int, one.ids[: one.start])), len(one) - one.start


def configure(ready: Ready, folder: Path) -> object:
    """TRL's configuration.

    Raises:
        UsageError: it refuses the training file's ``trl_args``.
    """
    from trl import SFTConfig

    own = {
        "per_device_train_batch_size": 1,
        "train_sampling_strategy": "sequential",
        "remove_unused_columns": False,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "max_length": None,
    }
    return arguments(SFTConfig, ready, folder, own)


def make(model: Network, ready: Ready, folder: Path, tell: Tell) -> Fitting:
    """A trainer of these rows.

    Raises:
        UsageError: packed rows would see each other on this model.
    """
    import torch
    from datasets import Dataset
    from trl import SFTTrainer

    lower(model, ready)
    flash = ready.choice.attention in FLASH
    pad = ready.tokenizer.pad_token_id
    held_out = groups([len(one) for one in ready.validation], ready.layout)

    class Trainer(Careful, SFTTrainer):  # type: ignore[misc] # TRL has no types
        """Keeps our order, and measures the validation loss over tokens, not over micro-batches."""

        def get_eval_dataloader(self, _: object = None) -> Iterable[dict[str, object]]:
            micros = Dataset.from_dict({"rows": held_out})
            collator = Collator(ready.validation, pad, _width(held_out, ready), boundaries=flash)
            loader = torch.utils.data.DataLoader(micros, batch_size=1, collate_fn=collator)
            prepared: Iterable[dict[str, object]] = self.accelerator.prepare(loader)
            return prepared

        def evaluate(self, *_: object, **__: object) -> dict[str, float]:
            """Mean loss of a token of the validation rows."""
            self.model.eval()
            totals = torch.zeros(2, dtype=torch.float64, device=self.args.device)
            with torch.no_grad(), self.compute_loss_context_manager():
                for inputs in self.get_eval_dataloader():
                    found = self.model_wrapped(**self._prepare_inputs(inputs), use_cache=False, fused_lm_head=True)
                    totals += torch.stack([-found.log_probs.sum().double(), found.label_mask.sum().double()])
            self.model.train()
            total = self.accelerator.gather(totals[None]).sum(0)
            measured = {"eval_loss": float(total[0] / total[1].clamp(min=1))}
            self.log(measured)
            self.callback_handler.on_evaluate(self.args, self.state, self.control, measured)
            return measured

    trainer = build(
        Trainer,
        model,
        ready,
        tell,
        args=configure(ready, folder),
        train_dataset=Dataset.from_dict({"rows": ready.plan.micros}),
        eval_dataset=Dataset.from_dict({"rows": held_out}) if held_out else None,
        data_collator=Collator(ready.train, pad, ready.plan.width, boundaries=flash),
    )
    if ready.choice.packed:
        check_apart(trainer, ready.plan.width)
    if ready.choice.compiled:
        _compile_layers(trainer.model)
    return trainer


def _width(micros: Sequence[Sequence[int]], ready: Ready) -> int:
    if not ready.plan.width:
        return 0
    loads = (sum(len(ready.validation[row]) for row in micro) for micro in micros)
    return max(ready.plan.width, *loads, 0)


def _compile_layers(model: Network) -> None:
    """Compile each layer by itself: one compilation serves all, and the state dict keeps its names."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    for layer in model.modules():
        if isinstance(layer, GradientCheckpointingLayer):
            layer.compile()
