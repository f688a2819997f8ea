"""Whatever an agent does with a file: every id that goes in comes out, and what it does not touch is as it was."""

from __future__ import annotations

import asyncio
import json
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.engine.ledger import encode, pack
from reasonmed.questions import Settings
from reasonmed.recipe.stages import shipped
from reasonmed.runs.commands.stage import rows_after, work_of
from reasonmed.runs.layouts import layout_of, story_source
from reasonmed.runs.stories import unpack_story
from reasonmed.types import Story
from stories import whole_stories
from support import team

OPTIONS = ["Heparin", "Warfarin", "Aspirin", "Alteplase"]
TEAM = team()
KEYED = ("route", "rank", "refine", "optimize")
TIERS = {"rank": ("easy", "medium"), "refine": ("medium",), "optimize": ("difficult",)}
NAMES = [f"model{model}_COT{number}" for model in (1, 2, 3) for number in (1, 2, 3)]

texts = st.sampled_from(["It thins. Answer: B", "  It thins.\n\nAnswer: B\n", "No.\tAnswer: A", "", " \n"])
unknown = st.dictionaries(st.sampled_from(["note", "split", "rows", "_rows", "meta"]), st.just("x") | st.just("y"))


@st.composite
def original_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The rows of one question: with or without key, chains, verdicts, tier, failure, a finished chain or two."""
    options = draw(st.sampled_from([OPTIONS, dict(zip("ABCD", OPTIONS, strict=True))]))
    row: dict[str, Any] = {"question": " Which drug?\n", "options": options, **draw(unknown)}
    keys: list[dict[str, Any]] = [{}, {"answer": "b"}, {"answer": "Warfarin"}, {"answer_index": 1}, {"answer": None}]
    row |= draw(st.sampled_from(keys))
    chains = draw(st.dictionaries(st.sampled_from(NAMES), texts, max_size=9))
    row |= chains
    if draw(st.booleans()) and chains:
        for name in ("correct", "error", "undecided"):
            chosen = draw(st.lists(st.sampled_from(sorted(chains)), unique=True))
            row[name] = {one: chains[one] if name != "undecided" else "open" for one in chosen}
        row["verification_reasons"] = dict.fromkeys(row["error"], "It is A.")
    tiers: list[dict[str, Any]] = [{}, *({"difficulty": tier} for tier in ("easy", "Medium", "difficult"))]
    failures: list[dict[str, Any]] = [{}, {}, {"failure": "undecided"}]
    row |= draw(st.sampled_from(tiers))
    row |= draw(st.sampled_from(failures))
    finished = draw(st.lists(st.sampled_from(["Kept. Answer: B", " Kept too. Answer: B\n"]), unique=True, max_size=2))
    own = [
        {"COT": text, "model_choice": draw(st.sampled_from(NAMES)), "mine": number}
        for number, text in enumerate(finished)
    ]
    return [{**row, **one} for one in own] or [row]


def native_rows() -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.builds(lambda story, more: [{**msgspec.to_builtins(story), **more}], whole_stories(), unknown)


async def worked(stage: str, story: Story) -> Story:
    return await work_of(stage)(story, TEAM)


def do(stage: str, path: Path, out: Path, layout: str | None = None) -> list[dict[str, Any]]:
    """What an agent makes of a file, without a run around it; with what a ledger does to a story."""
    layout, rows = layout or layout_of(path), []
    for one in story_source(path, layout, Settings())():
        assert isinstance(one, Story), one
        before = unpack_story(pack(one))
        after = unpack_story(pack(asyncio.run(worked(stage, before))))
        rows += [json.loads(encode(row)) for row in rows_after(layout, stage, before, after)]
    out.write_text(json.dumps(rows))
    return rows


def passes(stage: str, row: dict[str, Any]) -> bool:
    """Whether it is plain that a stage has nothing to do on a row of the original layout."""
    tier = row.get("difficulty", "").lower()
    return (
        "failure" in row
        or (bool(tier) and tier not in TIERS.get(stage, (tier,)))
        or (stage in KEYED and row.get("answer", row.get("answer_index")) is None)
        or (stage in ("verify", "route", "rank") and not row.keys() & set(NAMES))
        or (stage == "rank" and not row.get("correct"))
        or (stage in ("summarize", "score") and "COT" not in row)
    )


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [name for name, _ in groupby(row["id"] for row in rows)]


@given(st.sampled_from(shipped()), st.lists(original_rows(), min_size=1, max_size=6))
@settings(max_examples=20)
def test_every_id_of_the_originals_rows_comes_out_with_its_texts(stage: str, made: list[list[dict[str, Any]]]) -> None:
    groups = [[{"id": f"q{number}", **row} for row in group] for number, group in enumerate(made)]
    rows = [row for group in groups for row in group]
    with TemporaryDirectory() as folder:
        path, out = Path(folder, "in.json"), Path(folder, "out.json")
        path.write_text(json.dumps(rows))
        done = do(stage, path, out, "original")
        assert ids(done) == [group[0]["id"] for group in groups]
        for group in groups:
            came = [row for row in done if row["id"] == group[0]["id"]]
            if passes(stage, group[0]):
                assert came == group
            own = {name: one for name, one in group[0].items() if name in (*NAMES, "note", "rows", "meta", "split")}
            assert all({**row, **own} == row for row in came)
        again = list(story_source(out, None, Settings())())
        assert [one.question.id for one in again] == ids(done)  # type: ignore[union-attr]


@given(st.sampled_from(shipped()), st.lists(native_rows(), min_size=1, max_size=4))
@settings(max_examples=20)
def test_every_story_comes_out_with_the_fields_that_are_none_of_ours(
    stage: str, made: list[list[dict[str, Any]]]
) -> None:
    rows = [
        {**row, "question": {**row["question"], "id": f"q{number}", "mine": number}}
        for number, (row,) in enumerate(made)
    ]
    with TemporaryDirectory() as folder:
        path, out = Path(folder, "in.json"), Path(folder, "out.json")
        path.write_text(json.dumps(rows))
        rows = json.loads(path.read_text())
        done = do(stage, path, out)
        assert len(rows) == len(done)
        for before, after in zip(rows, done, strict=True):
            assert {**before["question"], **after["question"]} == after["question"]
            assert all(after[name] == before[name] for name in ("note", "rows", "_rows") if name in before)
            chains = [chain["text"] for chain in before.get("chains", ())]
            assert [chain["text"] for chain in after.get("chains", ())][: len(chains)] == chains
            if "failure" in before:
                assert after == before
