"""Questions without options: what reads them, what refuses them before a request is sent, what stays as it was."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from reasonmed.engine.ledger import encode, pack
from reasonmed.errors import QuestionError, UsageError
from reasonmed.parsing.answer import parse_answer
from reasonmed.pipeline.stages._consensus import consensus
from reasonmed.pipeline.stages.generate import generate
from reasonmed.pipeline.stages.optimize import optimize
from reasonmed.pipeline.stages.rank import rank
from reasonmed.pipeline.stages.refine import refine
from reasonmed.pipeline.stages.route import route
from reasonmed.pipeline.stages.score import score
from reasonmed.pipeline.stages.summarize import summarize
from reasonmed.pipeline.stages.verify import verify
from reasonmed.questions import Settings, read
from reasonmed.questions._lint import lint, write_native
from reasonmed.recipe.stages import specs
from reasonmed.runs.commands.run import question_source
from reasonmed.runs.layouts import story_source
from reasonmed.runs.stories import content_hash, unpack_story
from reasonmed.types import Kept, Question, Story
from support import WORDS, Script, team, texts
from support import score as points

OPEN = Question("q1", "Which vitamin does the sun give?", (), reference="Vitamin D")
ROW = {"id": "q1", "question": OPEN.stem, "reference": "Vitamin D"}
CLOSED = {"id": "q2", "question": "Which bone?", "options": ["Femur", "Tibia"], "answer": "Tibia"}


def rows(folder: Path, *told: dict[str, Any]) -> Path:
    path = folder / "file.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in told) + "\n", encoding="utf-8")
    return path


def found(path: Path, **settings: Any) -> list[Question | QuestionError]:
    return list(read(path, Settings(**settings)))


def test_a_question_without_a_reference_is_written_as_before() -> None:
    whole = Question("q1", "Which?", ("A", "B"), 1, "c", "s", "MIT", "train", {"k": 1}, "consensus")
    assert encode(whole) == (
        b'{"id":"q1","stem":"Which?","options":["A","B"],"answer":1,"context":"c","source":"s","license":"MIT",'
        b'"split":"train","meta":{"k":1},"answer_source":"consensus"}'
    )
    assert encode(Question("q1", "Which?", ("A", "B"))) == b'{"id":"q1","stem":"Which?","options":["A","B"]}'


def test_a_reference_is_identity_and_comes_back_from_the_ledger() -> None:
    story = Story(OPEN)
    assert unpack_story(pack(story)) == story
    others = [Question("q1", OPEN.stem, ()), Question("q1", OPEN.stem, (), reference="Vitamin C")]
    assert len({content_hash(Story(one)) for one in (OPEN, *others)}) == 3


def test_a_reference_makes_a_row_without_options_a_question(tmp_path: Path) -> None:
    path = rows(tmp_path, ROW, {**ROW, "id": "q3", "options": []}, CLOSED)
    one, two, closed = found(path, open_ended=True)
    assert one == OPEN
    assert isinstance(two, Question)
    assert (two.options, two.reference) == ((), "Vitamin D")
    assert isinstance(closed, Question)
    assert (closed.answer, closed.reference) == (1, None)


def test_a_reference_beside_options_stays_in_meta(tmp_path: Path) -> None:
    (one,) = found(rows(tmp_path, {**CLOSED, "reference": "A textbook, page 3"}))
    assert isinstance(one, Question)
    assert (one.reference, one.meta) == (None, {"reference": "A textbook, page 3"})


@pytest.mark.parametrize("extra", [{"candidates": ["Vitamin C", "Vitamin D"]}, {"A": "Vitamin C", "B": "Vitamin D"}])
def test_what_may_be_options_is_not_read_as_open_ended(tmp_path: Path, extra: dict[str, Any]) -> None:
    (one,) = found(rows(tmp_path, {**CLOSED, "options": None, **ROW, **extra}), layout="native", open_ended=True)
    assert isinstance(one, QuestionError) or one.options


@pytest.mark.parametrize("key", [{"answer": "Vitamin D"}, {"answer": 1}, {"answer_index": 0}])
def test_a_key_without_options_is_refused_with_the_field_that_takes_it(tmp_path: Path, key: dict[str, Any]) -> None:
    (bad,) = found(rows(tmp_path, {"question": "Which?", "options": [], **key}), open_ended=True)
    assert isinstance(bad, QuestionError)
    assert "the answer of an open-ended question goes into `reference`" in str(bad)


def test_a_command_that_needs_options_refuses_the_row_by_its_line(tmp_path: Path) -> None:
    path = rows(tmp_path, CLOSED, ROW)
    for source in (question_source(path, Settings()), story_source(path, None, Settings())):
        _, bad = source()
        assert isinstance(bad, QuestionError)
        assert "file.jsonl:2: options: must be 2 to 26, not 0: [], and this command needs options" in str(bad)


def test_a_story_without_options_is_refused_where_they_are_needed(tmp_path: Path) -> None:
    path = rows(tmp_path, {"question": {"id": "q1", "stem": "Which?", "options": []}, "kept": []})
    (bad,) = story_source(path, None, Settings())()
    assert isinstance(bad, QuestionError)
    assert "question 'q1'" in str(bad)
    (story,) = story_source(path, None, Settings(open_ended=True))()
    assert isinstance(story, Story)


@pytest.mark.parametrize("stage", [generate, verify, consensus, route, rank, refine, optimize])
def test_a_stage_that_needs_options_says_so_and_asks_nothing(stage: Any) -> None:
    script = Script()
    with pytest.raises(UsageError, match=f"question 'q1' has no options, and {stage.__name__} needs them"):
        asyncio.run(stage(Story(OPEN, kept=(Kept("text", "m"),)), team(script)))
    assert not script.asked


@pytest.mark.parametrize("question", [OPEN, Question("q1", OPEN.stem, ())])
def test_summarize_and_score_take_a_question_without_options(question: Question) -> None:
    script = Script(summarize="Sunlight makes vitamin D in the skin.", score=points(8))
    story = Story(question, kept=(Kept(f"{WORDS} Answer: B", "m"),))

    async def both() -> Story:
        return await score(await summarize(story, team(script)), team(script))

    (kept,) = asyncio.run(both()).kept or ()
    assert (kept.response, kept.score) == ("Sunlight makes vitamin D in the skin.", 8)
    assert ("Correct answer: Vitamin D" in texts(script.asked)) == (question.reference is not None)
    assert [spec.name for spec in specs() if spec.open_ended] == ["summarize", "score"]


def test_nothing_is_read_where_there_are_no_options() -> None:
    assert all(parse_answer(text, ()) is None for text in ("Answer: B", "\\boxed{C}", "B", "The answer is vitamin D"))


def test_lint_reports_open_ended_questions_and_conversion_keeps_the_reference(tmp_path: Path) -> None:
    path = rows(tmp_path, ROW, CLOSED)
    told = lint(path, Settings(open_ended=True), 5)
    assert (told.good, told.sizes, told.keys) == (2, {0: 1, 2: 1}, {"B": 1, "reference": 1})
    assert told.findings["no options"].count == 1
    write_native(path, Settings(open_ended=True), tmp_path / "out.jsonl")
    assert found(tmp_path / "out.jsonl", open_ended=True)[0] == OPEN
