"""Data sets compared by one judge: who is drawn, what the judge sees, what is asked twice, and what the figures are."""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from exports import read_lines
from reasonmed.backends import scripted
from reasonmed.backends.scripted import Scripted
from reasonmed.cli import app
from reasonmed.errors import Unavailable, UsageError
from reasonmed.evaluation.sets import pages
from reasonmed.evaluation.sets.draw import draw
from reasonmed.evaluation.sets.facts import RESULTS, Comparison
from reasonmed.evaluation.sets.job import comparison_job, cost_of
from reasonmed.evaluation.sets.reading import named
from reasonmed.evaluation.sets.results import write_results
from reasonmed.recipe import load
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from support import Script, reply, score, served, texts, texts_of_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from reasonmed.exchange import Request

ONE_JUDGE = "models: {j: {backend: scripted, model: judge}}\nstages: {score: {model: j}}\n"
_GRADE = re.compile(r"grade (\d+)")


def open_row(number: int, text: str, response: str = "Done.") -> dict[str, str]:
    return {"Question": f"Case {number}: which drug is next?", "Complex_CoT": text, "Response": response}


def graded(grade: float, words: int = 20) -> str:
    return f"It has grade {grade} {'word ' * words}".strip()


def by_grade(request: Request) -> str:
    """A judge that reads the score out of the text."""
    return score(int(_GRADE.findall(texts_of_request(request))[-1]))


def written(path: Path, rows: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """A judge by grade, in a recipe of one judge, in an empty folder."""
    script = Script(score=by_grade)
    monkeypatch.setattr(pages, "find_spec", lambda _name: None)  # a picture takes a second
    monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: Scripted(script))
    (tmp_path / "one.yaml").write_text(ONE_JUDGE)
    monkeypatch.chdir(tmp_path)
    return script


def compared(*words: str | Path, code: int = 0, recipe: str = "one.yaml") -> Comparison:
    done = CliRunner().invoke(app, ["score", *map(str, words), "-r", recipe, "-o", "cmp"], env={"COLUMNS": "200"})
    assert done.exit_code == code, done.output
    return RESULTS.read(Path("cmp/results.json"))


def refused(*words: str | Path) -> str:
    done = CliRunner().invoke(app, [*map(str, words), "-r", "one.yaml", "-o", "cmp"], env={"COLUMNS": "200"})
    assert isinstance(done.exception, UsageError), done.output
    assert not Path("cmp").exists()
    return str(done.exception)


def test_no_request_says_which_set_a_row_is_from_and_the_order_is_mixed(tmp_path: Path) -> None:
    secret = ("Petunia", "Marigold")
    for place, name in enumerate(secret):
        (tmp_path / name).mkdir()
        rows = ({**open_row(20 * place + n, graded(place + 5)), "source": name} for n in range(20))
        written(tmp_path / name / f"{name}.jsonl", rows)
    sent: list[tuple[str, dict[str, str]]] = []

    async def answer(request: web.Request) -> web.Response:
        sent.append((await request.text(), dict(request.headers)))
        return reply(score(int(_GRADE.findall(sent[-1][0])[-1])))

    async def run() -> None:
        async with served(answer) as url:
            (tmp_path / "r.yaml").write_text(
                f"models: {{j: {{backend: openai, model: judge, base_url: '{url}'}}}}\n"
                "stages: {score: {model: j}}\nlimits: {in_flight: 1}\n"
            )
            recipe, folder = load(str(tmp_path / "r.yaml"), ("score",)), RunDirectory(tmp_path / "cmp")
            sample = draw(named(str(tmp_path / name / f"{name}.jsonl") for name in secret), 20, 0)
            write = partial(write_results, folder, sample, recipe)
            await execute(comparison_job(sample, recipe, folder, write), Watch(), heeds=False)

    asyncio.run(run())
    assert len(sent) == 40
    for body, headers in sent:
        whole = f"{body}{headers}".casefold()
        assert not [word for word in (*secret, str(tmp_path), ".jsonl", "#1") if word.casefold() in whole]
    order = [_GRADE.findall(body)[-1] for body, _ in sent]
    assert sum(one != other for one, other in pairwise(order)) > 10
    without = {re.sub(r"Case \d+|grade \d|[0-9a-f]{8}", "", json.dumps(json.loads(body))) for body, _ in sent}
    assert len(without) == 1, "the prompts differ in more than the rows"
    found = RESULTS.read(tmp_path / "cmp" / "results.json")
    assert [one.mean.value for one in found.sets if one.mean] == [5, 6]
    picture = (tmp_path / "cmp" / "scores.svg").read_text(encoding="utf-8")
    assert [picture.count(f">{name}<") for name in secret] == [1, 1]
    assert "](scores.svg)" in (tmp_path / "cmp" / "table.md").read_text(encoding="utf-8")


def test_samples_are_equal_the_larger_one_holds_the_smaller_and_shared_questions_are_drawn_together(
    tmp_path: Path,
) -> None:
    large = written(tmp_path / "large.jsonl", (open_row(n, f"large {n}") for n in range(60)))
    small = written(tmp_path / "small.jsonl", (open_row(n, f"small {n}") for n in range(60)))
    few = written(tmp_path / "few.jsonl", (open_row(n, f"few {n}") for n in range(100, 112)))
    sets = named(map(str, (large, small, few)))

    def ids(count: int, seed: int, chosen: slice) -> list[list[str]]:
        return [[one.mark for one in part.drawn] for part in draw(sets[chosen], count, seed).parts]

    first, second = ids(20, 0, slice(0, 2))
    assert first == second
    assert len(first) == 20
    assert ids(30, 0, slice(0, 2))[0][:20] == first
    assert {*ids(20, 1, slice(0, 2))[0]} != {*first}
    assert [len(one) for one in ids(20, 0, slice(0, 3))] == [12, 12, 12]
    assert ids(20, 0, slice(0, 3))[0] == first[:12]


def test_a_stopped_comparison_resumes_and_another_set_costs_its_own_rows_alone(judge: Script) -> None:
    for name in ("a", "b", "c"):
        written(Path(f"{name}.jsonl"), (open_row(n, graded(5 + n % 3), f"{name}.") for n in range(10)))
    before = judge.replies["score"]
    judge.replies["score"] = lambda one: Unavailable("away") if len(judge.asked) > 7 else by_grade(one)
    done = CliRunner().invoke(app, ["score", "a.jsonl", "--against", "b.jsonl", "-r", "one.yaml", "-o", "cmp"])
    assert done.exit_code == 5
    assert not Path("cmp/results.json").exists()
    judge.replies["score"] = before
    answered = {texts([one]) for one in judge.asked[:7]}
    del judge.asked[:]
    found = compared("a.jsonl", "--against", "b.jsonl")
    assert len(judge.asked) == 20 - len(answered)
    assert answered.isdisjoint(texts([one]) for one in judge.asked)
    assert compared("a.jsonl", "--against", "b.jsonl") == found
    assert len(judge.asked) == 20 - len(answered)
    del judge.asked[:]
    compared("a.jsonl", "--against", "b.jsonl", "--against", "c.jsonl")
    assert len(judge.asked) == 10


def test_equal_rows_of_two_sets_are_scored_once_and_alike(judge: Script) -> None:
    rows = [open_row(n, graded(3 + n)) for n in range(6)]
    written(Path("a.jsonl"), rows)
    written(Path("b.jsonl"), rows)
    found = compared("a.jsonl", "--against", "b.jsonl")
    assert len(judge.asked) == 6
    (one,) = found.differences
    assert one.paired is not None
    assert (one.paired.questions, one.paired.difference.value, one.paired.p) == (6, 0, 1)


def test_every_row_is_accounted_for_and_no_score_is_no_zero(judge: Script) -> None:
    judge.replies["score"] = lambda one: "no idea" if "Case 3:" in texts([one]) else by_grade(one)
    bad = [{"text": "x"}, {"instruction": "Why?", "output": "<think>cut"}, open_row(90, "", ""), {"text": "y"}]
    written(Path("a.jsonl"), [*(open_row(n, graded(8)) for n in range(5)), *bad])
    written(Path("b.jsonl"), [open_row(n, graded(4)) for n in range(9)])
    found = compared("a.jsonl", "--against", "b.jsonl")
    first, second = found.sets
    assert (first.rows, first.usable, first.drawn, first.scored, found.n, found.asked) == (9, 5, 5, 4, 5, 200)
    assert sum(first.unusable.values()) == 4
    assert first.unusable["fits no layout; its fields are '...'"] == 2
    assert sum(first.unscored.values()) == 1
    assert (second.rows, second.usable, second.drawn) == (9, 9, 5)
    assert first.mean is not None
    assert (first.mean.value, first.scores) == (8, {"8": 4})
    lines = read_lines(Path("cmp/scores.jsonl"))
    assert len(lines) == first.drawn + second.drawn
    lost = [one for one in lines if "score" not in one]
    assert {one["justification"].partition(":")[0] for one in lost} == {"no score"}
    page = Path("cmp/table.md").read_text(encoding="utf-8")
    assert "a: 9 rows, 5 usable, 5 drawn, 4 scored." in page
    assert "| rows scored | 4 of 5 |" in page


def test_the_figures_of_known_scores(judge: Script) -> None:
    grades = [6, 7, 8, 9, 10]
    written(Path("a.jsonl"), (open_row(n, graded(grades[n % 5])) for n in range(40)))
    written(Path("b.jsonl"), (open_row(n, graded(grades[n % 5] - 2)) for n in range(40)))
    found = compared("a.jsonl", "--against", "b.jsonl", "--sample", "40")
    first, second = found.sets
    assert first.mean is not None
    assert second.mean is not None
    assert first.median is not None
    assert (first.mean.value, second.mean.value, first.median.value, first.questions) == (8, 6, 8, 40)
    assert first.mean.low < 8 < first.mean.high
    assert first.at_least["8"].value == pytest.approx(0.6)
    assert second.at_least["8"].value == pytest.approx(0.2)
    assert first.scores == {"6": 8, "7": 8, "8": 8, "9": 8, "10": 8}
    (one,) = found.differences
    assert one.difference is not None
    assert one.paired is not None
    assert one.difference.value == one.paired.difference.value == 2
    assert one.paired.questions == 40
    assert one.paired.p < 0.001
    assert one.difference.high - one.difference.low < 0.01, "each question differs by the same: it is paired"
    assert (found.calls, found.judge, found.with_key) == (80, "judge", False)


def test_a_difference_that_is_length_alone_is_none_at_equal_length(judge: Script) -> None:
    def rows(offset: int, low: int) -> Iterable[object]:
        for n in range(60):
            words = low + 12 * n
            yield open_row(offset + n, graded(min(10, 1 + words // 100), words), "")

    written(Path("short.jsonl"), rows(0, 50))
    written(Path("long.jsonl"), rows(100, 250))
    found = compared("long.jsonl", "--against", "short.jsonl")
    (one,) = found.differences
    assert one.difference is not None
    assert one.matched is not None
    assert one.difference.value == pytest.approx(2, abs=0.2)
    assert one.difference.low > 1
    assert one.matched.difference.low <= 0.1
    assert abs(one.matched.difference.value) < 0.25
    assert found.slope is not None
    assert found.slope.low > 1
    assert one.paired is None


def test_the_judge_sees_keys_only_where_every_drawn_row_has_one(judge: Script) -> None:
    about = {"options": ["Heparin", "Aspirin"], "answer": "Aspirin", "answer_index": 1, "chain_of_thought": graded(7)}
    keyed = [
        {"question_id": f"q{n}", "id": f"q{n}#1", "question": f"Case {n}: which?", "response": f"Run {n}.", **about}
        for n in range(4)
    ]
    written(Path("ours.jsonl"), keyed)
    written(Path("more.jsonl"), [{**one, "response": "Other."} for one in keyed])
    written(Path("open.jsonl"), [open_row(n, graded(5)) for n in range(4)])
    assert compared("ours.jsonl", "--against", "more.jsonl").with_key
    assert all("Correct answer: B. Aspirin" in texts([one]) for one in judge.asked)
    del judge.asked[:]
    assert not compared("ours.jsonl", "--against", "more.jsonl", "--against", "open.jsonl").with_key
    assert not [one for one in judge.asked if "Correct answer" in texts([one])]
    assert len(judge.asked) == 12


def test_a_run_an_export_and_published_layouts_are_sets(judge: Script, run26: RunDirectory) -> None:
    judge.replies["score"] = score(7)
    asked = "Which drug?\nA. Heparin\nB. Warfarin"
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": "<think>It thins.</think>B"}]
    medreason = {"question": "Which drug?", "options": asked, "reasoning": "It thins.", "answer": "B"}
    layouts: dict[str, dict[str, object]] = {
        "m1": {"prompt": asked, "reasoning": "It thins.", "distilled_answer_string": "B", "answer_letter": "B"},
        "ii": {"model": "m", "question": "", "problem": "", "messages": turns},
        "medreason": {"id_in_dataset": 7, "dataset_name": "m", **medreason},
        "ReasonMed": {"instruction": asked, "input": "", "output": "<think>It thins.</think>B"},
    }
    for name, row in layouts.items():
        written(Path(f"{name}.jsonl"), [row, row])
    for folder, name in (
        ("export/records", "train.jsonl"),
        ("published", "ReasonMed.json"),
        ("published", "CoTMed.json"),
    ):
        Path(folder).mkdir(parents=True, exist_ok=True)
        rows = read_lines(run26.records_path) if folder.startswith("export") else [layouts["ReasonMed"]]
        Path(folder, name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    words: list[str | Path] = [run26.path]
    for one in ("export", *(f"{name}.jsonl" for name in layouts)):
        words += ["--against", one]
    found = compared(*words)
    assert found.n == 2
    assert all(one.scored == one.with_options == 2 for one in found.sets)
    assert [one.name for one in found.sets[1:]] == ["export", *layouts]
    copied, *others = found.differences
    assert copied.paired is not None
    assert copied.paired.questions == 2
    assert all(one.paired is None for one in others)
    with pytest.raises(UsageError, match="give one of them by its name"):
        draw(named(["published"]), 5, 0)


def test_what_a_comparison_cannot_do_is_refused_before_anything_is_asked(judge: Script) -> None:
    written(Path("a.jsonl"), [open_row(1, graded(5))])
    written(Path("none.jsonl"), [{"text": "x"}])
    assert "goes with score alone" in refused("verify", "a.jsonl", "--against", "a.jsonl")
    assert "leave out --limit" in refused("score", "a.jsonl", "--against", "none.jsonl", "--limit", "3")
    assert "tell them apart with NAME=PATH" in refused("score", "a.jsonl", "--against", "a.jsonl")
    assert "is not there" in refused("score", "a.jsonl", "--against", "gone.jsonl")
    assert "no row that can be scored: none.jsonl:1: fits no layout" in refused(
        "score", "a.jsonl", "--against", "none.jsonl"
    )
    assert not judge.asked


def test_the_cost_is_estimated_before_and_capped(judge: Script) -> None:
    for name in ("a", "b"):
        written(Path(f"{name}.jsonl"), (open_row(n, graded(5), f"{name}.") for n in range(10)))
    Path("dear.yaml").write_text(
        "models: {j: {backend: scripted, model: judge, price: {input: 10, output: 1000}}}\n"
        "stages: {score: {model: j}}\n"
    )
    sample = draw(named(["a.jsonl", "b.jsonl"]), 10, 0)
    cost = cost_of(sample, load("dear.yaml", ("score",)), RunDirectory(Path("cmp")))
    assert cost.requests == 20
    assert cost.usd == pytest.approx((cost.tokens_in * 10 + 20 * 120 * 1000) / 1e6)
    words = ["score", "a.jsonl", "--against", "b.jsonl", "-r", "dear.yaml", "-o", "cmp"]
    done = CliRunner().invoke(app, [*words, "--max-cost", "0.001"])
    assert done.exit_code == 3
    assert not Path("cmp/results.json").exists()
    assert f"about {cost.usd:.2f} USD" in done.output


def test_the_shared_chains_against_a_scripted_run(judge: Script, run26: RunDirectory, shared: Path) -> None:
    judge.replies["score"] = lambda one: score(1 + len(texts([one])) % 10)
    found = compared(run26.path, "--against", f"chains={shared / 'data' / 'cots' / 'cots.jsonl'}", "--sample", "300")
    ours, theirs = found.sets
    assert (theirs.rows, theirs.usable + sum(theirs.unusable.values())) == (279, 279)
    assert ours.drawn == theirs.drawn == found.n == ours.usable
    assert found.with_key
    assert theirs.with_options == theirs.drawn
    assert all(one.scored == one.drawn for one in found.sets)
