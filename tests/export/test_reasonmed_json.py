from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from reasonmed.errors import UsageError
from reasonmed.export import DEFAULT_FORMATS, Settings, export
from reasonmed.export._text import ended
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.types import Story
from support import question, recipe


@pytest.fixture
def finished(tmp_path: Path) -> RunDirectory:
    rows = [question(f"q{number}", number % 2, context="An abstract." if number else None) for number in range(8)]
    intake = take_in(Path("q.jsonl"), lambda: (Story(one) for one in rows), Selection())
    directory = RunDirectory(tmp_path / "run")
    made = recipe(route={"dispute": False})
    asyncio.run(execute(synthesis_job(intake, made, directory), Watch()))
    return directory


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / name).read_text(encoding="utf-8"))
    return found


def test_the_three_files_are_row_aligned_and_as_published(finished: RunDirectory, tmp_path: Path) -> None:
    told = export(finished, tmp_path / "out", Settings(demo=True, disputed=True), DEFAULT_FORMATS, force=False)
    both, chains, responses = (
        read(tmp_path / "out" / "reasonmed-json", name)
        for name in ("ReasonMed.json", "CoTMed.json", "ResponseMed.json")
    )
    assert len(both) == len(chains) == len(responses) == told.records > 0
    for one, chain, response in zip(both, chains, responses, strict=True):
        assert set(one) == {"instruction", "input", "output"}
        assert one["instruction"] == chain["instruction"] == response["instruction"]
        assert one["input"] == ""
        assert one["output"] == f"<think>{chain['output']}</think>{response['output']}"
        assert one["output"].count("<think>") == one["output"].count("</think>") == 1


def test_chain_and_response_end_with_the_same_answer_line(finished: RunDirectory, tmp_path: Path) -> None:
    export(finished, tmp_path / "out", Settings(demo=True, disputed=True), DEFAULT_FORMATS, force=False)
    for chain, response in zip(
        read(tmp_path / "out" / "reasonmed-json", "CoTMed.json"),
        read(tmp_path / "out" / "reasonmed-json", "ResponseMed.json"),
        strict=True,
    ):
        last = chain["output"].rsplit("\n", 1)[-1]
        assert last == response["output"].rsplit("\n", 1)[-1]
        assert last in ("Answer: A. Heparin", "Answer: B. Warfarin")
        assert chain["output"].count("\nAnswer: ") == 1


def test_plain_keeps_the_endings(finished: RunDirectory, tmp_path: Path) -> None:
    export(finished, tmp_path / "out", Settings(plain=True, demo=True, disputed=True), DEFAULT_FORMATS, force=False)
    assert all("Warfarin" not in row["output"] for row in read(tmp_path / "out" / "reasonmed-json", "ResponseMed.json"))


def test_the_context_stands_before_the_question(finished: RunDirectory, tmp_path: Path) -> None:
    export(finished, tmp_path / "out", Settings(demo=True, disputed=True), DEFAULT_FORMATS, force=False)
    with_context = [
        row for row in read(tmp_path / "out" / "reasonmed-json", "CoTMed.json") if "An abstract." in row["instruction"]
    ]
    assert with_context
    assert all("question:\nAn abstract.\n\nWhich drug?\nA. Heparin" in row["instruction"] for row in with_context)


def test_the_same_run_gives_the_same_bytes(finished: RunDirectory, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(finished, tmp_path / name, Settings(demo=True), DEFAULT_FORMATS, force=False)
    for path in (tmp_path / "one").rglob("*.json*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_disputed_and_consensus_records_are_left_out_and_counted(finished: RunDirectory, tmp_path: Path) -> None:
    without = export(finished, tmp_path / "one", Settings(demo=True), DEFAULT_FORMATS, force=False)
    everything = export(finished, tmp_path / "two", Settings(demo=True, disputed=True), DEFAULT_FORMATS, force=False)
    assert without.left_out.get("key_disputed", 0) == everything.records - without.records > 0


def test_an_unknown_format_names_the_known_ones(finished: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--format tape: there are .*reasonmed-json"):
        export(finished, tmp_path / "out", Settings(demo=True), ["tape"], force=False)


def test_a_folder_with_other_content_is_left_alone(finished: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="holds other content"):
        export(finished, tmp_path / "out", Settings(demo=True), DEFAULT_FORMATS, force=False)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        export(finished, tmp_path / "file", Settings(demo=True), DEFAULT_FORMATS, force=False)


@pytest.mark.parametrize(
    "text",
    [
        "It shrinks.",
        "It shrinks.\n\nAnswer: B. Atrophy",
        "It shrinks.\nAnswer: B",
        "It shrinks.\n\n**Answer:** B",
        "It shrinks.\n\nFinal answer: B. Atrophy\n",
        "<think>It shrinks.</think>\n\nAnswer: B",
    ],
)
def test_every_ending_becomes_the_one_answer_line(text: str) -> None:
    assert ended(text, ("Tonsils", "Atrophy"), 1, plain=False) == "It shrinks.\n\nAnswer: B. Atrophy"


def test_a_text_that_is_nothing_but_the_answer_stays_one_line() -> None:
    assert ended("Answer: B", ("Tonsils", "Atrophy"), 1, plain=False) == "Answer: B. Atrophy"
