"""Every field of a row is identity, so that a change is refused, or it is refreshed from the corrected file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import fields, replace

from reasonmed.engine.ledger import Ledger, pack
from reasonmed.errors import RunDirectoryError
from reasonmed.export import Settings as ExportSettings
from reasonmed.export import export
from reasonmed.questions import Settings
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.layouts import story_source
from reasonmed.runs.records import outcomes
from reasonmed.runs.stories import REFRESHED, content_hash, unpack_story
from reasonmed.types import (
    ChainOfThought,
    Dropped,
    Failure,
    Kept,
    Opinion,
    Probe,
    Question,
    Record,
    Rewrite,
    Story,
    Tier,
    Verdict,
)
from runs import World, admit, content, questions, run
from support import question

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTION = question("q1", source="S", license="MIT", license_source="row", split="train", meta={"year": 1})
CHANGED: dict[str, Any] = {
    "id": "q2",
    "stem": "Which drugs?",
    "options": ("Heparin", "Warfarin"),
    "answer": None,
    "context": "A trial.",
    "source": "T",
    "license": "CC-BY-NC-4.0",
    "split": "test",
    "meta": {"year": 2},
    "answer_source": "consensus",
    "license_source": "layout",
    "reference": "Heparin",
}
"""Of each field of a question another value."""
CHAIN = ChainOfThought("so", "m")
STORY: dict[str, Any] = {
    "question": replace(QUESTION, stem="Which drugs?"),
    "chains": (CHAIN,),
    "unsampled": 3,
    "tier": Tier.MEDIUM,
    "rewrites": (Rewrite("refine", 1, 0, CHAIN),),
    "kept": (Kept("so", "m"),),
    "dropped": (Dropped("refine", "unverified", 0),),
    "flags": ("key_disputed",),
    "failure": Failure("undecided", "no verdict"),
    "probes": (Probe("original", "sound", "given", "so", "m"),),
}
"""Of each field of a story another value than its default."""
RECORD: dict[str, tuple[Any, str]] = {
    "meta": ({"year": 2}, "refreshed"),
    "id": ("r2", "identity"),
    "question_id": ("q2", "not taken in"),
    "question": ("Which drugs?", "identity"),
    "options": (["Heparin", "Aspirin"], "identity"),
    "answer": ("Aspirin", "not taken in"),
    "answer_index": (2, "identity"),
    "context": ("A trial.", "identity"),
    "chain_of_thought": ("Another.", "identity"),
    "response": ("Another.", "identity"),
    "tier": ("difficult", "identity"),
    "verified": (False, "not taken in"),
    "flags": (["truncated"], "not taken in"),
    "answer_source": ("consensus", "identity"),
    "score": (4, "not taken in"),
    "source": ("T", "refreshed"),
    "license": ("CC0-1.0", "refreshed"),
    "demo": (False, "not taken in"),
    "provenance": ({"writer": "n"}, "identity"),
    "steps": ([{"start": 0, "end": 1, "label": "ok"}], "not taken in"),
    "step_share": (1.0, "not taken in"),
    "pass_rate": (0.25, "not taken in"),
}
"""Of each field of a record another value, and what it is where an agent takes records in."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    (tmp_path / "run").mkdir()
    opened = Ledger(tmp_path / "run" / "ledger.db")
    yield opened
    opened.close()


def takes(ledger: Ledger, folder: Path, story: Story) -> None:
    admit(ledger, take_in(folder / "f", lambda: iter([story]), Selection()))


def finished(ledger: Ledger, story: Story) -> None:
    values = (story.question.id, pack(story))
    ledger.write("INSERT INTO outcomes VALUES (?, NULL, NULL, 1, 0, 0, 0, 0, 0, 0, ?)", *values).result()


def stored(ledger: Ledger) -> Story:
    return next(outcomes(ledger))


@pytest.mark.parametrize("name", Question.__struct_fields__)
def test_every_field_of_a_question_is_identity_or_refreshed(tmp_path: Path, ledger: Ledger, name: str) -> None:
    edited = replace(QUESTION, **{name: CHANGED[name]})
    takes(ledger, tmp_path, Story(QUESTION))
    finished(ledger, Story(QUESTION, (CHAIN,)))
    if name in REFRESHED:
        takes(ledger, tmp_path, Story(edited))
        assert stored(ledger) == Story(edited, (CHAIN,))
    elif name == "id":
        assert content_hash(Story(edited)) != content_hash(Story(QUESTION))
    else:
        with pytest.raises(RunDirectoryError, match="question 'q1' has changed"):
            takes(ledger, tmp_path, Story(edited))
        assert stored(ledger) == Story(QUESTION, (CHAIN,))


@pytest.mark.parametrize("name", [name for name in Story.__struct_fields__ if name != "rows"])
def test_every_field_of_a_story_is_identity(tmp_path: Path, ledger: Ledger, name: str) -> None:
    takes(ledger, tmp_path, Story(QUESTION))
    with pytest.raises(RunDirectoryError, match="question 'q1' has changed"):
        takes(ledger, tmp_path, replace(Story(QUESTION), **{name: STORY[name]}))


def test_the_rows_that_a_story_was_read_from_are_refreshed(tmp_path: Path, ledger: Ledger) -> None:
    takes(ledger, tmp_path, Story(QUESTION, rows=({"note": "old"},)))
    takes(ledger, tmp_path, Story(QUESTION, rows=({"note": "new"},)))
    assert unpack_story(next(ledger.query("SELECT story FROM items"))[0]).rows == ({"note": "new"},)


@pytest.mark.parametrize("kind", [ChainOfThought, Verdict, Opinion, Rewrite, Kept, Dropped, Failure, Probe])
def test_every_field_inside_a_story_is_identity(kind: type) -> None:
    """Two stories that differ in one field of a part of them, whichever it is, are two."""
    parts: dict[type, Any] = {
        ChainOfThought: CHAIN,
        Verdict: Verdict("correct"),
        Opinion: Opinion("judge", "correct"),
        Rewrite: STORY["rewrites"][0],
        Kept: STORY["kept"][0],
        Dropped: STORY["dropped"][0],
        Failure: STORY["failure"],
        Probe: STORY["probes"][0],
    }
    hashes = {content_hash(holding(parts[kind]))}
    for one in fields(kind):
        hashes.add(content_hash(holding(replace(parts[kind], **{one.name: "another"}))))
    assert len(hashes) == 1 + len(fields(kind))


def holding(part: Any) -> Story:
    """A story with this part in its place."""
    if isinstance(part, Opinion):
        part = Verdict("correct", opinions=(part,))
    if isinstance(part, Verdict):
        part = replace(CHAIN, verdict=part)
    names: dict[Any, str] = {
        ChainOfThought: "chains",
        Rewrite: "rewrites",
        Kept: "kept",
        Dropped: "dropped",
        Probe: "probes",
    }
    if isinstance(part, Failure):
        return Story(QUESTION, failure=part)
    return replace(Story(QUESTION), **{names[type(part)]: (part,)})


def test_every_field_of_a_record_that_is_taken_in_has_its_kind(tmp_path: Path, world: World) -> None:
    row = json.loads(content(run(tmp_path / "run", questions(1)))[0].splitlines()[0])
    assert RECORD.keys() == {*Record.__struct_fields__}
    before = taken_from(tmp_path, row)
    for name, (value, kind) in RECORD.items():
        assert value != row.get(name), name
        after = taken_from(tmp_path, {**row, name: value})
        found = "identity" if content_hash(after) != content_hash(before) else "refreshed"
        assert (name, "not taken in" if after == before else found) == (name, kind)


@pytest.mark.parametrize("stop_after", [None, 40])
def test_a_corrected_split_source_and_license_reach_the_records_and_the_export(
    tmp_path: Path, world: World, stop_after: int | None
) -> None:
    """Train corrected to test in a run that is finished, or half-finished, is exported as test."""
    told = [replace(one, split="train", source="S", license="MIT", license_source="layout") for one in questions(6)]
    world.stop_after = stop_after
    run(tmp_path / "run", told)
    world.stop_after = None
    corrected = [
        replace(one, split="test", source="T", license="CC0-1.0", license_source="row", meta={"year": 2})
        for one in told
    ]
    paid = world.requests
    directory = run(tmp_path / "run", corrected)
    assert (world.requests == paid) == (stop_after is None)
    assert content(directory) == content(run(tmp_path / "fresh", corrected))
    made = export(directory, tmp_path / "out", ExportSettings(demo=True), ["records"], force=False)
    assert set(made.splits) == {"test"}
    assert [(one.source, one.license) for one in made.card.counts.sources] == [("T", "CC0-1.0")]


def taken_from(folder: Path, row: dict[str, Any]) -> Story:
    path = folder / "records.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    (story,) = story_source(path, None, Settings())()
    assert isinstance(story, Story)
    return story
