"""Several runs in one export: each question once, no stem in two splits, and every copy accounted for."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

import reasonmed as rm
from reasonmed.cli import app
from reasonmed.engine.ledger import Ledger
from reasonmed.errors import UsageError
from reasonmed.export import Settings, View, drops_of, export, read_export, recard
from reasonmed.export._merge import Part, refuse_unlike
from reasonmed.export.card import About
from reasonmed.pipeline.synthesize import synthesize
from reasonmed.questions.normal import question_hash, stem_hash
from reasonmed.runs.stories import kept_of, story_job
from reasonmed.types import Failure, Kept, Question, Story
from runs import World, questions, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.manifest import Manifest


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, RunDirectory]:
    """Two runs that share q1 and q2; the second has the question of q0 under another id."""
    folder = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patch:
        World(patch)
        rows = questions(5)
        one = run(folder / "one", rows[:3])
        return one, run(folder / "other", [*rows[1:], replace(rows[0], id="again", split="test")])


@pytest.fixture(scope="module")
def manifest(two: tuple[RunDirectory, RunDirectory]) -> Manifest:
    return two[0].manifest()


def exported(folder: Path, runs: Sequence[RunDirectory], **chosen: Any) -> dict[str, Any]:
    export(runs, folder, Settings(demo=True, **chosen), ["records"], force=False)
    found: dict[str, Any] = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    return found


def rows_in(folder: Path) -> dict[str, list[str]]:
    return {
        path.stem: [json.loads(line)["question_id"] for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted(folder.glob("records/*.jsonl"))
    }


def test_a_question_of_two_runs_is_taken_once_and_its_copy_is_named(
    two: tuple[RunDirectory, RunDirectory], tmp_path: Path
) -> None:
    told = exported(tmp_path / "out", two)
    alone = [exported(tmp_path / str(number), [one]) for number, one in enumerate(two)]
    assert told["questions_left_out"]["duplicate"] == len(told["duplicates"]) == 3
    pairs = {(one["id"], one["taken_id"], frozenset((one["run"], one["taken_run"]))) for one in told["duplicates"]}
    both = frozenset((1, 2))
    assert {("q1", "q1", both), ("q2", "q2", both)} < pairs
    assert {one for one in pairs if "again" in one[:2]} in ({("again", "q0", both)}, {("q0", "again", both)})
    parts = told["card"]["parts"]
    taken = 8 - sum(told["questions_left_out"].values())
    assert sum(part["questions"] for part in parts) == sum(one["questions"] for one in told["splits"].values()) == taken
    assert sum(part["records"] for part in parts) == told["records"]
    assert told["card"]["run"]["calls"] == sum(one["card"]["run"]["calls"] for one in alone)
    assert told["run"] == {}
    assert [part["identity"] for part in parts] == [one["run"] for one in alone]
    assert alone[0]["duplicates"] == []
    assert "parts" not in alone[0]["card"]


def test_the_files_split_holds_for_all_copies_of_a_question(
    two: tuple[RunDirectory, RunDirectory], tmp_path: Path
) -> None:
    exported(tmp_path / "out", two)
    found = rows_in(tmp_path / "out")
    assert {"q0", "again"} & {*found["test"]}
    assert not {"q0", "again"} & {*found["train"]}


def test_the_card_names_every_run_and_can_be_made_again(two: tuple[RunDirectory, RunDirectory], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    exported(folder, two)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "From 2 runs of reasonmed" in card
    for number, one in enumerate(two, 1):
        made = one.manifest()
        assert f"| {number} | {made.started} |" in card
        assert made.input is not None
        assert made.input.hash in card
    before = (folder / "README.md").read_bytes()
    recard(folder, About(), force=False)
    assert (folder / "README.md").read_bytes() == before
    assert len(read_export(folder).card.parts) == 2


def test_the_same_runs_in_the_same_order_give_the_same_bytes(
    two: tuple[RunDirectory, RunDirectory], tmp_path: Path
) -> None:
    for name in ("a", "b"):
        exported(tmp_path / name, two, shares=(0.5, 0.25, 0.25))
    files = [path.relative_to(tmp_path / "a") for path in sorted((tmp_path / "a").rglob("*")) if path.is_file()]
    assert [(tmp_path / "a" / one).read_bytes() for one in files] == [
        (tmp_path / "b" / one).read_bytes() for one in files
    ]


def test_findings_on_the_whole_leave_out_what_they_name(two: tuple[RunDirectory, RunDirectory], tmp_path: Path) -> None:
    exported(tmp_path / "out", two)
    taken = {name for names in rows_in(tmp_path / "out").values() for name in names}
    name = min(taken & {"q0", "again"}, default=min(taken))
    copy = {"q0": "again", "again": "q0"}.get(name, name)
    finding = {"id": copy, "rule": "phi.date", "subject": "question", "question_id": copy, "evidence": "a date"}
    report = tmp_path / "check.json"
    report.write_text(json.dumps({"version": 1, "findings": [finding]}))
    exported(tmp_path / "clean", two, drops=drops_of(report, ["phi.date"]))
    assert {one for names in rows_in(tmp_path / "clean").values() for one in names} == taken - {name}


def test_the_command_and_python_take_several_runs(two: tuple[RunDirectory, RunDirectory], tmp_path: Path) -> None:
    words = ["export", *(str(one.path) for one in two), "-o", str(tmp_path / "one"), "--demo", "-f", "records"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "3 copies of questions are left out" in done.output
    assert "run 2, questions.jsonl" in done.output
    made = rm.export([one.path for one in two], tmp_path / "other", formats="records", demo=True)
    assert made.records == read_export(tmp_path / "one").records
    assert rows_in(tmp_path / "one") == rows_in(tmp_path / "other")


def test_one_id_for_two_questions_is_refused_with_both_runs(
    two: tuple[RunDirectory, RunDirectory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch)
    rows = questions(3)
    odd = run(tmp_path / "odd", [replace(rows[1], answer=3), replace(rows[2], stem="Another?")])
    with pytest.raises(UsageError) as refused:
        exported(tmp_path / "out", [two[0], odd])
    assert "'q1' has another key in run 2 than in run 1; 'q2' has another content in run 2" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_given_twice_and_runs_of_different_formats_are_refused(
    two: tuple[RunDirectory, RunDirectory], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="is given twice"):
        exported(tmp_path / "out", [two[0], two[0]])
    one, other = (folder.manifest() for folder in two)
    with pytest.raises(UsageError, match="a: format 2, b: format 1"):
        refuse_unlike([one, replace(other, format=1)], ["a", "b"])


def test_a_judge_card_must_be_of_every_judge(tmp_path: Path) -> None:
    path = tmp_path / "judge_card.json"
    path.write_text(json.dumps({"name": "one", "strata": {}}))
    assert About(judge_card=path).read(["one"]).judge_card
    with pytest.raises(UsageError, match="this run's judge, two"):
        About(judge_card=path).read(["one", "two"])


def ledger_of(path: Path, stories: Sequence[Story]) -> Ledger:
    """A ledger of finished stories that no model wrote."""
    ledger = Ledger(path)
    job = story_job(lambda _: synthesize)  # type: ignore[arg-type,return-value]  # its work is not done
    ledger.admit(job, ((Story(one.question), True) for one in stories), "rows")

    async def keep() -> None:
        await asyncio.gather(*(ledger.keep(kept_of(one)) for one in stories))

    asyncio.run(keep())
    return ledger


def ended(question: Question, *, good: bool) -> Story:
    if good:
        return Story(question, kept=(Kept("A made-up text.\n\nAnswer: A", "m", origin="optimize"),))
    return Story(question, failure=Failure("undecided", "nobody knows"))


NUMBERS = st.tuples(
    st.integers(0, 5), st.booleans(), st.sampled_from([None, "train", "test", "dev"]), st.booleans(), st.integers(0, 1)
)


@given(st.lists(st.lists(NUMBERS, max_size=8), min_size=2, max_size=3), st.integers(0, 3))
@settings(max_examples=10, deadline=None)
def test_each_question_is_taken_once_and_no_stem_is_in_two_splits(
    manifest: Manifest, drawn: list[list[tuple[int, bool, str | None, bool, int]]], seed: int
) -> None:
    runs: list[list[Story]] = []
    for rows in drawn:
        made: dict[str, Story] = {}
        for number, loud, split, good, options in rows:
            name = f"q{number}{'x' * loud}{options}"
            stem = f"which sign is number {number}".upper() if loud else f"Which sign is number {number}?"
            asked = Question(name, stem, ("a", "b", "c")[: 2 + options], 0, split=split)
            made.setdefault(name, ended(asked, good=good))
        runs.append([*made.values()])
    with TemporaryDirectory() as folder, ExitStack() as stack:
        ledgers = [ledger_of(Path(folder, str(number)), rows) for number, rows in enumerate(runs)]
        parts = [Part(number, stack.enter_context(closing(one)), manifest) for number, one in enumerate(ledgers, 1)]
        view = View(parts, Settings(shares=(0.5, 0.25, 0.25), seed=seed))
        cases = list(view.cases())
    ids = [one.question.id for one in cases]
    assert len(ids) == len({*ids}) == view.questions.total()
    assert view.questions.total() + view.questions_left_out.total() == sum(map(len, runs))
    assert view.questions_left_out["duplicate"] == len(view.duplicates)
    every = [one for rows in runs for one in rows]
    assert {question_hash(one.question) for one in cases} == {question_hash(one.question) for one in every}
    for mark in {question_hash(one.question) for one in every}:
        same = [one for one in every if question_hash(one.question) == mark]
        taken = [one for one in cases if question_hash(one.question) == mark]
        assert len(taken) <= max(sum(question_hash(one.question) == mark for one in rows) for rows in runs)
        assert any(one.records for one in taken) == any(one.failure is None for one in same)
    where: dict[str, set[str]] = {}
    for case in cases:
        where.setdefault(stem_hash(case.question), set()).add(case.split)
    assert all(len(splits) == 1 for splits in where.values())
    held = {stem_hash(one.question) for one in every if one.question.split == "test"}
    assert all(where[mark] == {"test"} for mark in held & where.keys())


def test_a_question_whose_keys_differ_between_runs_is_left_out_of_both(tmp_path: Path, manifest: Manifest) -> None:
    options = ("yes", "no")
    one = [
        ended(Question("a", "Is it?", options, 0), good=True),
        ended(Question("c", "Was it?", options, 0), good=True),
    ]
    other = [ended(Question("b", "Is it", ("no", "yes"), 0), good=True)]
    with ExitStack() as stack:
        ledgers = [ledger_of(tmp_path / str(number), rows) for number, rows in enumerate((one, other))]
        parts = [Part(number, stack.enter_context(closing(made)), manifest) for number, made in enumerate(ledgers, 1)]
        view = View(parts, Settings())
        assert [case.question.id for case in view.cases()] == ["c"]
    assert view.questions_left_out == {"key_differs": 2}
    assert not view.duplicates


@pytest.mark.parametrize("vote", [0, 1])
@pytest.mark.parametrize("voted_first", [True, False])
def test_a_question_with_a_key_goes_before_a_copy_whose_key_is_a_vote(
    tmp_path: Path, manifest: Manifest, vote: int, *, voted_first: bool
) -> None:
    asked = Question("a", "Is it?", ("yes", "no"), 0)
    voted = ended(replace(asked, id="b", answer=vote, answer_source="consensus"), good=True)
    for consensus in (True, False):
        for good in (True, False):
            rows = [[voted], [ended(asked, good=good)]]
            with ExitStack() as stack:
                name = f"{consensus}{good}"
                ledgers = [ledger_of(tmp_path / f"{name}{number}", one) for number, one in enumerate(rows)]
                made = [stack.enter_context(closing(one)) for one in (ledgers if voted_first else ledgers[::-1])]
                parts = [Part(number, one, manifest) for number, one in enumerate(made, 1)]
                view = View(parts, Settings(consensus=consensus))
                assert [(case.question.id, len(case.records)) for case in view.cases()] == [("a", int(good))]
                assert view.questions_left_out == {"duplicate": 1}


def test_a_question_that_two_runs_vote_on_differently_is_left_out_of_both(tmp_path: Path, manifest: Manifest) -> None:
    asked = Question("a", "Is it?", ("yes", "no"), 0, answer_source="consensus")
    rows = [[ended(asked, good=True)], [ended(replace(asked, id="b", answer=1), good=True)]]
    with ExitStack() as stack:
        ledgers = [ledger_of(tmp_path / str(number), one) for number, one in enumerate(rows)]
        parts = [Part(number, stack.enter_context(closing(one)), manifest) for number, one in enumerate(ledgers, 1)]
        view = View(parts, Settings(consensus=True))
        assert view.questions_left_out == {"key_differs": 2}


def test_an_unfinished_question_of_the_test_split_holds_its_stem_out(tmp_path: Path, manifest: Manifest) -> None:
    asked = Question("a", "Is it?", ("yes", "no"), 0)
    waits = replace(asked, id="b", options=("yes", "perhaps"), split="test")
    with ExitStack() as stack:
        one = stack.enter_context(closing(ledger_of(tmp_path / "one", [ended(asked, good=True)])))
        other = stack.enter_context(closing(Ledger(tmp_path / "other")))
        other.admit(story_job(lambda _: synthesize), [(Story(waits), True)], "rows")  # type: ignore[arg-type,return-value]
        parts = [Part(1, one, manifest), Part(2, other, manifest)]
        assert [case.split for case in View(parts, Settings()).cases()] == ["test"]
        assert [case.split for case in View(parts, Settings(redraw=True)).cases()] == ["train"]
