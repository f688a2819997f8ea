"""What a model folder says of its training: ``training.json`` once it has begun, ``run.json`` once it is finished."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from reasonmed.documents import Count, Document, Number
from reasonmed.errors import UsageError

RUN = "run.json"
STARTED = "training.json"
VERSION = 1
ORIGIN = "origin"
"""In the record of a start: what the checkpoints are from, before there is a model."""


class Ancestor(Struct, frozen=True):
    """One training of the chain from the first base to a model."""

    base: str | None = None
    """The model it began with."""
    base_weights: list[str] = []
    """The beginnings of the hashes of that model's weights; empty where they are not recorded."""
    stems: list[str] | None = None
    """Hashes of the stems of its rows; None where it does not record them."""
    whole: bool = True
    """Whether every row has one."""


class Base(Struct, frozen=True):
    """The model that a training began with."""

    name: str
    identity: str
    parameters: Count


class Origin(Struct, frozen=True):
    """Where a model is from."""

    base_model: Base
    stems: list[str] | None
    """Hashes of the stems of all its trainings; None where one of them does not record them."""
    rows_without_stem: Count
    trainings: list[Ancestor]


class Data(Struct, frozen=True):
    """What was trained on."""

    file: str
    hash: str
    kind: str
    variant: str | None
    rows: Count
    trained_on: Count
    too_long: list[str]
    without_loss: list[str]
    control_tokens: dict[str, list[str]]
    validation_rows: Count
    tokens: Count
    tokens_learned: Count
    longest: Count


class End(Struct, frozen=True):
    """The token that ends replies."""

    token: str
    id: int
    base: str | None
    """The tokenizer's own before."""


class Layout(Struct, frozen=True):
    """How rows went through the model."""

    attention: str
    packed: bool
    compiled: bool
    checkpointing: bool
    precision: str
    micro_batch_tokens: Count
    micro_batches_a_step: Count
    steps: Count
    fill: Number | None
    estimated_memory: Count


class Measured(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a training took."""

    seconds: Number
    peak_memory: Count | None
    whole: bool
    """Whether one session did all of it."""
    tokens_per_second: Number | UnsetType = UNSET
    model_flops_utilization: Number | UnsetType | None = UNSET


class Ends(Struct, frozen=True):
    """A value at the first and the last steps, and on the validation rows."""

    first: Number | None
    last: Number | None
    validation: Number | None


class Accuracy(Struct, frozen=True):
    """Right answers to the validation questions, by checkpoint."""

    questions: Count
    steps: dict[str, Number]
    last: Number


class Hardware(Struct, frozen=True):
    """What the model was trained on."""

    kind: str
    name: str
    memory: Count
    bf16: bool
    processes: Count


class Best(Struct, frozen=True):
    """The checkpoint that became the model."""

    step: Count
    by: str
    value: Number


class Tried(Struct, frozen=True, omit_defaults=True):
    """What came of asking the saved model one training prompt."""

    stopped: bool | None
    """Whether it ended its reply by itself; None where it could not be asked."""
    reason: str | None = None
    """Why it could not be."""
    row: str | None = None
    tokens: Count | None = None
    limit: Count | None = None
    ends: list[str] | None = None


Bounded = tuple[float, float, float]
"""A value with the ends of its interval."""
_RATES = {"auc": "AUC", "accuracy": "accuracy", "first_error": "first fault of a chain"}


class HeldOut(Struct, frozen=True, omit_defaults=True):
    """How well a process reward model labels steps that it has not learned; or why that is not known."""

    chains: Count = 0
    steps: Count = 0
    faults: Count = 0
    auc: Bounded | None = None
    accuracy: Bounded | None = None
    first_error: Bounded | None = None
    reason: str = ""

    @property
    def sentence(self) -> str:
        """It in a sentence."""
        if self.reason:
            return f"not measured: {self.reason}"
        values = [(words, getattr(self, name)) for name, words in _RATES.items()]
        parts = [f"{words} {one[0]:.3f} ({one[1]:.3f} to {one[2]:.3f})" for words, one in values if one is not None]
        return f"{', '.join(parts)}; {self.chains:,} chains, {self.steps:,} steps, {self.faults:,} faulty"


class Record(Struct, frozen=True, kw_only=True):
    """What ``run.json`` of a model folder holds."""

    version: int = VERSION
    reasonmed: str
    method: str
    base_model: Base
    stems: list[str] | None
    rows_without_stem: Count
    trainings: list[Ancestor]
    settings: dict[str, object]
    data: Data
    template: str
    end: End
    layout: Layout
    measured: Measured
    loss: Ends
    accuracy: Accuracy | None
    watched: dict[str, Ends]
    seeds: dict[str, int]
    hardware: Hardware
    versions: dict[str, str]
    question_ids: list[str]
    best: Best | None
    ending: Tried | UnsetType = UNSET
    """Of a model that writes."""
    held_out: HeldOut | UnsetType = UNSET
    """Of a process reward model."""
    overrides: list[dict[str, object]]


class Begun(Struct):
    """What ``training.json`` has beside the fields of the run's identity, whatever they are."""

    overrides: list[dict[str, object]] = []


_ANEW = "choose another -o, or start over with --force"
LAYOUT = ("version", (VERSION,))
RECORD = Document("record of a training", Record, UsageError, _ANEW, LAYOUT, unsaid=VERSION)
BEGUN = Document("note of how a training began", Begun, UsageError, _ANEW, LAYOUT, unsaid=VERSION)
