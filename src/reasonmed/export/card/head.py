"""The head of a data card: the YAML that the Hugging Face hub reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import yaml

from reasonmed.export.card.licenses import front_matter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.export._configs import Config
    from reasonmed.export._manifest import Export
    from reasonmed.export.card.facts import Tally

_SIZES = tuple(
    zip(
        (10**3, 10**4, 10**5, 10**6, 10**7, 10**8),
        ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M"),
        strict=True,
    )
)
_ENGLISH_SHARE = 0.06
"""Of the words of English questions at least this share is in the list of ``facts``."""


def head(told: Export, configs: Sequence[Config], name: str) -> str:
    """The head, with its fences."""
    counts = told.card.counts
    fields: dict[str, object] = {
        "pretty_name": name,
        **front_matter(counts.sources),
        **({"language": ["en"]} if is_english(counts) else {}),
        "task_categories": ["question-answering", "text-generation"],
        "tags": ["medical", "reasoning", "chain-of-thought", "synthetic", "reasonmed", *_marks(told)],
        "size_categories": [size_category(counts.records)],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "configs": msgspec.to_builtins(configs),
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1000)}---\n"


def is_english(counts: Tally) -> bool:
    """Whether the questions, all together, read as English."""
    return bool(counts.words) and counts.english_words >= _ENGLISH_SHARE * counts.words


def size_category(records: int) -> str:
    """The hub's word for a number of rows."""
    return next((size for most, size in _SIZES if records < most), "100M<n<1B")


def _marks(told: Export) -> list[str]:
    return ["demo", "not-for-training"] if told.demo else []
