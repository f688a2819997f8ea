"""What people said of a run's texts: votes in ``reviews.db`` beside the ledger, which no program writes over.

A vote is about one text: a record of the data set, or a chain of thought that did not become one. It bears the text's
hash, so that it stays good through a rebuild, and is stale once the text, its question or the key has changed.
"""

from __future__ import annotations

from reasonmed.runs.reviews.queue import Queued, QueueWanted, queue_of, standing, strata_of
from reasonmed.runs.reviews.states import STATES, State, state_of
from reasonmed.runs.reviews.store import FILE, Reviews
from reasonmed.runs.reviews.targets import Target, target_of, targets_of
from reasonmed.runs.reviews.votes import DECISIONS, Drawn, Fault, Vote

__all__ = [
    "DECISIONS",
    "FILE",
    "STATES",
    "Drawn",
    "Fault",
    "QueueWanted",
    "Queued",
    "Reviews",
    "State",
    "Target",
    "Vote",
    "queue_of",
    "standing",
    "state_of",
    "strata_of",
    "target_of",
    "targets_of",
]
