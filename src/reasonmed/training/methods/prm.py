"""A process reward model on the ``prm`` rows of an export: two labels, read at the last token of each step.

The model is one of transformers for token classification, trained by its Trainer. Every other token is without a loss.
A row that is too long is left out whole, as those of every method are: its chain would lose the steps that matter most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import force_setattr

from reasonmed.backends._step_tokens import LABELS, stepped
from reasonmed.errors import UsageError
from reasonmed.training import data
from reasonmed.training.batches import Plan, even, whole
from reasonmed.training.dependencies import processes
from reasonmed.training.labeled import RIGHT, Labeled, counts
from reasonmed.training.memory import Load
from reasonmed.training.methods._even import padded, steps
from reasonmed.training.models import Head
from reasonmed.training.tokens import Tokens, refused_controls, render
from reasonmed.training.trainer import arguments, build, lower
from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from reasonmed.training.memory import Choice, Device
    from reasonmed.training.methods import Model
    from reasonmed.training.settings import Training
    from reasonmed.training.shapes import Network, Tell, Tokenizer
    from reasonmed.training.trainer import Fitting, Ready


class Chain(data.Prompt, frozen=True, kw_only=True):
    """A question, the steps of a chain of thought on it, and whether each is ok.

    A prompt that is a text is a user's message; a row without ids is told from others by its content.
    """

    prompt: str | data.Messages  # type: ignore[assignment] # messages, once it is read
    completions: tuple[str, ...]
    labels: tuple[bool, ...]
    id: str = ""
    question_id: str = ""

    def __post_init__(self) -> None:
        """Let rows of either form be one."""
        if isinstance(self.prompt, str):
            asked = (data.Message("user", self.prompt),) if self.prompt.strip() else ()
            force_setattr(self, "prompt", asked)
        for name, content in (("id", (self.prompt, self.completions)), ("question_id", self.prompt)):
            if not getattr(self, name):
                force_setattr(self, name, digest(content, 8))

    @property
    def said(self) -> data.Messages:
        """The prompt, and the chain behind it."""
        asked = () if isinstance(self.prompt, str) else self.prompt
        return (*asked, data.Message("assistant", "".join(self.completions)))


def _problem(row: Chain) -> str | None:
    if not row.completions:
        return "completions is empty"
    if len(row.completions) != len(row.labels):
        return f"{len(row.completions)} completions have {len(row.labels)} labels"
    blank = next((number for number, step in enumerate(row.completions, 1) if not step.strip()), None)
    return None if blank is None else f"step {blank} of completions has no text"


ROWS = "chains"
HEAD = Head("AutoModelForTokenClassification", LABELS, "a model for token classification")
WATCHED: Mapping[str, str] = {RIGHT: "steps labeled right"}
FILES = data.Files(
    ("prm", "."),
    Chain,
    _problem,
    'chains {"id", "question_id", "prompt": a text or [{"role", "content"}], "completions": [a text a step], "labels": '
    "[true or false a step]}, as `reasonmed export RUN -o DIR --format prm` writes them",
)


def read(source: Path, _: Training) -> data.Data[Chain]:
    """The chains.

    Raises:
        UsageError: there are none, or they have another layout.
    """
    return data.read(source, FILES)


def tokenize(rows: Sequence[Chain], tokenizer: Tokenizer, limit: int, settings: Training) -> Tokens[Labeled]:
    """Prompts by the chat template, and behind each the steps of its chain; chains over the limit are left out."""
    refused = refused_controls(tokenizer, ((row.id, row.said) for row in rows), settings)
    prompts = render(tokenizer, [row.said[:-1] for row in rows], ask=True)
    every = [stepped(tokenizer, prompt, row.completions) for row, prompt in zip(rows, prompts, strict=True)]
    done = Tokens[Labeled]([], [len(one.ids) for one in every], [], [], 0, refused)
    for place, (row, one) in enumerate(zip(rows, every, strict=True)):
        if row.id in refused:
            continue
        if len(one.ids) > limit:
            done.too_long.append(row.id)
        else:
            done.kept.append(Labeled(place, *one, row.labels))
    return done


def lay(
    settings: Training, model: Model, kept: tuple[list[Labeled], list[Labeled]], machine: Device
) -> tuple[Choice, Plan]:
    """How many chains go through the model at once.

    Raises:
        UsageError: there is nothing to tell apart.
    """
    chains, held_out = kept
    counted = counts(chains)
    if len(counted) < len(LABELS):
        only = "ok" if counted[True] else "faulty"
        raise UsageError(f"labels: all {counted.total():,} steps are {only}, so there is nothing to tell apart")
    widest = max(map(len, [*chains, *held_out]))
    choice = padded(settings, model, Load([widest]), machine)
    accumulation = even(settings.batch, choice.tokens // widest, processes()[1])
    wanted = steps(len(chains), settings, whole=False)
    seen = sum(map(len, chains)) * min(wanted * settings.batch / len(chains), settings.epochs)
    return choice, Plan([], wanted, accumulation, 0, None, round(seen))


def sample(tokens: Tokens[Labeled], rows: Sequence[Chain], tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """The first chain: its prompt, and its steps with the label that each has at its last token."""
    one, counted = tokens.kept[0], counts(tokens.kept)
    start = one.ends[0] + 1 - len(stepped(tokenizer, [], rows[one.row].completions[:1]).ids)
    cuts = [start, *(end + 1 for end in one.ends)]
    shown = [
        (f"{LABELS[ok]}, at the last of {last - first} tokens:", tokenizer.decode(one.ids[first:last]))
        for first, last, ok in zip(cuts, cuts[1:], one.ok, strict=False)
    ]
    title = (
        f"{counted[True]:,} steps are ok, {counted[False]:,} faulty; chain {rows[one.row].id}, prompt, {start} tokens:"
    )
    return [(title, tokenizer.decode(one.ids[:start])), *shown]


def shortest(tokens: Tokens[Labeled]) -> tuple[int, list[int], int]:
    """The first chain: its place and its tokens; the model writes nothing."""
    return tokens.kept[0].row, tokens.kept[0].ids, 0


def configure(ready: Ready, folder: Path) -> object:
    """The configuration of transformers' trainer.

    Raises:
        UsageError: it refuses the training file's ``trl_args``.
    """
    from transformers import TrainingArguments

    size = ready.settings.batch // ready.plan.accumulation
    own = {
        "per_device_train_batch_size": size,
        "per_device_eval_batch_size": whole(len(ready.validation), size),
        "remove_unused_columns": False,
    }
    return arguments(TrainingArguments, ready, folder, own)


def make(model: Network, ready: Ready, folder: Path, tell: Tell) -> Fitting:
    """A trainer of these chains."""
    from reasonmed.training.step_trainer import Collator, StepTrainer

    lower(model, ready)
    balance = counts(ready.train) if ready.settings.balance else None
    return build(
        StepTrainer,
        model,
        ready,
        tell,
        args=configure(ready, folder),
        balance=[balance.total() / len(balance) / balance[ok] for ok in (False, True)] if balance else None,
        train_dataset=ready.train,
        eval_dataset=ready.validation or None,
        data_collator=Collator(ready.tokenizer.pad_token_id),
    )
