"""What can be known before the first step: rows, lengths, template, layout, memory. ``--dry-run`` ends here."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.errors import UsageError
from reasonmed.training import data, extra, models
from reasonmed.training.batches import Layout, Plan, plan
from reasonmed.training.layout import Choice, Device, choose, device
from reasonmed.training.tokens import Tokens, check_share, check_template, tokenize
from reasonmed.training.trainer import Ready

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.training.settings import Training


class Prepared(NamedTuple):
    """A run that is ready to start."""

    settings: Training
    data: data.Data
    base: models.Base
    tokenizer: Any
    config: Any
    parameters: int
    limit: int
    """Tokens of the longest row that is kept."""
    train: Tokens
    validation: Tokens | None
    machine: Device
    choice: Choice
    plan: Plan

    @property
    def ready(self) -> Ready:
        """What a trainer is made of."""
        held_out = self.validation.kept if self.validation else []
        return Ready(self.settings, self.choice, self.plan, self.layout, self.train.kept, held_out, self.tokenizer)

    @property
    def layout(self) -> Layout:
        """How rows lie in micro-batches."""
        return Layout(self.choice.packed, self.choice.tokens, extra.processes()[1])

    @property
    def template_hash(self) -> str:
        """Hash of the chat template."""
        return blake2b(self.tokenizer.chat_template.encode(), digest_size=16).hexdigest()


def prepare(folder: Path, settings: Training, ids: frozenset[str] | None = None) -> Prepared:
    """Read, tokenize and check the rows, and lay the run out; only the rows with these ids, if some are given.

    Raises:
        UsageError: what is wrong with data, model, template or lengths, before any long work.
    """
    extra.need()
    found = data.read(folder, settings.variant)
    if ids is not None:
        found = found.only(ids)
    base = models.find(settings)
    config = models.config(base)
    tokenizer = models.tokenizer(base, settings.template)
    limit = _limit(settings, config)
    train = tokenize(found.train.rows, tokenizer, limit)
    check_share(train, limit)
    check_template(train, found.train.rows, tokenizer)
    held_out = tokenize(found.validation.rows, tokenizer, limit) if found.validation and settings.evaluate else None
    lengths = [len(one) for one in train.kept]
    every = [*lengths, *(len(one) for one in (held_out.kept if held_out else ()))]
    parameters = models.count(config)
    machine = device()
    choice = choose(settings, config, parameters, every, machine)
    layout = Layout(choice.packed, choice.tokens, extra.processes()[1])
    planned = plan(lengths, settings.batch, settings.epochs, settings.seed, layout, settings.max_steps)
    return Prepared(
        settings, found, base, tokenizer, config, parameters, limit, train, held_out, machine, choice, planned
    )


def _limit(settings: Training, config: Any) -> int:  # noqa: ANN401
    context = models.context(config)
    if settings.max_length and context and settings.max_length > context:
        raise UsageError(
            f"max_length: {settings.max_length} is over the context of {settings.base_model}, {context} tokens"
        )
    return settings.max_length or context or 2**31
