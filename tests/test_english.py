"""What users read is plain English: docs, help and messages avoid phrases that no native engineer writes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "AGENTS.md", *(ROOT / "docs").glob("*.md")])
MODELS_WRITE = {"embedded.md"}
"""Pages of transcripts: a model's words are not ours."""
MODELS_READ = {"judging"}
"""Rooms whose texts are read by models, and part of a request's identity."""
AVOIDED = {
    r"mend(s|ed|ing)?": "fix, repair",
    r"on record": "recorded, in the ledger",
    r"(is|are|was|were|be|being) told": "is reported, is listed",
    r"lent": "reused",
    r"so many": "up to N",
    r"of two minds": "undecided",
    r"made (anew|again)": "rebuilt, regenerated",
    r"anew": "again",
    r"works? out|worked out": "compute",
    r"hands? on": "pass",
    r"(goes|went|go|going) on": "continue, resume",
    r"asks? again|asked again": "retry (transport), re-ask (new attempt)",
    r"what came of": "result",
    r"no such option": "unknown option",
    r"stands? (in|at|there)": "is in",
    r"taken? up (a|the) run": "resume",
}
_AVOIDED = re.compile(rf"\b({'|'.join(AVOIDED)})\b".replace(" ", r"\s+"), re.IGNORECASE)


def _messages(path: Path) -> Iterator[str]:
    """The texts of a module that are no docstrings, and the docstrings of commands, which are their help."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    is_help = path.parent.name == "cli"
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    if is_help:
        yield from (ast.get_docstring(one) or "" for one in functions)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def _found(text: str) -> list[str]:
    return [found[0] for found in _AVOIDED.finditer(text)]


@pytest.mark.parametrize("path", [page for page in PAGES if page.name not in MODELS_WRITE], ids=lambda path: path.name)
def test_pages_are_plain_english(path: Path) -> None:
    assert _found(path.read_text(encoding="utf-8")) == []


def test_messages_and_help_are_plain_english() -> None:
    sources = [path for path in (ROOT / "src").rglob("*.py") if not MODELS_READ & {*path.parts}]
    bad = {f"{path.relative_to(ROOT)}: {one}" for path in sources for text in _messages(path) for one in _found(text)}
    assert not bad, "\n".join(sorted(bad))


def test_the_check_finds_what_it_looks_for() -> None:
    assert _found("The file is mended; 3 rows are told, and the run goes on.") == ["mended", "are told", "goes on"]
