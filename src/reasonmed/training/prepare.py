"""What can be known before the first step: rows, lengths, template, layout, memory. ``--dry-run`` ends here."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import TemplateError

from reasonmed.errors import UsageError
from reasonmed.training import dependencies as extra
from reasonmed.training import early, ends, models
from reasonmed.training.batches import Layout, Plan
from reasonmed.training.data import read
from reasonmed.training.memory import Choice, Device, device
from reasonmed.training.methods import METHODS, Method, Model, grpo
from reasonmed.training.tokens import Tokens, check_share
from reasonmed.training.trainer import Ready

if TYPE_CHECKING:
    from reasonmed.training.data import Data, Keyed
    from reasonmed.training.settings import Training
    from reasonmed.training.shapes import Configuration, Tokenizer


class Prepared(NamedTuple):
    """A run that is ready to start."""

    settings: Training
    data: Data[Any]
    base: models.Base
    tokenizer: Tokenizer
    end: ends.End
    """The token that ends replies."""
    model: Model
    limit: int
    """Tokens of the longest row that is kept."""
    train: Tokens[Any]
    validation: Tokens[Any] | None
    machine: Device
    choice: Choice
    plan: Plan
    questions: list[Keyed]
    """Asked at every checkpoint."""

    @property
    def method(self) -> Method:
        """What the model is trained by."""
        return METHODS[self.settings.method]

    @property
    def ready(self) -> Ready:
        """What a trainer is made of."""
        held_out = self.validation.kept if self.validation else []
        return Ready(
            self.settings,
            self.choice,
            self.plan,
            self.layout,
            self.train.kept,
            held_out,
            self.tokenizer,
            self.end,
            self.questions,
        )

    @property
    def context(self) -> int:
        """Tokens that the model can have before it."""
        return models.context(self.model.config) or self.limit

    @property
    def layout(self) -> Layout:
        """How rows lie in micro-batches."""
        return Layout(self.choice.packed, self.choice.tokens, extra.processes()[1])

    @property
    def template_hash(self) -> str:
        """Hash of the chat template."""
        return blake2b((self.tokenizer.chat_template or "").encode(), digest_size=16).hexdigest()


def prepare(folder: Path, settings: Training, ids: frozenset[str] | None = None) -> Prepared:
    """Read, tokenize and check the rows, and lay the run out; only the rows with these ids, if some are given.

    Raises:
        UsageError: what is wrong with data, model, template or lengths, before any long work.
    """
    extra.need()
    if settings.lora and settings.lora.merge and extra.sharded():
        raise UsageError("lora.merge: with FSDP no process has all weights to merge; say lora: {merge: false}")
    method = METHODS[settings.method]
    found = method.read(folder, settings)
    questions = _questions(folder, settings)
    if ids is not None:
        found = found.only(ids)
    early.check_packages(settings)
    base = models.find(settings)
    early.check_weights(base)
    config = models.config(base)
    if settings.best == "loss" and not found.validation:
        raise UsageError("best: loss needs validation rows (validation.jsonl beside train.jsonl), and there are none")
    bare = models.without_weights(config, method.HEAD)
    parameters = models.parameters(bare)
    early.check_targets(settings.lora, bare)
    tokenizer = models.tokenizer(base, settings.template)
    end = _end(tokenizer, found)
    limit, bound = _limit(settings, config), "max_length" if settings.max_length else "model's context"
    train = method.tokenize(found.train.rows, tokenizer, limit, settings)
    check_share(train, limit, bound=bound)
    held_out = None
    if found.validation and settings.evaluate:
        held_out = method.tokenize(found.validation.rows, tokenizer, limit, settings)
        check_share(held_out, limit, bound=bound, what="validation rows")
    model = Model(config, parameters)
    machine = device()
    choice, planned = method.lay(settings, model, (train.kept, held_out.kept if held_out else []), machine)
    made = Prepared(
        settings, found, base, tokenizer, end, model, limit, train, held_out, machine, choice, planned, questions
    )
    method.configure(made.ready, Path("checkpoints"))
    return made


def _questions(source: Path, settings: Training) -> list[Keyed]:
    """The questions that the training file's ``accuracy`` wants asked; none where it wants none.

    Raises:
        UsageError: the export has none, or the weights are dealt out among processes.
    """
    wanted = settings.accuracy
    if wanted is None:
        return []
    if extra.sharded():
        raise UsageError("accuracy: with FSDP no process has all weights to answer with; leave it out")
    found = read(source, grpo.FILES).validation if source.is_dir() else None
    if found is None:
        raise UsageError(
            f"accuracy: {source} has no rl/trl-grpo/validation.jsonl with questions to ask: "
            "`reasonmed export RUN -o DIR --format trl-sft,rl` writes it, with a share for validation"
        )
    return found.rows[: wanted.questions]


def _end(tokenizer: Tokenizer, found: Data[Any]) -> ends.End:
    """The token that ends replies, as the tokenizer's own from here on."""
    prompt = [message.chat for message in found.train.rows[0].prompt]
    try:
        end = ends.find(tokenizer, prompt)
    except TemplateError as refused:
        raise UsageError(f"the chat template refuses a row: {refused}. Name another one with `template:`") from refused
    ends.adopt(tokenizer, end, prompt)
    return end


def _limit(settings: Training, config: Configuration) -> int:
    context = models.context(config)
    if settings.max_length and context and settings.max_length > context:
        raise UsageError(
            f"max_length: {settings.max_length} is over the context of {settings.base_model}, {context} tokens"
        )
    return settings.max_length or context or 2**31
