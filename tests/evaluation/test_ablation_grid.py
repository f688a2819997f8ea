"""The plan of an ablation, how much it is, and what its table says; no model is trained here."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from reasonmed.cli import app
from reasonmed.errors import UsageError
from reasonmed.evaluation.ablation import Ablation, Axes, Plan
from reasonmed.evaluation.ablation.estimate import Size, epochs_of, estimate
from reasonmed.evaluation.ablation.facts import Place
from reasonmed.evaluation.ablation.grid import below_one, check, listed, nested, numbers, pairs
from reasonmed.evaluation.ablation.pictures import draw, pictures
from reasonmed.evaluation.ablation.pooled import Accuracy, Detectable, per_thousand, pooled
from reasonmed.evaluation.ablation.tables import brief, markdown, power, table
from reasonmed.evaluation.answers import Result
from reasonmed.report.statistics.seeds import Estimate, Part, difference, foreseen, spread
from reasonmed.training.settings import Training

if TYPE_CHECKING:
    from pathlib import Path

_OWN = Training(base_model="org/small", epochs=2)


def plan(*variants: str, **others: Any) -> Plan:
    return Plan(**{"settings": _OWN, "variants": variants or ("reasonmed", "cotmed"), "seeds": (0, 1, 2), **others})


def result(number: int, right: float, tokens: tuple[int, ...] = (100,), status: str = "correct") -> Result:
    marks = {"mark": f"m{number}", "stems": (f"s{number}",), "subject": None, "tier": None, "statuses": (status,)}
    rest = {"right": right, "vote": right > 0.5, "truncated_right": 0, "tokens": tokens, "flips": False}
    rest |= {"answers": ("AB"[right < 0.5],), "rotated": False}
    return Result(**{"benchmark": "b", "id": f"q{number}", **marks, **rest})  # type: ignore[arg-type] # mixed values


def results(rate: float, seed: int, count: int = 200, tokens: int = 100) -> list[Result]:
    draw = random.Random(seed)
    return [result(number, float(draw.random() < rate), (tokens,)) for number in range(count)]


def test_a_grid_is_every_base_epochs_share_variant_and_seed() -> None:
    axes = Axes(("org/small", "other/large"), (1.0, 2.0), (0.25, 1.0))
    found = plan(axes=axes)
    assert len(found.cells) == 2 * 2 * 2 * 3
    assert len({arm.name for arm in found.arms}) == len(found.arms) == 3 * 24
    check(found)


def test_the_training_files_own_values_have_no_part_in_names_so_that_a_folder_can_grow() -> None:
    before = {arm.name for arm in plan(shares=(0.5,)).arms}
    assert before >= {"reasonmed-0", "cotmed-2", "answers-1", "reasonmed-50pct-0"}
    grown = plan(axes=Axes(("org/small", "other/Large.1"), (2.0, 0.5), (0.25, 1.0)))
    names = [cell.name for cell in grown.cells]
    assert {"reasonmed", "reasonmed-e0.5", "reasonmed-share0.25", "cotmed-Large.1-e0.5-share0.25"} <= {*names}
    assert {cell.untrained for cell in grown.cells} == {"base", "base-Large.1"}


@pytest.mark.parametrize("variants", [("reasonmed",), ("answers", "reasonmed"), ("reasonmed", "cotmed", "responsemed")])
def test_an_arm_without_chains_is_always_there_once(variants: tuple[str, ...]) -> None:
    assert [cell.variant for cell in plan(*variants).cells].count("answers") == 1


def test_the_training_files_base_is_the_same_model_by_another_path(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    own = Training(base_model=str(tmp_path / "model"))
    found = plan(settings=own, axes=Axes(bases=("./model", "org/small")))
    assert found.bases == (own.base_model, "org/small")
    other = found.settings_of(found.arms[-1])
    assert (other.base_model, other.epochs, other.seed, other.variant) == ("org/small", 3, 2, "answers")


def test_another_base_has_no_revision_of_the_training_files_own() -> None:
    found = plan(settings=Training(base_model="org/small", revision="abc"), axes=Axes(bases=("org/small", "org/x")))
    assert {found.settings_of(arm).revision for arm in found.arms if arm.cell.base == "org/x"} == {None}
    assert {found.settings_of(arm).revision for arm in found.arms if arm.cell.base != "org/x"} == {"abc"}


@given(st.lists(st.integers(0, 12), min_size=1, max_size=20), st.integers(1, 100), st.integers(1, 100))
def test_a_smaller_share_is_part_of_a_larger_one_and_holds_whole_questions(
    questions: list[int], one: int, other: int
) -> None:
    common = {f"q{question}#{place}": f"q{question}" for place, question in enumerate(questions)}
    small, large = (nested(common, percent / 100) for percent in sorted((one, other)))
    assert small
    assert small <= large <= nested(common, 1.0) == common.keys()
    taken = {common[row] for row in small}
    assert small == {row for row, question in common.items() if question in taken}
    assert nested(dict(reversed(common.items())), min(one, other) / 100) == small


def test_a_share_is_that_many_questions_in_no_order_of_their_ids() -> None:
    common = {f"q{number}#1": f"q{number}" for number in range(100)}
    assert len(nested(common, 0.29)) == 29
    assert nested(common, 0.25) != frozenset(sorted(common)[:25])


def test_shares_of_older_folders_are_the_same_rows() -> None:
    common = {f"q{number}#1": f"q{number}" for number in range(9)}
    cell = plan(shares=(0.5,)).cells[-1]
    assert cell.rows(common) == frozenset(sorted(common)[:4])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": Training(base_model="m", method="dpo")}, "method: dpo: an ablation compares"),
        ({"shares": (0.5,), "axes": Axes(epochs=(1.0,))}, "say --share 0.5,1"),
        ({"settings": Training(base_model="m", max_steps=4), "axes": Axes(epochs=(1.0, 2.0))}, "max_steps: 4 ends"),
        ({"axes": Axes(bases=("a/llama", "b/llama"))}, "called reasonmed-llama: a/llama and b/llama"),
        ({"shares": (0.5, 0.501)}, "called reasonmed-50pct: 0.5 and 0.501"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_anything_is_read(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check(plan(**changes))


def test_values_are_repeated_or_have_commas(tmp_path: Path) -> None:
    assert numbers("--epochs", ["1, 2", "3", "2"]) == (1.0, 2.0, 3.0)
    (tmp_path / "a,b").mkdir()
    assert list(listed(["", "a" * 300 + ",b"])) == ["a" * 300, "b"]
    assert list(listed([str(tmp_path / "a,b"), "c/d,e"])) == [str(tmp_path / "a,b"), "c/d", "e"]


@pytest.mark.parametrize("wrong", ["0", "-1", "nan", "inf", "1.5", "half"])
def test_a_value_that_is_none_is_named(wrong: str) -> None:
    with pytest.raises(UsageError, match=f"--share {wrong}: must be numbers over 0 and at most 1"):
        numbers("--share", [f"0.5,{wrong}"], 1)
    with pytest.raises(UsageError, match="--shares"):
        below_one("--shares", ["1"])


def test_the_command_refuses_a_value_before_it_reads_the_data(tmp_path: Path) -> None:
    words = ["ablate", str(tmp_path / "none"), "-c", "smollm2-cpu", "--questions", "none.jsonl", "--share", "0.5,2"]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert isinstance(done.exception, UsageError)
    assert str(done.exception).startswith("--share 2: must be numbers over 0 and at most 1")


def test_arms_are_compared_with_their_base_and_where_they_differ_in_one_thing() -> None:
    found = pairs(plan("reasonmed", axes=Axes(("org/small", "org/x"), (), (0.5, 1.0))).cells)
    assert ("base", "reasonmed-share0.5") in found
    assert ("base-x", "answers-x") in found
    assert ("reasonmed", "reasonmed-x") in found
    assert ("reasonmed", "answers-x") not in found
    assert ("base", "reasonmed-x") not in found
    assert len(found) == len({frozenset(pair) for pair in found}) == 8 + 8 * 3 // 2


_COMMON = {f"q{number}#1": f"q{number}" for number in range(8)}
_SIZES = {
    ("org/small", variant): Size(dict.fromkeys(_COMMON, tokens))
    for variant, tokens in (("reasonmed", 100), ("cotmed", 60), ("answers", 10))
}


def test_the_estimate_counts_what_is_left_and_knows_the_pace_from_finished_arms() -> None:
    asked = plan(seeds=(0,), axes=Axes((), (1.0, 2.0), (0.5, 1.0)))
    fresh = estimate(asked, _SIZES, _COMMON, {}, (50, 150))
    assert (fresh.arms, fresh.done, fresh.seconds) == (12, 0, None)
    assert fresh.tokens == (1 + 2) * (4 + 8) * (100 + 60 + 10)
    assert list(fresh.lines()) == [
        "12 trainings: 6,120 tokens through the models, no estimate of their time until one has finished here",
        "evaluation: 13 models on 50 questions, up to 150 answers each",
    ]
    later = estimate(asked, _SIZES, _COMMON, {"reasonmed-0": 50.0, "cotmed-0": 0.0}, (50, 150))
    assert (later.done, later.tokens) == (2, 6120 - 2 * 8 * 160)
    assert later.seconds == pytest.approx(later.tokens / 50)
    assert next(later.lines()).startswith("12 trainings, 2 of them finished: 3,560 tokens through the models, about 1 ")
    every = estimate(asked, _SIZES, _COMMON, {arm.name: 0.0 for arm in asked.arms}, (50, 150))
    assert next(every.lines()) == "12 trainings, 12 of them finished: nothing to train"


def test_a_device_of_known_pace_gives_a_time_before_the_first_training() -> None:
    sizes = {key: one._replace(seconds=0.01) for key, one in _SIZES.items()}
    assert estimate(plan(seeds=(0,)), sizes, _COMMON, {}, (1, 1)).seconds == pytest.approx(2 * 8 * 170 * 0.01)


def test_equal_tokens_are_those_of_the_shortest_variant_with_words() -> None:
    cells = {cell.name: cell for cell in plan(equal="tokens", axes=Axes((), (), (0.5, 1.0))).cells}
    found = {name: epochs_of(cell, plan(equal="tokens"), _SIZES, _COMMON) for name, cell in cells.items()}
    assert found["cotmed"] == pytest.approx(2)
    assert found["reasonmed"] == pytest.approx(2 * 0.6)
    assert found["answers"] == pytest.approx(2 * 6)
    assert found["cotmed-share0.5"] == pytest.approx(2 * 2)


def test_accuracy_per_token_tells_a_short_answer_from_a_long_one() -> None:
    groups = {"base": [results(0.5, 0)], "long": [results(0.6, k, tokens=400) for k in range(3)]}
    groups |= {"short": [results(0.5, k, tokens=50) for k in range(3)]}
    told = pooled(groups, ("base",), set()).accuracy
    assert (told["long"].tokens, told["short"].tokens) == (400, 50)
    for one in told.values():
        assert one.per_1000_tokens is not None
        assert one.tokens is not None
        assert one.per_1000_tokens.value == pytest.approx(1000 * one.value / one.tokens)
        assert one.per_1000_tokens.low == pytest.approx(max(0.0, 1000 * one.low / one.tokens), rel=0.05)
    assert told["short"].per_1000_tokens.low > told["long"].per_1000_tokens.high  # type: ignore[union-attr] # both are


def test_tokens_that_were_not_counted_or_only_scored_give_no_figure() -> None:
    uncounted = {"base": [[result(n, 1.0, ()) for n in range(9)]], "x": [results(0.5, 1, 9)]}
    assert pooled(uncounted, ("base",), set()).accuracy["base"].per_1000_tokens is None
    scored = pooled({"base": [results(0.5, 0, 9)], "x": [results(0.5, 1, 9)]}, ("base",), set(), counted=False)
    assert scored.accuracy["x"].tokens is None
    failed = {"base": [[result(n, 0.0, () if n else (80,), "correct" if not n else "failed") for n in range(4)]]}
    assert pooled(failed | {"x": [results(0.5, 1, 4)]}, ("base",), set()).accuracy["base"].tokens == 20


def test_the_interval_of_accuracy_per_token_covers_the_truth() -> None:
    draw, covered = random.Random(5), 0
    for _ in range(200):
        right, tokens = [], []
        for _ in range(3):
            drawn = [(draw.random(), draw.expovariate(1 / 100) + 20) for _ in range(60)]
            right.append([float(chance < 0.5 - 0.1 * (length > 150)) for chance, length in drawn])
            tokens.append([length for _, length in drawn])
        found = per_thousand(right, tokens)
        assert found is not None
        truth = 1000 * (0.5 - 0.1 * 2.718281828 ** (-(150 - 20) / 100)) / 120
        covered += found.low <= truth <= found.high
    assert covered >= 180


@pytest.mark.parametrize(("seeds", "deviation"), [(3, 0.0), (3, 0.05), (5, 0.05)])
def test_a_difference_of_the_detectable_size_is_found_about_four_times_in_five(seeds: int, deviation: float) -> None:
    draw = random.Random(f"{seeds} {deviation}")

    def drawn(gap: float) -> tuple[list[list[float]], ...]:
        chances = [draw.betavariate(4, 4) for _ in range(100)]

        def group(count: int, spread: float, gap: float) -> list[list[float]]:
            shifts = [gap + draw.gauss(0, spread) for _ in range(count)]
            return [[float(draw.random() < one + by) for one in chances] for by in shifts]

        return group(1, 0.0, 0.0), *(group(seeds, deviation, gap) for _ in range(4))

    def detectable() -> float:
        base, one, *others = drawn(0.0)
        return foreseen(base, one, spread([one, *others])).detectable(0.05)

    typical = sorted(detectable() for _ in range(9))[4]
    found = sum(difference(*drawn(typical)[:2]).p < 0.05 for _ in range(60))
    assert 0.65 <= found / 60 <= 0.97


def test_more_comparisons_leave_less_to_be_found() -> None:
    one = Estimate(0.0, (Part(1e-4, 199), Part(1e-4, 2)))
    assert one.detectable(0.05) < one.detectable(0.05 / 6)
    groups = {"base": [results(0.3, 0)]} | {f"arm{n}": [results(0.3, 10 * n + k) for k in range(3)] for n in (1, 2)}
    few = pooled(groups, ("base",), set(), [("base", "arm1")]).detectable
    many = pooled(groups, ("base",), set()).detectable
    assert few is not None
    assert many is not None
    assert (few.comparisons, many.comparisons) == (1, 3)
    assert few.most < many.most


def told(**others: Any) -> Ablation:
    groups = {"base": [results(0.3, 0)], "base-x": [results(0.4, 9)]}
    names = ("reasonmed-share0.5", "reasonmed", "reasonmed-x-share0.5", "reasonmed-x")
    groups |= {name: [results(0.4 + n / 10, 7 * n + k) for k in range(3)] for n, name in enumerate(names)}
    found = pooled(groups, ("base", "base-x"), set(), [("base", "reasonmed"), ("reasonmed-share0.5", "reasonmed")])
    grid = {"base": Place("org/small", "base"), "base-x": Place("org/x", "base-x")}
    for name in names:
        base = ("org/x", "base-x") if "-x" in name else ("org/small", "base")
        grid[name] = Place(*base, "reasonmed", 2.0, 0.5 if "share" in name else 1.0)
    made: dict[str, Any] = {"version": 1, "equal": "examples", "examples": 8, "seeds": [0, 1, 2], "note": "n"}
    made |= {"rows_without_stem": 0, "models": {}, "trained_on": 0, "questions": found.questions, "grid": grid}
    made |= {"accuracy": found.accuracy, "differences": found.differences, "detectable": found.detectable}
    return Ablation(**{**made, **others})


def test_one_table_has_what_varies_and_what_could_be_found() -> None:
    found = table(told())
    assert found.columns == (
        "trained on", "base", "share", "accuracy", "95 %", "seeds", "against base", "95 %", "detectable",
        "tokens an answer", "right per 1,000 tokens", "95 %",
    )  # fmt: skip
    rows = {row[0]: row for row in found.rows}
    assert rows["reasonmed-x-share0.5"][1:3] == ("org/x", "0.5")
    assert rows["base"][1:3] == ("org/small", "")
    assert float(rows["reasonmed"][8]) > 0
    assert "tokens are those of each base's own tokenizer" in found.note
    page = markdown(told(), ["a.svg"])
    assert page.count("| reasonmed-x |") == 1
    assert "what 200 questions and 3 seeds can show: over 2 comparisons, a true difference of " in page
    assert "![a.svg](a.svg)" in page
    assert not set(found.columns) & {"epochs"}


def test_what_cannot_be_shown_with_one_seed_is_said() -> None:
    assert "1 seed can show: nothing about training, which takes 3 seeds" in power(
        told(seeds=[0], detectable=Detectable(0, 0.1, 0.1, 0.1))
    )
    assert power(told(detectable=None)) == ""


def test_a_terminal_shows_of_many_comparisons_those_that_are_told_apart() -> None:
    one = told().differences[0]
    many = [*told().differences, *[msgspec.structs.replace(one, words="not distinguishable at this n")] * 40]
    lines = list(brief(told(differences=many)))
    assert lines[-1] == f"{len(lines) - 1} of 42 comparisons differ beyond chance"
    assert all(" is above " in line for line in lines[:-1])
    assert len(list(brief(told()))) == 2


def test_a_result_of_an_older_version_is_readable() -> None:
    new = {"grid", "detectable"}
    old = {name: value for name, value in msgspec.to_builtins(told()).items() if name not in new}
    old["accuracy"] = {
        name: {key: value for key, value in one.items() if key not in {"tokens", "per_1000_tokens"}}
        for name, one in old["accuracy"].items()
    }
    old["differences"] = [
        {key: value for key, value in one.items() if key != "detectable"} for one in old["differences"]
    ]
    read = msgspec.convert(old, Ablation)
    assert isinstance(read.accuracy["base"], Accuracy)
    assert table(read).columns == ("trained on", "accuracy", "95 %", "seeds", "against base", "95 %")
    assert power(read) == ""


def test_pictures_are_of_the_axes_that_vary_with_a_line_a_base(tmp_path: Path) -> None:
    (found,) = pictures(told())
    assert (found.file, found.axis) == ("accuracy-by-share-reasonmed.svg", "share")
    assert {line: [x for x, _ in points] for line, points in found.series.items()} == {
        "small": [0.5, 1.0],
        "x": [0.5, 1.0],
    }
    said: list[str] = []
    names = draw(told(), tmp_path, said.append)
    assert names == [found.file] or said
    assert [(tmp_path / name).read_text("utf-8").startswith("<?xml") for name in names] == [True] * len(names)
