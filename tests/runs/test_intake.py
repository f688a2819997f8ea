"""Admission: every row is checked first, then taken into the ledger in the file's order."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.engine.ledger import Ledger
from reasonmed.errors import QuestionError, RunDirectoryError
from reasonmed.questions import Settings
from reasonmed.runs import intake as admission
from reasonmed.runs.commands.run import question_source, synthesis
from reasonmed.runs.intake import Intake, Selection, refuse_bad, survey, take_in
from reasonmed.runs.job import as_it_is
from reasonmed.runs.records import outcomes
from reasonmed.runs.stories import content_hash, unpack_story
from reasonmed.types import Question, Story
from runs import admit
from support import question, recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


ALL = Selection()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    (tmp_path / "run").mkdir()
    opened = Ledger(tmp_path / "run" / "ledger.db")
    yield opened
    opened.close()


def rows(names: Iterable[object], **others: Any) -> list[dict[str, Any]]:
    return [
        {"id": str(name), "question": f"Question {name}?", "options": ["x", "y"], "answer": "y", **others}
        for name in names
    ]


def taken(folder: Path, content: Iterable[object], selection: Selection = ALL) -> Intake:
    path = folder / "f.jsonl"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in content), encoding="utf-8")
    return take_in(path, question_source(path, Settings()), selection)


def source(*stories: Story | QuestionError) -> Callable[[], Iterable[Story | QuestionError]]:
    return lambda: iter(stories)


def in_order(ledger: Ledger) -> list[str]:
    """The ids of a ledger's rows, by their positions, as a run reads them."""
    return [story.question.id for story in ledger.pending(unpack_story)]


def test_a_survey_counts_good_and_bad_rows_and_those_without_a_key(tmp_path: Path) -> None:
    content = [*rows("abc"), *rows("de", answer=None), *rows("fg", options=["x"]), 5]
    found = taken(tmp_path, content).survey
    assert (found.wanted, found.without_key, found.bad_count, found.drawn) == (5, 2, 3, None)
    assert [one.line for one in found.bad] == [6, 7, 8]


def test_only_wanted_rows_count_as_without_a_key(tmp_path: Path) -> None:
    content = [*rows(range(5)), *rows(range(5, 100), answer=None)]
    assert taken(tmp_path, content, Selection(limit=6)).survey.without_key == 1
    drawn = taken(tmp_path, content, Selection(sample=10)).survey
    assert drawn.without_key == sum(int(name) >= 5 for name in drawn.drawn or ())


def test_bad_rows_are_refused_with_the_first_twenty_of_them_and_their_number(tmp_path: Path) -> None:
    intake = taken(tmp_path, [*rows("a"), *rows(range(25), options=["x"])])
    with pytest.raises(QuestionError) as caught:
        refuse_bad(intake)
    lines = str(caught.value).split("\n")
    path = intake.file
    assert lines[0] == f"{path}: 25 bad rows:"
    assert lines[1:21] == [f"  {path}:{line}: options: must be 2 to 26, not 1: ['x']" for line in range(2, 22)]
    assert lines[21:] == ["  ... and 5 more", "Fix them, or skip them with --skip-bad."]


def test_a_single_bad_row_is_refused_and_a_good_file_is_not(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match=r"f\.jsonl: 1 bad row:\n  .*f\.jsonl:1: answer: 'z' is not one of"):
        refuse_bad(taken(tmp_path, rows("a", answer="z")))
    refuse_bad(taken(tmp_path, rows("a")))


def test_a_duplicate_id_is_a_bad_row_with_file_line_field_and_value(tmp_path: Path, ledger: Ledger) -> None:
    intake = taken(tmp_path, [*rows("aba"), *rows("a", options=["x", "z", "y"])])
    assert (intake.survey.wanted, intake.survey.bad_count) == (2, 2)
    path = intake.file
    assert str(intake.survey.bad[0]) == f"{path}:3: id: 'a' stands twice, first on line 1"
    assert admit(ledger, intake) == 2
    assert in_order(ledger) == ["a", "b"]


def test_a_duplicate_id_is_found_in_any_source_of_stories(tmp_path: Path) -> None:
    path = tmp_path / "stories.jsonl"
    found = take_in(path, source(Story(question("a")), Story(question("b")), Story(question("a"))), Selection()).survey
    assert (found.wanted, found.bad_count) == (2, 1)
    assert str(found.bad[0]) == f"{path}: id: 'a' stands twice; the second is row 3: 'Which drug?'"


def test_a_bad_row_does_not_reserve_its_id(tmp_path: Path) -> None:
    assert taken(tmp_path, [*rows("a", options=["x"]), *rows("a")]).survey.wanted == 1


def test_bad_rows_are_left_out_of_the_ledger(tmp_path: Path, ledger: Ledger) -> None:
    assert admit(ledger, taken(tmp_path, [*rows("a"), 5, *rows("b", answer="z"), *rows("c")])) == 2
    assert in_order(ledger) == ["a", "c"]


def test_a_file_without_a_single_row_gives_nothing(tmp_path: Path, ledger: Ledger) -> None:
    intake = take_in(tmp_path / "none", source(), Selection(sample=5))
    assert (intake.survey.wanted, intake.survey.drawn) == (0, frozenset())
    assert admit(ledger, intake) == 0


@pytest.mark.parametrize(("limit", "wanted"), [(1, 1), (3, 3), (5, 5), (100, 5), (None, 5)])
def test_a_limit_takes_the_first_good_rows(tmp_path: Path, ledger: Ledger, limit: int | None, wanted: int) -> None:
    intake = taken(tmp_path, [*rows("a"), 7, *rows("bcde")], Selection(limit=limit))
    assert intake.survey.wanted == wanted
    assert admit(ledger, intake) == wanted
    assert in_order(ledger) == list("abcde")[:wanted]


@given(
    names=st.sets(st.text(max_size=4), max_size=30),
    seed=st.integers(0, 3),
    sizes=st.tuples(st.integers(1, 12), st.integers(0, 30)),
)
@settings(max_examples=60)
def test_a_larger_sample_contains_the_smaller_one(names: set[str], seed: int, sizes: tuple[int, int]) -> None:
    stories = [Story(question(name)) for name in sorted(names)]
    smaller = survey(source(*stories), Selection(sample=sizes[0], seed=seed))
    larger = survey(source(*stories), Selection(sample=sum(sizes), seed=seed))
    turned = survey(source(*reversed(stories)), Selection(sample=sizes[0], seed=seed))
    assert smaller.drawn is not None
    assert larger.drawn is not None
    assert smaller.drawn <= larger.drawn <= names
    assert smaller.drawn == turned.drawn
    assert smaller.wanted == len(smaller.drawn) == min(sizes[0], len(names))


def test_a_sample_depends_on_its_seed_and_on_ids_alone(tmp_path: Path) -> None:
    def drawn(seed: int, **others: Any) -> frozenset[str] | None:
        return taken(tmp_path, rows(range(200), **others), Selection(sample=20, seed=seed)).survey.drawn

    assert drawn(0) == drawn(0, answer="x", options=["x", "z"])
    assert drawn(0) != drawn(1)


def test_a_sample_is_spread_over_the_file(tmp_path: Path) -> None:
    drawn = taken(tmp_path, rows(range(1000)), Selection(sample=100)).survey.drawn or frozenset()
    halves = [sum(int(name) < 500 for name in drawn), sum(int(name) >= 500 for name in drawn)]
    assert min(halves) > 30


def test_the_hash_of_a_file_covers_every_good_row_whatever_is_wanted(tmp_path: Path) -> None:
    def hash_of(content: Iterable[object], selection: Selection = ALL) -> str:
        return taken(tmp_path, content, selection).survey.hash

    whole = hash_of(rows("abc"))
    assert whole == hash_of(rows("abc"), Selection(limit=1)) == hash_of(rows("abc"), Selection(sample=2))
    assert whole == hash_of(rows("abc", meta={"a": 1}, split="test", source="S", license="MIT"))
    assert len({whole, hash_of(rows("ab")), hash_of(rows("acb")), hash_of(rows("abc", answer="x"))}) == 4


def test_what_is_taken_in_is_the_question_itself(tmp_path: Path, ledger: Ledger) -> None:
    admit(ledger, taken(tmp_path, rows("a", context="A trial.", meta={"year": 1})))
    ((blob,),) = ledger.query("SELECT story FROM items")
    told = Question("a", "Question a?", ("x", "y"), 1, "A trial.", meta={"year": 1})
    assert unpack_story(blob) == Story(told)


def test_the_same_file_again_adds_nothing(tmp_path: Path, ledger: Ledger) -> None:
    assert admit(ledger, taken(tmp_path, rows("abc"))) == 3
    assert admit(ledger, taken(tmp_path, rows("abc"))) == 0
    assert in_order(ledger) == ["a", "b", "c"]


def test_added_questions_are_accepted_and_stand_where_the_file_has_them(tmp_path: Path, ledger: Ledger) -> None:
    admit(ledger, taken(tmp_path, rows("bd")))
    assert admit(ledger, taken(tmp_path, rows("abcde"))) == 3
    assert in_order(ledger) == list("abcde")


def test_a_changed_question_is_refused_by_its_id_with_the_mend(tmp_path: Path, ledger: Ledger) -> None:
    admit(ledger, taken(tmp_path, rows("ab")))
    intake = taken(tmp_path, [*rows("a"), *rows("b", answer="x")])
    with pytest.raises(
        RunDirectoryError, match=f"question 'b' has changed since the run {tmp_path / 'run'} took it in.*--fork"
    ):
        admit(ledger, intake)


def test_a_question_whose_meta_alone_changed_is_accepted(tmp_path: Path, ledger: Ledger) -> None:
    admit(ledger, taken(tmp_path, rows("ab")))
    assert admit(ledger, taken(tmp_path, rows("ab", meta={"note": "new"}, split="train"))) == 0


def test_a_refused_file_leaves_the_ledger_as_it_was(tmp_path: Path, ledger: Ledger) -> None:
    admit(ledger, taken(tmp_path, rows(["last"])))
    before = list(ledger.query("SELECT * FROM items"))
    with pytest.raises(RunDirectoryError, match="'last' has changed"):
        admit(ledger, taken(tmp_path, [*rows(range(2000)), *rows(["last"], answer="x")]))
    assert list(ledger.query("SELECT * FROM items")) == before


def test_a_file_that_breaks_between_the_two_readings_leaves_the_ledger_as_it_was(
    tmp_path: Path, ledger: Ledger
) -> None:
    intake = taken(tmp_path, rows("ab"))
    intake.file.write_text("", encoding="utf-8")
    with pytest.raises(QuestionError, match="is empty"):
        admit(ledger, intake)
    assert in_order(ledger) == []
    assert admit(ledger, taken(tmp_path, rows("ab"))) == 2


def test_no_two_rows_share_a_position_whatever_was_wanted_before(tmp_path: Path, ledger: Ledger) -> None:
    """Runs and outputs read the ledger in pages by position: of two rows at one position, one could be lost."""
    names = [f"{number:04}" for number in range(900)]
    for selection in (Selection(sample=400), Selection(limit=300), Selection(sample=500, seed=1), Selection(limit=10)):
        admit(ledger, taken(tmp_path, rows(names), selection))
    there = [name for (name,) in ledger.query("SELECT id FROM items")]
    assert in_order(ledger) == sorted(there)
    admit(ledger, taken(tmp_path, rows(names[::3])))
    admit(ledger, taken(tmp_path, rows([*names[1::3], *names[::6]])))
    (distinct,) = next(ledger.query("SELECT COUNT(DISTINCT position) FROM items"))
    there = [name for (name,) in ledger.query("SELECT id FROM items")]
    assert distinct == len(there)
    assert sorted(in_order(ledger)) == sorted(there)


def test_rows_that_left_the_file_stay_in_the_run_behind_the_others(tmp_path: Path, ledger: Ledger) -> None:
    admit(ledger, taken(tmp_path, rows("abcd")))
    for _ in range(3):
        admit(ledger, taken(tmp_path, rows("dbe")))
        assert in_order(ledger) == list("dbeac")
    for name in "abcde":
        story = ("INSERT INTO outcomes SELECT id, NULL, NULL, 1, 0, 0, 0, 0, 0, 0, story FROM items WHERE id = ?", name)
        ledger.write(*story).result()
    assert [story.question.id for story in outcomes(ledger)] == list("dbeac")


def test_admission_reads_the_file_as_a_stream(tmp_path: Path, ledger: Ledger) -> None:
    """No more than one row is alive between reading it and taking it in."""
    events: list[str] = []

    def stories() -> Iterator[Story | QuestionError]:
        for name in "abc":
            events.append(f"read {name}")
            yield Story(question(name))

    def noted(story: Story) -> bytes:
        events.append(f"took {story.question.id}")
        return content_hash(story)

    intake = take_in(tmp_path / "f", stories, Selection())
    events.clear()
    admission.admit(ledger, replace(synthesis(recipe()), hash=noted), intake, as_it_is)
    assert events == [f"{what} {name}" for name in "abc" for what in ("read", "took")]


def test_a_ledger_that_cannot_be_written_says_so(tmp_path: Path, ledger: Ledger) -> None:
    admit(ledger, taken(tmp_path, rows("a")))
    with sqlite3.connect(tmp_path / "run" / "ledger.db") as other:
        other.execute("DROP TABLE items")
    other.close()
    with pytest.raises(Exception, match="cannot be written: no such table: items"):
        admit(ledger, taken(tmp_path, rows("ab")))
