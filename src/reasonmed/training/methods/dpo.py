"""Direct preference optimization on the ``dpo`` pairs of an export: TRL's DPOTrainer.

The paper is Rafailov et al. 2023 (arXiv 2305.18290). A pair whose chosen or rejected reply is over the limit is left
out whole: a cut reply would be preferred, or not, for what it does not say.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.training import data
from reasonmed.training.batches import Plan, even, whole
from reasonmed.training.careful import Careful
from reasonmed.training.dependencies import processes
from reasonmed.training.memory import Load, precise
from reasonmed.training.methods._even import padded, steps
from reasonmed.training.models import WRITES
from reasonmed.training.tokens import Said, Tokenized, Tokens, check_template
from reasonmed.training.tokens import tokenize as render
from reasonmed.training.trainer import arguments, build, lower

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from reasonmed.training.memory import Choice, Device
    from reasonmed.training.methods import Model
    from reasonmed.training.settings import Training
    from reasonmed.training.shapes import Network, Tell, Tokenizer
    from reasonmed.training.trainer import Fitting, Ready


def _problem(pair: data.Pair) -> str | None:
    if pair.chosen == pair.rejected:
        return "chosen and rejected are the same"
    return data.replied(pair.chosen, "chosen") or data.replied(pair.rejected, "rejected")


ROWS = "pairs"
HEAD = WRITES
WATCHED: Mapping[str, str] = {"rewards/accuracies": "chosen is preferred", "rewards/margins": "margin"}
BETA = 0.1
"""TRL's default, and the paper's for summaries and dialogs."""
FILES = data.Files(
    ("dpo", "."),
    data.Pair,
    _problem,
    'pairs {"id", "question_id", "prompt": [{"role", "content"}], "chosen": [{"role": "assistant", "content"}], '
    '"rejected": [...]}, as `reasonmed export RUN -o DIR --format dpo` writes them',
)


class Both(NamedTuple):
    """A pair as tokens; both begin with the same prompt."""

    row: int
    """Its place in the file, from 0."""
    chosen: Tokenized
    rejected: Tokenized

    @property
    def learned(self) -> int:
        """Tokens of both replies."""
        return self.chosen.learned + self.rejected.learned

    @property
    def width(self) -> int:
        """Tokens of the longer one."""
        return max(len(self.chosen), len(self.rejected))

    def __len__(self) -> int:
        return len(self.chosen) + len(self.rejected)


def read(source: Path, _: Training) -> data.Data[data.Pair]:
    """The pairs.

    Raises:
        UsageError: there are none, or they have another layout.
    """
    return data.read(source, FILES)


def tokenize(rows: Sequence[data.Pair], tokenizer: Tokenizer, limit: int, settings: Training) -> Tokens[Both]:
    """Both replies of every pair as tokens.

    Raises:
        UsageError: the chat template loses a part of a reply, or never ends it.
    """
    sides = []
    for side in ("chosen", "rejected"):
        said = [Said(row.id, row.prompt, getattr(row, side)) for row in rows]
        found = render(said, tokenizer, limit, settings)
        check_template(found, said, tokenizer)
        sides.append(found)
    first, second = sides
    refused = {**first.controls, **second.controls}
    masked = {*first.masked, *second.masked} - refused.keys()
    other = {one.row: one for one in second.kept}
    return Tokens(
        [Both(one.row, one, other[one.row]) for one in first.kept if one.row in other],
        [max(lengths) for lengths in zip(first.lengths, second.lengths, strict=True)],
        sorted({*first.too_long, *second.too_long} - masked - refused.keys()),
        sorted(masked),
        first.unlike,
        refused,
    )


def lay(settings: Training, model: Model, kept: tuple[list[Both], list[Both]], machine: Device) -> tuple[Choice, Plan]:
    """How many pairs go through the model at once."""
    pairs, held_out = kept
    widest = 2 * max(pair.width for pair in [*pairs, *held_out])
    width = 2 if precise(settings, machine) == "bf16" and settings.lora else 4
    reference = 0 if settings.lora else width * model.parameters
    choice = padded(settings, model, Load([widest], reference), machine)
    accumulation = even(settings.batch, choice.tokens // widest, processes()[1])
    wanted = steps(len(pairs), settings, whole=False)
    seen = sum(map(len, pairs)) * min(wanted * settings.batch / len(pairs), settings.epochs)
    return choice, Plan([], wanted, accumulation, 0, None, round(seen))


def sample(tokens: Tokens[Both], rows: Sequence[data.Pair], tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """The first pair: its prompt, and both replies."""
    one = tokens.kept[0]
    prompt = list(map(int, one.chosen.ids[: one.chosen.start]))
    replies = [
        (f"{name}, {side.learned} tokens:", tokenizer.decode(list(map(int, side.ids[side.start :]))))
        for name, side in (("chosen", one.chosen), ("rejected", one.rejected))
    ]
    return [(f"pair {rows[one.row].id}, prompt, {len(prompt)} tokens:", tokenizer.decode(prompt)), *replies]


def shortest(tokens: Tokens[Both]) -> tuple[int, list[int], int]:
    """The pair with the shortest chosen reply: its place, its prompt, and how many tokens the reply has."""
    one = min(tokens.kept, key=lambda one: one.chosen.learned).chosen
    return one.row, list(map(int, one.ids[: one.start])), one.learned


def configure(ready: Ready, folder: Path) -> object:
    """TRL's configuration.

    Raises:
        UsageError: it refuses the training file's ``trl_args``.
    """
    from trl import DPOConfig

    size = ready.settings.batch // ready.plan.accumulation
    beta = BETA if ready.settings.beta is None else ready.settings.beta
    own = {
        "per_device_train_batch_size": size,
        "per_device_eval_batch_size": whole(len(ready.validation), size),
        "max_length": None,
        "beta": beta,
    }
    return arguments(DPOConfig, ready, folder, own)


def make(model: Network, ready: Ready, folder: Path, tell: Tell) -> Fitting:
    """A trainer of these pairs, with the model as it is now as the reference."""
    from trl import DPOTrainer

    class Trainer(Careful, DPOTrainer):  # type: ignore[misc] # TRL has no types
        """Takes our tokens as they are."""

        def _prepare_dataset(self, dataset: object, *_: object) -> object:
            return dataset

    reference = None if ready.settings.lora else copy.deepcopy(model)
    for one in (model, reference):
        if one is not None:
            lower(one, ready)
    return build(
        Trainer,
        model,
        ready,
        tell,
        ref_model=reference,
        args=configure(ready, folder),
        train_dataset=_rows(ready.train),
        eval_dataset=_rows(ready.validation) if ready.validation else None,
    )


def _rows(pairs: Sequence[Both]) -> object:
    from datasets import Dataset

    rows = []
    for pair in pairs:
        start = min(pair.chosen.start, pair.rejected.start)
        rows.append(
            {
                "prompt_ids": pair.chosen.ids[:start],
                "chosen_ids": pair.chosen.ids[start:],
                "rejected_ids": pair.rejected.ids[start:],
            }
        )
    return Dataset.from_list(rows)
