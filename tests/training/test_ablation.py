"""Variants trained alike and scored on the same questions, on a tiny random model."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from reasonmed.errors import UsageError
from reasonmed.evaluation.answers import Result
from reasonmed.recipe.shipped import resource


def result(number: int, right: float) -> Result:
    marks = {"mark": f"m{number}", "stems": (f"s{number}",), "subject": None, "tier": None, "statuses": ("x",)}
    rest = {"right": right, "vote": right > 0.5, "truncated_right": 0, "tokens": (), "flips": False}
    rest |= {"answers": ("AB"[right < 0.5],), "rotated": False}
    return Result(**{"benchmark": "b", "id": f"q{number}", **marks, **rest})  # type: ignore[arg-type] # mixed values


def results(rate: float, seed: int, count: int = 300) -> list[Result]:
    draw = random.Random(seed)
    return [result(number, float(draw.random() < rate)) for number in range(count)]


def test_a_clear_gain_is_told_and_a_small_one_is_not_distinguishable() -> None:
    from reasonmed.evaluation.ablation.pooled import pooled

    groups = {"base": [results(0.3, 0)]}
    groups |= {name: [results(rate, seed) for seed in seeds] for name, rate, seeds in (
        ("good", 0.7, (1, 2, 3)), ("same", 0.3, (7, 8, 9)))}  # fmt: skip
    told = pooled(groups, {"base"}, set())
    words = {(one.first, one.second): one.words for one in told.differences}
    assert words["base", "good"] == "good is above base"
    assert words["good", "same"] == "same is below good"
    assert words["base", "same"] == "not distinguishable at this n"
    good = told.accuracy["good"]
    assert good.low < good.value < good.high
    assert good.value == pytest.approx(sum(good.seeds) / 3)
    assert told.accuracy["base"].deviation is None


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_say_nothing_of_training(seeds: int) -> None:
    from reasonmed.evaluation.ablation.pooled import pooled

    groups = {"base": [results(0.2, 0)], "good": [results(0.9, 1 + seed) for seed in range(seeds)]}
    (found,) = pooled(groups, {"base"}, set()).differences
    assert found.words.startswith("training variance cannot be estimated with fewer than 3 seeds")
    assert found.p is found.p_holm is None
    assert found.difference.low > 0.5


@pytest.mark.parametrize("deviation", [0.0, 0.02, 0.05])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_arms_that_are_alike_are_said_to_be_above_or_below_in_no_more_than_7_of_100(
    seeds: int, deviation: float
) -> None:
    from reasonmed.evaluation.ablation.pooled import pooled

    draw, told = random.Random(f"{seeds} {deviation}"), 0
    for _ in range(100):
        chances = [draw.betavariate(2, 2) for _ in range(50)]

        def arm(seeds: int, deviation: float, chances: list[float] = chances) -> list[list[Result]]:
            shifts = [draw.gauss(0, deviation) for _ in range(seeds)]
            return [[result(n, float(draw.random() < one + by)) for n, one in enumerate(chances)] for by in shifts]

        (found,) = pooled({"base": arm(1, 0.0), "one": arm(seeds, deviation)}, {"base"}, set()).differences
        told += " is above " in found.words or " is below " in found.words
    assert told <= 7


def test_holm_counts_every_pair_of_arms() -> None:
    from reasonmed.evaluation.ablation.pooled import pooled

    groups = {"base": [results(0.3, 0)]} | {f"arm{n}": [results(0.3, 10 * n + k) for k in range(3)] for n in (1, 2, 3)}
    found = pooled(groups, {"base"}, set()).differences
    assert len(found) == 6
    least = min(found, key=lambda one: one.p or 0.0)
    assert least.p is not None
    assert least.p_holm == pytest.approx(min(1.0, 6 * least.p))


def test_a_base_that_could_not_answer_gives_no_arm_above_it() -> None:
    from reasonmed.evaluation.ablation.pooled import pooled

    cut = [one._replace(statuses=("truncated",), right=0.0) for one in results(0.5, 0)]
    (found,) = pooled({"base": [cut], "x": [results(0.5, k) for k in range(3)]}, {"base"}, set()).differences
    assert found.words.startswith("no headline: 100.0 % of the answers of base and 0.0 % of x were not read")
    assert found.unread.difference == pytest.approx(found.difference.value)


def test_copies_of_a_question_are_one_question() -> None:
    from reasonmed.evaluation.ablation.pooled import pooled

    groups = {"base": [results(0.3, 0, 30)], "x": [results(0.5, k, 30) for k in range(3)]}
    copied = {name: [one * 5 for one in found] for name, found in groups.items()}
    assert pooled(copied, {"base"}, set()).differences == pooled(groups, {"base"}, set()).differences


def test_the_interval_is_wider_where_seeds_differ() -> None:
    from reasonmed.evaluation.ablation.pooled import pooled

    alike = {"base": [results(0.5, 0)], "x": [results(0.5, 1)] * 3}
    apart = {"base": [results(0.5, 0)], "x": [results(rate, 1) for rate in (0.3, 0.5, 0.7)]}
    spread = []
    for groups in (alike, apart):
        found = pooled(groups, {"base"}, set()).differences[0].difference
        spread.append(found.high - found.low)
    assert spread[1] > 1.3 * spread[0]


def test_models_that_answer_alike_are_said_to_and_one_letter_for_all_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from reasonmed.cli.ablate import _show
    from reasonmed.evaluation.ablation import Ablation
    from reasonmed.evaluation.ablation.pooled import pooled

    first = [result(number, 1.0) for number in range(40)]
    same_score = [one._replace(answers=("C",)) for one in first]
    told = pooled({"base": [first], "x": [first, first], "y": [first, same_score]}, {"base"}, set())
    words = {one.second: one.words for one in told.differences if one.first == "base"}
    assert words["x"] == "no answer differs"
    assert words["y"].startswith("training variance cannot be estimated")
    assert [one.always for one in told.accuracy.values()] == [["A"], ["A", "A"], ["A", "C"]]
    _show(
        Ablation(
            version=1, equal="examples", examples=8, seeds=[0], note="none", rows_without_stem=0, models={},
            questions=told.questions, trained_on=told.trained_on, accuracy=told.accuracy, differences=told.differences,
        )
    )  # fmt: skip
    shown = capsys.readouterr().out
    assert "x - base: no answer differs\n" in shown
    assert "base: always picks A\n" in shown
    assert "y: always picks A or C (2 of 2 seeds)\n" in shown
    assert ", 1 seed; none" in shown
    assert "(+0.0 to +0.0): no answer" not in shown


def test_questions_that_were_trained_on_are_left_out_and_counted() -> None:
    from reasonmed.evaluation.ablation.pooled import pooled

    groups = {"base": [results(0.5, 0, 20)], "x": [results(0.5, 1, 20)]}
    told = pooled(groups, {"base"}, {"s3", "s4", "unknown"})
    assert (told.questions, told.trained_on) == (18, 2)
    with pytest.raises(UsageError, match="no question is left"):
        pooled(groups, {"base"}, {f"s{number}" for number in range(20)})


@pytest.mark.filterwarnings("default")
def test_an_ablation_trains_every_arm_on_the_same_rows_and_resumes(tmp_path: Path) -> None:
    for package in ("torch", "trl"):
        pytest.importorskip(package, reason="needs the extra train: make test-train")
    from reasonmed.backends.scripted import Settings as Scripted
    from reasonmed.evaluation import (
        Candidate,
        Reading,
        Settings,
        ablation,
        auditor,
    )
    from reasonmed.runs.intake import Selection
    from reasonmed.training import settings
    from tiny_model import export, tiny_model

    tiny_model(tmp_path / "model", context=4096)
    export(tmp_path / "data", 10, "reasonmed")
    export(tmp_path / "data", 8, "responsemed")
    text = f"base_model: {tmp_path / 'model'}\nbatch: 4\nepochs: 1\nlearning_rate: 0.001\nevaluate: false\n"
    plan = ablation.Plan(settings.parse(text, "t", None), ("reasonmed", "responsemed"), (0, 1), shares=(0.5,))
    asked = (Settings(max_tokens=8), Reading(Selection(limit=4)))
    said: list[str] = []
    questions = [resource("examples", "questions.json")]
    told = ablation.run(tmp_path / "data", plan, questions, tmp_path / "out", asked, said.append)
    assert set(told.accuracy) == {"base", "reasonmed", "responsemed", "answers", "reasonmed-50pct"}
    runs = {
        path.parent.name: json.loads(path.read_text("utf-8")) for path in (tmp_path / "out").glob("models/*/run.json")
    }
    assert {name: one["data"]["trained_on"] for name, one in runs.items()} == {
        **{f"{variant}-{seed}": 8 for variant in ("reasonmed", "responsemed", "answers") for seed in (0, 1)},
        **{f"reasonmed-50pct-{seed}": 4 for seed in (0, 1)},
    }
    assert told.questions == 4
    before = (tmp_path / "out" / "ablation.json").read_bytes()
    ablation.run(tmp_path / "data", plan, questions, tmp_path / "out", asked, said.append)
    assert (tmp_path / "out" / "ablation.json").read_bytes() == before
    one = plan._replace(seeds=(0,), shares=())
    assert (
        ablation.run(tmp_path / "data", one, questions, tmp_path / "one", asked, said.append).note == ablation.ONE_SEED
    )
    judged = one._replace(audit=auditor(2, Candidate(name="judge", entry=Scripted(backend="scripted", model="judge"))))
    audit = ablation.run(tmp_path / "data", judged, questions, tmp_path / "one", asked, said.append).audit
    assert audit
    assert {model.name: model.answers for model in audit.models} == {
        "base": 2,
        "reasonmed-0": 2,
        "responsemed-0": 2,
        "answers-0": 2,
    }
    assert [(pair.first, pair.second) for pair in audit.pairs] == [
        ("base", f"{variant}-0") for variant in ("reasonmed", "responsemed", "answers")
    ]
    assert b'"audit"' in (tmp_path / "one" / "ablation.json").read_bytes()
    assert b'"audit"' not in before
    tokens = plan._replace(seeds=(0,), shares=(), equal="tokens")
    ablation.run(tmp_path / "data", tokens, questions, tmp_path / "tokens", asked, said.append)


def test_a_folder_grows_into_a_grid_of_bases_on_a_share(tmp_path: Path) -> None:
    for package in ("torch", "trl"):
        pytest.importorskip(package, reason="needs the extra train: make test-train")
    from reasonmed.evaluation import Reading, Settings, ablation
    from reasonmed.runs.intake import Selection
    from reasonmed.training import settings
    from tiny_model import export, tiny_model

    small, large = tiny_model(tmp_path / "small", context=4096), tiny_model(tmp_path / "large", context=4096, layers=3)
    source, out = export(tmp_path / "data", 8), tmp_path / "out"
    text = f"base_model: {small}\nbatch: 4\nepochs: 1\nlearning_rate: 0.001\nevaluate: false\n"
    plan = ablation.Plan(settings.parse(text, "t", None), ("reasonmed",), (0,), axes=ablation.Axes(shares=(0.5,)))
    asked, questions = (Settings(max_tokens=4), Reading(Selection(limit=2))), [resource("examples", "questions.json")]
    said: list[str] = []
    ablation.run(source, plan, questions, out, asked, said.append)
    assert {path.name for path in (out / "models").iterdir()} == {"base", "reasonmed-share0.5-0", "answers-share0.5-0"}
    first = out / "models" / "reasonmed-share0.5-0" / "run.json"
    before = first.read_bytes()
    grid = plan._replace(axes=plan.axes._replace(bases=(str(small), str(large))))
    said.clear()
    ablation.foreseen(source, grid, questions, out, asked, said.append)
    assert said[0].startswith("4 trainings, 2 of them finished: ")
    assert said[1] == "evaluation: 6 models on 2 questions, up to 2 answers each"
    assert len(list((out / "models").iterdir())) == 3
    told = ablation.run(source, grid, questions, out, asked, said.append)
    assert first.read_bytes() == before
    assert set(told.accuracy) == {"base", "base-large", *(cell.name for cell in grid.cells)} == set(told.grid)
    runs = {path.parent.name: json.loads(path.read_text("utf-8")) for path in out.glob("models/*/run.json")}
    assert len({tuple(sorted(one["question_ids"])) for one in runs.values()}) == 1
    assert {len(one["question_ids"]) for one in runs.values()} == {4}
    sizes = {name: one["base_model"]["parameters"] for name, one in runs.items()}
    assert sizes["answers-large-share0.5-0"] > sizes["answers-share0.5-0"]
    gains = json.loads((out / "evaluation" / "results.json").read_text("utf-8"))["comparisons"]
    assert {one["first"] for one in gains if one["second"].startswith("reasonmed-large")} == {"base-large"}
    assert (out / "ablation.md").read_text("utf-8").count("| reasonmed-large-share0.5 |") > 1
