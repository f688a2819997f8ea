"""A model that says the same at every sample is reported, early and at the end."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from reasonmed.backends import scripted
from reasonmed.cli import app
from reasonmed.exchange import Request
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.runs.samples import SampleWatch, equal_by_model
from reasonmed.runs.status import status_of
from reasonmed.runs.stories import kept_of
from reasonmed.types import ChainOfThought, Story
from runs import questions
from support import Script, chain, own_prose, prose, question, recipe

if TYPE_CHECKING:
    import pytest

MODELS = ("made-up-1", "made-up-2", "made-up-3")


def finished(folder: Path, monkeypatch: pytest.MonkeyPatch, count: int, varied: str = "") -> tuple[RunDirectory, Watch]:
    """A run in which every model but one repeats itself."""

    def write(request: Request) -> str:
        return own_prose("B")(request) if request.model == varied else prose("B")

    replies = Script(generate=write)
    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(replies))
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in questions(count)), Selection())
    directory, watch = RunDirectory(folder), Watch()
    asyncio.run(execute(synthesis_job(intake, recipe(), directory), watch))
    return directory, watch


def test_models_that_repeat_themselves_are_named_at_the_end_and_in_status(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory, watch = finished(tmp_path / "run", monkeypatch, 2, varied=MODELS[1])
    told = [note for note in watch.notes if "all samples of" in note]
    assert [note.split(" (")[0] for note in told] == [
        "all samples of made-up-1 are equal",
        "all samples of made-up-3 are equal",
    ]
    assert all("seed" in note and "gateway" in note for note in told)
    assert status_of(directory).equal_samples == {"made-up-1": 2, "made-up-3": 2}
    shown = CliRunner().invoke(app, ["status", str(directory.path)]).output
    assert "all samples of made-up-1 are equal (2 questions)" in shown
    assert "made-up-2 are equal" not in shown


def test_models_that_vary_are_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(scripted.made_up))
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in questions(6)), Selection())
    directory, watch = RunDirectory(tmp_path / "run"), Watch()
    asyncio.run(execute(synthesis_job(intake, recipe(), directory), watch))
    assert not [note for note in watch.notes if "samples" in note]
    assert status_of(directory).equal_samples == {}


def test_the_run_says_so_as_soon_as_a_few_questions_make_it_certain(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory, _ = finished(tmp_path / "run", monkeypatch, 3, varied=MODELS[1])
    with closing(directory.reader()) as ledger:
        watching = SampleWatch(ledger)
    chains = tuple(chain(prose("B"), model=model, sample=index) for model in MODELS for index in range(2))
    story = Story(question(), chains)
    assert watching.warnings(kept_of(story)) == []
    told = watching.warnings(kept_of(story))
    assert [note.split(" (")[0] for note in told] == [
        "all samples of made-up-1 are equal",
        "all samples of made-up-3 are equal",
    ]
    assert watching.warnings(kept_of(story)) == []


def test_only_models_with_several_texts_are_compared_and_white_space_is_folded() -> None:
    chains = (
        chain("one  text", model="same"),
        chain("one\ntext", model="same"),
        chain("alone", model="single"),
        ChainOfThought("", "single", missing="empty"),
        chain("a", model="varied"),
        chain("b", model="varied"),
    )
    assert equal_by_model(chains) == {"same": True, "varied": False}
