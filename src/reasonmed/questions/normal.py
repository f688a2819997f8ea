"""One normal form of a question's text, and hashes of it: how copies are found across files, splits and benchmarks."""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasonmed.types import Question

_BETWEEN = re.compile(r"[\W_]+")


def normal(text: str) -> str:
    """Lower-case words with single spaces: no punctuation, compatibility forms folded (NFKC)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _BETWEEN.sub(" ", folded).strip()


def stem_hash(question: Question) -> str:
    """Hash of the normal form of context and stem, without the options: the same stem in whatever dress."""
    return hashed(normal(f"{question.context or ''} {question.stem}"))


def question_hash(question: Question) -> str:
    """Hash of context, stem and the options in any order."""
    options = "\n".join(sorted(normal(option) for option in question.options))
    return hashed(f"{normal(f'{question.context or str()} {question.stem}')}\n{options}")


def key_of(question: Question) -> str:
    """The normal form of the key's text; empty where a question has no key."""
    return "" if question.answer is None else normal(question.options[question.answer])


def hashed(text: str) -> str:
    """Hash of a normal form."""
    return blake2b(text.encode(), digest_size=16).hexdigest()
