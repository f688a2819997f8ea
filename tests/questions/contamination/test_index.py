"""Indexes carry no text, say how much of a benchmark they hold, and are refused when torn."""

from __future__ import annotations

from pathlib import Path

import pytest

from reasonmed.errors import QuestionError, UsageError
from reasonmed.questions.contamination import Matcher, benchmark, build, write_index
from reasonmed.questions.normal import normal
from reasonmed.recipe.shipped import resource

pytest.importorskip("datasketch", reason="needs the extra check")

EXAMPLES = resource("examples", "questions.json")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    write_index(build([EXAMPLES], "examples", 1273), tmp_path / "examples.index.jsonl")
    return tmp_path / "examples.index.jsonl"


def test_an_index_holds_no_word_of_the_questions(index: Path) -> None:
    text = index.read_text(encoding="utf-8").casefold()
    words = {word for one in benchmark(EXAMPLES).words or [] for word in one if len(word) > 7}
    ids = " ".join(normal(one.id) for one in benchmark(EXAMPLES).entries).split()
    assert len(words) > 50
    assert not [word for word in words if word in text and word not in ids]


def test_an_index_and_its_question_file_are_the_same_benchmark(index: Path, tmp_path: Path) -> None:
    read = benchmark(index)
    assert (read.name, read.total, read.words) == ("examples", 1273, None)
    assert read.hash == benchmark(EXAMPLES).hash
    write_index(build([EXAMPLES], "examples", 1273), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == index.read_bytes()


def test_only_full_coverage_is_called_all(index: Path) -> None:
    part = benchmark(index)
    count = len(part.entries)
    assert part.coverage == f"checked against {count} of 1,273"
    assert part._replace(total=count).coverage == f"checked against all {count}"
    assert "was not given" in benchmark(EXAMPLES).coverage
    assert "clean" not in part.coverage


def test_a_whole_cannot_be_smaller_than_its_part() -> None:
    with pytest.raises(UsageError, match="--total 2: the files have"):
        build([EXAMPLES], "examples", 2)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[: len(text) // 2], "is no fingerprint|is torn"),
        (lambda text: "\n".join(text.split("\n")[:-3]) + "\n", "is torn: it has"),
        (lambda text: text.replace('"reasonmed_index":1', '"reasonmed_index":9', 1), "another version"),
        (lambda text: text.split("\n", 1)[0][:30], "first line is torn"),
        (lambda text: text.replace('"total":1273', '"total":"many"', 1), "total 'many'"),
        (lambda text: text.replace('"grams":"', '"grams":"AAAA', 1), "its hashes are cut|is no fingerprint"),
    ],
)
def test_damaged_indexes_are_refused(index: Path, damage: object, said: str) -> None:
    assert callable(damage)
    index.write_text(damage(index.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        benchmark(index)


def test_what_is_no_benchmark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "bad.jsonl").write_text('{"question": "x", "options": ["a"]}\n', encoding="utf-8")
    for name in ("empty", "bad.jsonl", "missing"):
        with pytest.raises(QuestionError):
            benchmark(tmp_path / name)
    (tmp_path / "none.json").write_text("[]", encoding="utf-8")
    with pytest.raises((UsageError, QuestionError)):
        benchmark(tmp_path / "none.json")


def test_an_index_finds_its_own_questions(index: Path) -> None:
    from reasonmed.questions import questions_in

    matcher = Matcher([benchmark(index)])
    assert all(matcher.matches(one)[0].id == one.id for one in questions_in(EXAMPLES))
