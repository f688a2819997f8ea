"""One training as another stack's writer sees it: every field is mapped, or it is said that it is not."""

from __future__ import annotations

import math
import shlex
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.documents import reason, small_text
from reasonmed.errors import UsageError
from reasonmed.training.data import Row
from reasonmed.training.models import EMBEDDED, PLAIN, find
from reasonmed.training.settings import Training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.training.data import Data, Message

QUIET = ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "AXOLOTL_DO_NOT_TRACK")
_TEMPLATE_BYTES = 512
"""Room for what a chat template puts around a row's texts."""
_SAID = frozenset({"source", "variant", "method", "beta", "rollouts", "balance", "control_tokens"})
"""Fields that the data itself carries out, or that other methods than fine-tuning have."""


class Emitted(NamedTuple):
    """What was written."""

    stack: str
    version: str
    """The stack's version whose source the keys were read in."""
    command: tuple[str, ...]
    notes: tuple[str, ...]
    """What differs from ``reasonmed train``, field by field."""
    after: tuple[str, ...] = ()
    """A command to run behind it."""
    end: str | None = None
    """The token that ends replies, where it is known."""


class Case:
    """A training, with a record of which fields a writer has taken.

    Args:
        stack: its name.
        data: the rows.
        settings: the training file.
        devices: how many the command is for.

    Raises:
        UsageError: no other stack can load the base model.
    """

    def __init__(self, stack: str, data: Data[Row], settings: Training, devices: int) -> None:
        if settings.base_model == EMBEDDED or settings.base_model.endswith(".gguf"):
            raise UsageError(
                f"--emit {stack}: base_model {settings.base_model} are GGUF weights, which it does not train; take a "
                "model folder or an id on the hub"
            )
        self.stack, self.data, self.devices = stack, data, devices
        self._settings, self._taken, self._notes = settings, set(_SAID), list[str]()
        self._say_masked()
        self.end: str | None = None
        """The token that ends replies, where the tokenizer's ``eos_token`` is another one."""

    def take(self, field: str) -> Any:  # noqa: ANN401 - a field of any type
        """A field's value, which counts as mapped from here on."""
        self._taken.add(field)
        return getattr(self._settings, field)

    def note(self, text: str) -> None:
        """Say what is different there."""
        self._notes.append(text)

    def notes(self) -> tuple[str, ...]:
        """All notes, with every field of the training file that was not taken and says something of its own."""
        fields = Training.model_fields
        left = [
            f"{name}: {self._shown(name)} is not written: {self.stack} has no such setting here"
            for name, field in fields.items()
            if name not in self._taken and getattr(self._settings, name) != field.get_default(call_default_factory=True)
        ]
        return (*self._notes, *left)

    def _shown(self, name: str) -> str:
        value = getattr(self._settings, name)
        return repr(value.model_dump() if hasattr(value, "model_dump") else value)

    def _say_masked(self) -> None:
        """Say that masked steps are learned there."""
        masked = sum(isinstance(row, Row) and bool(row.masked) for row in self.data.train.rows)
        if masked:
            self.note(
                f"masked: {masked} of {len(self.data.train)} rows have steps that are not to be learned, and the rows "
                "written here teach them. For Axolotl: reasonmed export RUN -o DIR --format axolotl --mask-steps"
            )

    @property
    def model(self) -> str:
        """The base model; a local folder by its full path, since the command runs in another one."""
        self.take("base_model")
        place = find(self._settings).place
        return str(Path(place).resolve()) if Path(place).is_dir() else place

    @property
    def steps(self) -> int:
        """Optimizer steps of the run."""
        settings = self._settings
        whole = math.ceil(math.ceil(len(self.data.train) * settings.epochs) / settings.batch)
        return min(whole, settings.max_steps or whole)

    @property
    def shortened(self) -> int | None:
        """``max_steps``, where it ends the run before ``epochs`` does."""
        most: int | None = self.take("max_steps")
        whole = math.ceil(math.ceil(len(self.data.train) * self._settings.epochs) / self._settings.batch)
        return most if most is not None and most < whole else None

    @property
    def whole_epochs(self) -> int:
        """The epochs as an integer.

        Raises:
            UsageError: they are none.
        """
        epochs = float(self.take("epochs"))
        if not epochs.is_integer():
            raise UsageError(f"epochs: {epochs:g}: {self.stack} takes whole epochs only")
        return int(epochs)

    @property
    def accumulation(self) -> int:
        """Micro-batches of one row that make a step on each device.

        Raises:
            UsageError: the batch cannot be dealt out to the devices.
        """
        batch: int = self.take("batch")
        self.check_devices(batch)
        if self.take("micro_batch_tokens") is not None:
            self.note("micro_batch_tokens: this stack counts rows; written is 1 row")
        return batch // self.devices

    def check_devices(self, batch: int) -> None:
        """Refuse a batch that the devices cannot share evenly."""
        if batch % self.devices:
            raise UsageError(f"batch: {batch} rows cannot be dealt out evenly to {self.devices} devices")

    @property
    def every(self) -> int:
        """Steps between checkpoints."""
        return int(self.take("save_steps") or max(self.steps // 10, 1))

    @property
    def measured(self) -> bool:
        """Whether there is a validation loss."""
        return bool(self.take("evaluate")) and self.data.validation is not None

    def limit(self, what: str) -> int:
        """``max_length``, or a length that no row reaches: a token is a byte at least.

        Args:
            what: what the stack does with longer rows, as ``is cut``; empty where they are dropped as here.
        """
        given: int | None = self.take("max_length")
        if given is not None:
            if what:
                self.note(
                    f"max_length: a row over {given} tokens {what}; `reasonmed train` drops it whole. Count such rows "
                    "first: reasonmed train DATA -c FILE --dry-run"
                )
            return given
        splits = [self.data.train, *([self.data.validation] if self.data.validation else [])]
        longest = max(
            sum(len(text.encode()) for one in (*row.prompt, *row.completion) for text in one.texts)
            for split in splits
            for row in split.rows
        )
        bound = longest + _TEMPLATE_BYTES
        self.note(
            f"max_length: not given, and tokens are not counted here; written is {bound}, the longest row's bytes and "
            f"{_TEMPLATE_BYTES} for the chat template, so that no row is over it. Give max_length where the model's "
            "context is shorter"
        )
        return bound

    @property
    def packed(self) -> bool:
        """Whether rows are packed; ``auto`` is not, since it hangs on what is installed there.

        Raises:
            UsageError: packing without a length.
        """
        packing = self.take("packing")
        if packing == "auto":
            self.note("packing: auto is written as off; packing: true with max_length switches it on")
        elif packing and self._settings.max_length is None:
            raise UsageError(
                f"packing: true needs max_length with --emit {self.stack}: it is the width of a packed row"
            )
        return packing is True

    @property
    def bf16(self) -> bool:
        """Mixed precision; ``auto`` is bf16."""
        return bool(self.take("precision") != "fp32")

    @property
    def checkpointed(self) -> bool:
        """Gradient checkpointing; ``auto`` is on, which always fits."""
        checkpointing = self.take("checkpointing")
        if checkpointing == "auto":
            self.note("checkpointing: auto is written as on; checkpointing: false is faster where the memory allows it")
        return bool(checkpointing)

    @property
    def template(self) -> str | None:
        """The text of the chat template that replaces the tokenizer's."""
        self.take("template")
        return self.text_of_template

    @property
    def text_of_template(self) -> str | None:
        """The same, whether a writer takes it or not."""
        name = self._settings.template
        if name is None:
            return None
        if name == PLAIN:
            return (resources.files("reasonmed.training") / "plain.jinja").read_text(encoding="utf-8")
        try:
            return small_text(Path(name))
        except (OSError, UnicodeDecodeError) as unread:
            raise UsageError(f"template {name}: cannot be read: {reason(unread)}") from unread

    def say_merge(self, how: str) -> None:
        """Say that adapters are not merged."""
        lora = self.take("lora")
        if lora is not None and lora.merge:
            self.note(f"lora.merge: the run leaves the adapter alone; {how}")

    def splits(self) -> list[tuple[str, Sequence[Row]]]:
        """Names and rows of the data."""
        found: list[tuple[str, Sequence[Row]]] = [("train", self.data.train.rows)]
        if self.measured and self.data.validation is not None:
            found.append(("validation", self.data.validation.rows))
        return found

    def turns(self) -> list[tuple[str, list[list[dict[str, str]]]]]:
        """Every split as whole conversations, with the reasoning in the content; only the last turn may be learned.

        Raises:
            UsageError: a row has assistant turns that must not be learned, or several to learn.
        """
        return [(name, [self._turns(row) for row in rows]) for name, rows in self.splits()]

    def _turns(self, row: Row) -> list[dict[str, str]]:
        if len(row.completion) != 1 or any(message.role == "assistant" for message in row.prompt):
            raise UsageError(
                f"row {row.id!r}: --emit {self.stack} learns every assistant turn of a conversation, and here only "
                "the completion is to be learned: rows need one assistant message, in the completion"
            )
        return [self._inline(message) for message in (*row.prompt, *row.completion)]

    def _inline(self, message: Message) -> dict[str, str]:
        if message.reasoning_content is None:
            return message.chat
        moved = "reasoning_content: put between think tags in the content"
        if moved not in self._notes:
            self.note(moved)
        content = f"<think>\n{message.reasoning_content}\n</think>\n\n{message.content}"
        return {"role": message.role, "content": content}


def script(told: Emitted) -> str:
    """A shell script of the command, which runs in its own folder and reports to nobody."""
    quiet = " ".join(f"{name}=1" for name in QUIET)
    after = f"{shlex.join(told.after)}\n" if told.after else ""
    return f'#!/bin/sh\nset -e\ncd "$(dirname "$0")"\nexport {quiet}\n{shlex.join(told.command)}\n{after}'


def readme(told: Emitted, case: Case) -> str:
    """What the folder is, and what is different from ``reasonmed train``."""
    notes = "\n".join(f"- {note}" for note in told.notes) or "Nothing."
    ends = f" Replies end with {told.end}." if told.end else ""
    return (
        f"# {told.stack}\n\nWritten by `reasonmed train --emit {told.stack}`: {len(case.data.train):,} rows, "
        f"{case.steps:,} steps, {case.devices} device{'s' if case.devices > 1 else ''}. The settings' names were read "
        f"in the source of {told.version}.{ends}\n\n    sh run.sh\n\n## Different from `reasonmed train`\n\n{notes}\n"
    )
