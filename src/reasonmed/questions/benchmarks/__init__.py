"""Benchmarks in pinned variants: which one a file is, and in what it differs from it.

``pubmedqa`` alone is no benchmark: 500 or 1,000 questions, with or without the abstract, are four.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from reasonmed.questions.normal import key_of, question_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reasonmed.types import Question

_FILE = Path(__file__).with_name("registry.yaml")


class Files(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the files of a benchmark are on the Hugging Face hub.

    With several subjects each has a folder of its own. ``ids`` names a file beside this one with the questions that
    count, where the hub's split has more.
    """

    repo: str
    revision: str
    split: str
    folder: str = ""
    ids: str | None = None


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A benchmark as people report it. ``prompt`` names its log-likelihood prompt, None where lm-eval has none."""

    source: str
    split: str | None
    n: int
    options: tuple[int, ...]
    context: bool
    hash: str | None
    prompt: str | None
    task: str | None
    hub: str | None
    files: Files | None = None
    subjects: dict[str, int] = {}


class Facts(msgspec.Struct, frozen=True):
    """What a set of questions is, as far as variants are told apart by it."""

    n: int
    hash: str
    sources: tuple[str, ...]
    splits: dict[str, int]
    """Questions by split; the empty name counts those that say none."""
    options: tuple[int, ...]
    with_context: int
    subjects: dict[str, int]


@cache
def registry() -> dict[str, Variant]:
    """The pinned variants by name."""
    return msgspec.convert(yaml.safe_load(_FILE.read_text(encoding="utf-8")), dict[str, Variant])


@cache
def ids_of(files: Files) -> frozenset[str] | None:
    """The questions that count, by their ids; None where all of the split do."""
    if files.ids is None:
        return None
    return frozenset(_FILE.with_name(files.ids).read_text(encoding="utf-8").split())


def set_hash(questions: Iterable[Question]) -> str:
    """Hash of a set of questions: of context, stem, options and key of each, in any order of questions and options."""
    marks = sorted(f"{question_hash(one)} {key_of(one)}" for one in questions)
    return blake2b("\n".join(marks).encode(), digest_size=16).hexdigest()


def facts_of(questions: Sequence[Question]) -> Facts:
    """What a set of questions is."""
    return Facts(
        n=len(questions),
        hash=set_hash(questions),
        sources=tuple(sorted({one.source or "" for one in questions})),
        splits=_counted(one.split or "" for one in questions),
        options=tuple(sorted({len(one.options) for one in questions})),
        with_context=sum(bool(one.context) for one in questions),
        subjects=_counted(subject_of(one) or "" for one in questions),
    )


def subject_of(question: Question) -> str | None:
    """The subject that a question's ``meta`` names, None where it names none."""
    found = question.meta.get("subject")
    return str(found) if isinstance(found, str) and found else None


def _counted(names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return dict(sorted(found.items()))


def recognize(facts: Facts) -> str | None:
    """The variant that a set is, or is a part of; None where there is none.

    By its hash, else by source, context, options and split; of several, the smallest that is large enough.
    """
    by_hash = [name for name, one in registry().items() if one.hash == facts.hash]
    if by_hash:
        return by_hash[0]
    fitting = [(name, one) for name, one in registry().items() if _alike(facts, one)]
    enough = [(name, one) for name, one in fitting if one.n >= facts.n]
    return min(enough, key=lambda pair: pair[1].n)[0] if enough else fitting[-1][0] if fitting else None


def _alike(facts: Facts, variant: Variant) -> bool:
    named = all(source.startswith(variant.source) for source in facts.sources)
    splits = variant.split is None or set(facts.splits) <= {variant.split, ""}
    context = facts.with_context == (facts.n if variant.context else 0)
    subjects = not variant.subjects or set(facts.subjects) <= {*variant.subjects, ""}
    return named and splits and context and subjects and set(facts.options) <= set(variant.options)


def differences(facts: Facts, variant: Variant) -> list[str]:
    """In what a set differs from a variant, one sentence part each; empty where nothing is known to differ."""
    told = [] if facts.n == variant.n else [f"{facts.n:,} of {variant.n:,} questions"]
    if variant.hash is not None and facts.n == variant.n and facts.hash != variant.hash:
        told.append(f"the content differs: its hash is {facts.hash}, not {variant.hash}")
    other = {
        name: n for name, n in facts.splits.items() if variant.split is not None and name not in ("", variant.split)
    }
    told += [f"{n:,} questions are of split {name}, not {variant.split}" for name, n in other.items()]
    if set(facts.options) - set(variant.options):
        told.append(f"questions have {_listed(facts.options)} options, not {_listed(variant.options)}")
    if facts.with_context != (facts.n if variant.context else 0):
        told.append(f"{facts.with_context:,} questions have a context passage, where {_context(variant)} should")
    parts = [
        f"{name} {facts.subjects.get(name, 0):,} of {n:,}"
        for name, n in variant.subjects.items()
        if facts.subjects.get(name, 0) != n
    ]
    return [*told, *([f"by subject: {', '.join(parts)}"] if parts else [])]


def unpinned(facts: Facts, variant: Variant) -> str | None:
    """What could not be compared with a variant, in words; None where its content hash is on record."""
    if variant.hash is not None or facts.n != variant.n:
        return None
    return "no content hash of this variant is known; only its size, split, options and context were compared"


def _context(variant: Variant) -> str:
    return "all" if variant.context else "none"


def _listed(sizes: Sequence[int]) -> str:
    return " or ".join(str(size) for size in sizes)
