"""Planted chains stay out of every export: grepped for in every file of every format."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from exports import read_lines
from reasonmed.export import Settings, export, formats
from reasonmed.questions import questions_in
from reasonmed.recipe.shipped import resource
from reasonmed.runs.records import outcomes
from runs import run
from stepped import stepped_run
from support import recipe

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.runs.directory import RunDirectory

_WITHOUT_CHAINS = ("inspect", "lm-eval", "rl", "verifiers-env")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A scripted run with a canary beside every second chain that concludes the key."""
    rows = list(questions_in(resource("examples", "questions.json")))
    return run(tmp_path_factory.mktemp("planted") / "run", rows, recipe(verify={"canaries": 0.5}))


def _bodies(made: RunDirectory) -> tuple[set[str], set[str]]:
    """What models wrote, and what was planted and is in none of it; without the answers, which exports spell out."""
    with closing(made.reader()) as ledger:
        stories = list(outcomes(ledger))
    chains = {_body(chain.text) for story in stories for chain in story.chains}
    written = chains | {_body(one.text) for story in stories for one in story.kept or ()}
    whole = "\n\n".join(written)
    return written, {body for story in stories for probe in story.probes if (body := _body(probe.text)) not in whole}


def _body(text: str) -> str:
    """A chain up to where its answer line begins: a planted one may be a chain of a model that ends too early."""
    return "".join(text.rpartition("Answer:")[:2]) or text


def _exported(made: RunDirectory, folder: Path, name: str) -> str:
    """All files of an export in one format, in one text."""
    if name in ("parquet", "rl"):
        pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    settings = Settings(demo=True, shares=(0.6, 0.2, 0.2), disputed=True, consensus=True)
    export(made, folder, settings, [name], force=False)
    assert list((folder / name).rglob("*.*"))
    return "\n".join(_text(path) for path in folder.rglob("*") if path.is_file())


def _text(path: Path) -> str:
    """A file as text; of a parquet file every value, as JSON."""
    if path.suffix != ".parquet":
        return path.read_text(encoding="utf-8")
    from pyarrow import parquet

    return json.dumps(parquet.read_table(path).to_pylist(), ensure_ascii=False, default=str)


def _holds(content: str, text: str) -> bool:
    """Whether a text is there: plain, in JSON, or in JSON within JSON."""
    once = json.dumps(text, ensure_ascii=False)[1:-1]
    return any(form in content for form in (text, once, json.dumps(once, ensure_ascii=False)[1:-1]))


@pytest.mark.parametrize("name", [name for name in formats() if name != "prm"])
def test_no_format_holds_a_planted_chain_though_the_search_finds_those_of_models(
    planted: RunDirectory, tmp_path: Path, name: str
) -> None:
    written, canaries = _bodies(planted)
    assert len(canaries) > 10
    content = _exported(planted, tmp_path / "out", name)
    assert not [body for body in canaries if _holds(content, body)]
    assert any(_holds(content, body) for body in written) == (name not in _WITHOUT_CHAINS)


def test_no_row_of_steps_is_a_planted_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = stepped_run(tmp_path / "run", monkeypatch, 6, canaries=0.5)
    export(made, tmp_path / "out", Settings(demo=True), ["prm"], force=False)
    with closing(made.reader()) as ledger:
        stories = list(outcomes(ledger))
    own = {chain.text for story in stories for chain in story.chains}
    canaries = {probe.text for story in stories for probe in story.probes} - own
    rows = {"".join(row["completions"]) for row in read_lines(tmp_path / "out" / "prm" / "train.jsonl")}
    assert canaries
    assert own <= rows
    assert not canaries & rows
