"""Group relative policy optimization on the ``rl`` questions of an export: TRL's GRPOTrainer.

The model answers each question several times; a reply that concludes the key earns 1, any other 0, read as everywhere
in reasonmed. The method is of Shao et al. 2024 (arXiv 2402.03300), the loss TRL's default (DAPO, arXiv 2503.14476).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from reasonmed import reward
from reasonmed.backends._chat import tokens_of
from reasonmed.backends._tokens import opened
from reasonmed.errors import UsageError
from reasonmed.training import data
from reasonmed.training.batches import Plan, even, whole
from reasonmed.training.careful import Careful
from reasonmed.training.dependencies import processes
from reasonmed.training.memory import Load, cached, precise
from reasonmed.training.methods._even import padded, steps
from reasonmed.training.models import WRITES, is_gguf
from reasonmed.training.tokens import Tokens, refused_controls, render
from reasonmed.training.trainer import arguments, build, lower

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from reasonmed.training.memory import Choice, Device
    from reasonmed.training.methods import Model
    from reasonmed.training.settings import Training
    from reasonmed.training.shapes import Network, Tell, Tokenizer
    from reasonmed.training.trainer import Fitting, Ready


def _problem(row: data.Keyed) -> str | None:
    try:
        reward.place_of(row.answer, row.options)
    except ValueError as wrong:
        return str(wrong)
    return None


ROWS = "questions"
HEAD = WRITES
WATCHED: Mapping[str, str] = {
    "reward": "reward",
    "completions/mean_length": "tokens a reply",
    "completions/clipped_ratio": "replies cut",
    "frac_reward_zero_std": "questions whose replies all earn alike",
}
FILES = data.Files(
    ("rl/trl-grpo", "trl-grpo", "."),
    data.Keyed,
    _problem,
    'questions {"id", "question_id", "prompt": [{"role", "content"}], "answer": "B", "options": [texts]}, as '
    "`reasonmed export RUN -o DIR --format rl` writes them",
)


class Opened(NamedTuple):
    """A question as tokens, with what its reward needs."""

    row: int
    """Its place in the file, from 0."""
    ids: list[int]
    """The prompt up to where the reply begins."""
    question: data.Keyed
    opened: str
    """The mark of thinking that the prompt leaves open."""

    @property
    def learned(self) -> int:
        """None beforehand: the model writes what it learns from."""
        return 0

    def __len__(self) -> int:
        return len(self.ids)


def read(source: Path, _: Training) -> data.Data[data.Keyed]:
    """The questions.

    Raises:
        UsageError: there are none, or they have another layout.
    """
    return data.read(source, FILES)


def tokenize(rows: Sequence[data.Keyed], tokenizer: Tokenizer, limit: int, settings: Training) -> Tokens[Opened]:
    """Prompts as tokens; those that leave no room for a reply are left out."""
    refused = refused_controls(tokenizer, ((row.id, row.prompt) for row in rows), settings)
    prompts = render(tokenizer, [row.prompt for row in rows], ask=True)
    room = limit - settings.rollouts.max_tokens
    every = [
        Opened(place, ids, row, opened(tokenizer, ids))
        for place, (row, ids) in enumerate(zip(rows, prompts, strict=True))
        if row.id not in refused
    ]
    kept, long = [one for one in every if len(one) <= room], [one.question.id for one in every if len(one) > room]
    return Tokens(kept, [len(ids) + settings.rollouts.max_tokens for ids in prompts], long, [], 0, refused)


def lay(
    settings: Training, model: Model, kept: tuple[list[Opened], list[Opened]], machine: Device
) -> tuple[Choice, Plan]:
    """How many replies go through the model at once."""
    if settings.beta and settings.lora is None and is_gguf(settings):
        raise UsageError("beta: over 0 needs the base model a second time, and GGUF weights cannot be: say lora")
    questions, held_out = kept
    longest = max(map(len, [*questions, *held_out])) + settings.rollouts.max_tokens
    replies = settings.batch * settings.rollouts.replies
    beside = cached(model.config, precise(settings, machine)) * longest * math.ceil(replies / processes()[1])
    beside += 4 * model.parameters if settings.beta and settings.lora is None else 0
    choice = padded(settings, model, Load([longest], beside), machine)
    accumulation = even(replies, choice.tokens // longest, processes()[1])
    return choice, Plan([], steps(len(questions), settings, whole=True), accumulation, 0, None, None)


def sample(tokens: Tokens[Opened], _: Sequence[data.Keyed], tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """The first question and its key."""
    one = tokens.kept[0]
    key, options = one.question.answer, one.question.options
    return [
        (f"question {one.question.id}, prompt, {len(one)} tokens:", tokenizer.decode(one.ids)),
        ("a reply earns 1 where it concludes:", f"{key}. {options[reward.place_of(key, options)]}"),
    ]


def shortest(tokens: Tokens[Opened]) -> tuple[int, list[int], int]:
    """The first question: its place and prompt; its reply has no length beforehand."""
    one = tokens.kept[0]
    return one.row, one.ids, 0


def configure(ready: Ready, folder: Path) -> object:
    """TRL's configuration.

    Raises:
        UsageError: it refuses the training file's ``trl_args``.
    """
    from trl import GRPOConfig

    rollouts = ready.settings.rollouts
    size = ready.settings.batch * rollouts.replies // ready.plan.accumulation
    own = {
        "per_device_train_batch_size": size,
        "per_device_eval_batch_size": whole(len(ready.validation), size),
        "num_generations": rollouts.replies,
        "num_generations_eval": 1,
        "max_completion_length": rollouts.max_tokens,
        "temperature": rollouts.temperature,
        "beta": ready.settings.beta or 0.0,
    }
    return arguments(GRPOConfig, ready, folder, own)


def make(model: Network, ready: Ready, folder: Path, tell: Tell) -> Fitting:
    """A trainer on these questions."""
    from trl import GRPOTrainer

    class Trainer(Careful, GRPOTrainer):  # type: ignore[misc] # TRL has no types
        """Tells nothing of how far replies differ on validation questions: each is answered once."""

        def _tokenize_prompts(
            self, prompts: list[list[dict[str, str]]]
        ) -> tuple[list[list[int]], None, dict[str, object]]:
            return tokens_of(ready.tokenizer, prompts, ask=True), None, {}

        def log(self, logs: dict[str, float], *others: object) -> None:
            self._metrics["eval"].pop("frac_reward_zero_std", None)
            super().log(logs, *others)

    lower(model, ready)
    return build(
        Trainer,
        model,
        ready,
        tell,
        reward_funcs=_reward(ready.tokenizer, _ends(model, ready)),
        args=configure(ready, folder),
        train_dataset=_rows(ready.train),
        eval_dataset=_rows(ready.validation) if ready.validation else None,
    )


def _rows(questions: Sequence[Opened]) -> object:
    from datasets import Dataset

    return Dataset.from_list(
        [
            {
                "prompt": [message.chat for message in one.question.prompt],
                "answer": one.question.answer,
                "options": list(one.question.options),
                "opened": one.opened,
            }
            for one in questions
        ]
    )


def _ends(model: Network, ready: Ready) -> set[int | None]:
    """Tokens after which TRL ends a reply."""
    named = model.generation_config.eos_token_id
    own = named if isinstance(named, list) else [named]
    return {*own, ready.tokenizer.eos_token_id, ready.tokenizer.pad_token_id} - {None}


def _reward(tokenizer: Tokenizer, ends: set[int | None]) -> Callable[..., list[float]]:
    """The reward, with two things that only the trainer knows.

    A reply that was cut earns nothing, whatever it says by then. Where the template opens the thinking, the reply
    begins inside it, and thinking that has no end concludes nothing: it is read as `evaluate` reads it.
    """

    def multiple_choice_reward(
        completion_ids: Sequence[Sequence[int]],
        answer: Sequence[str],
        options: Sequence[Sequence[str]],
        opened: Sequence[str],
        **_: object,
    ) -> list[float]:
        ended = [bool(ids) and ids[-1] in ends for ids in completion_ids]
        texts = [
            mark + tokenizer.decode(ids[:-1] if whole else ids, skip_special_tokens=False)
            for mark, ids, whole in zip(opened, completion_ids, ended, strict=True)
        ]
        earned = reward.multiple_choice_reward(texts, answer, options)
        return [points if whole else 0.0 for points, whole in zip(earned, ended, strict=True)]

    return multiple_choice_reward
