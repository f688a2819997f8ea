"""What a recipe may say of a run on a Ray cluster. Nothing here changes a record."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RayEngine(BaseModel):
    """A model that is loaded on nodes of the cluster, once for all shards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num_gpus: float | None = Field(None, ge=0)
    """GPUs of each copy; by default those that its back end shares the model over, where the cluster has any."""
    num_cpus: float = Field(1, ge=0)
    copies: int = Field(1, ge=1)
    """How often it is loaded; requests go to the copy with the fewest open ones."""


class Ray(BaseModel):
    """How a run is spread over a Ray cluster (``run --ray``). Nothing here changes a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shards: int | None = Field(None, ge=1, le=4096)
    """Parts of the run, each with an actor of its own; one for each node by default; --shards overrides it."""
    num_cpus: float = Field(1, ge=0)
    """CPUs of each of these actors."""
    copy_every: float = Field(30, gt=0)
    """Seconds between two copies of a shard's ledger to the run's folder: what a lost node may cost."""
    engines: dict[str, RayEngine] = {}
    """Options of models that are loaded in process, by their names in this recipe."""
