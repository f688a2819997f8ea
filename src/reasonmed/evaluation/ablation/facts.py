"""What ``ablation.json`` holds. Whatever came after the first version has a default: older files stay readable."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from reasonmed.evaluation.ablation.grid import Equal
from reasonmed.evaluation.ablation.pooled import Accuracy, Detectable, Gap
from reasonmed.evaluation.audit.facts import Audit
from reasonmed.training.record import Ends


class Fitted(Struct, frozen=True):
    """How one model was trained."""

    loss: Ends
    steps: int
    tokens: int
    rows: int | None = None


class Place(Struct, frozen=True):
    """Where a group of models is in the grid; ``variant`` is None for a base that nothing was trained on."""

    base: str
    untrained: str
    """The group of that base."""
    variant: str | None = None
    epochs: float = 0.0
    share: float = 0.0


class Ablation(Struct, frozen=True, kw_only=True):
    """What ``ablation.json`` holds."""

    version: int
    equal: Equal
    examples: int
    seeds: list[int]
    note: str
    rows_without_stem: int
    models: dict[str, Fitted]
    questions: int
    trained_on: int
    accuracy: dict[str, Accuracy]
    differences: list[Gap]
    audit: Audit | UnsetType = UNSET
    """The steps of the answers of each model, and each against the base; absent where nobody audited them."""
    grid: dict[str, Place] = {}
    """Every group of ``accuracy``."""
    detectable: Detectable | None = None
    """What this number of questions and seeds can show."""
