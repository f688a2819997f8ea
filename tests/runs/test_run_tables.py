"""The tables of a run: they agree with its status and with one another, whatever the run holds."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

import cards
from reasonmed.cli import app
from reasonmed.engine.ledger.calls import SpentOn
from reasonmed.errors import UsageError
from reasonmed.report.statistics.paired import quantile_of
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.status import status_of
from reasonmed.runs.tables.costs import Costs
from reasonmed.runs.tables.reading import Beside, Tables, tables_of
from reasonmed.runs.tables.refinement import Refinement
from reasonmed.runs.tables.rendering import as_json, as_markdown
from reasonmed.runs.tables.shapes import Seen, quantiles
from reasonmed.runs.tables.tokens import Tokenizer
from reasonmed.types import Failure, Kept, Story, Tier
from runs import World, questions, run
from support import chain, question, recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture(scope="module")
def found(run26: RunDirectory) -> Tables:
    return tables_of(run26, Beside(Tokenizer("letters", len)))


def rows(found: Tables, name: str) -> list[dict[str, Any]]:
    return [
        {column: getattr(one, column) for column in one.__struct_fields__}
        for table in found.tables
        if table.name == name
        for one in table.rows
    ]


def one(found: Tables, name: str, **wanted: object) -> dict[str, Any]:
    (row,) = [row for row in rows(found, name) if wanted.items() <= row.items()]
    return row


def test_every_table_adds_up_to_the_status(found: Tables, run26: RunDirectory) -> None:
    status = status_of(run26)
    assert sum(row["questions"] for row in rows(found, "composition")) == status.questions == found.questions
    assert sum(row["records"] for row in rows(found, "composition")) == status.records == found.records
    tiers = one(found, "tiers", source="all")
    assert {name: tiers[name] for name in ("easy", "medium", "difficult")} == status.tiers
    assert tiers["no_tier"] + sum(status.tiers.values()) == status.questions
    chains = one(found, "chains", model="all", temperature="all", source="all")
    assert {name: chains[name] for name in status.chains} == status.chains
    assert sum(row["questions"] for row in rows(found, "failures")) == status.failures
    costs = one(found, "costs", stage="all", tier="all")
    assert costs["calls"] == status.calls
    assert costs["tokens_in"] + costs["tokens_out"] == status.tokens
    for stage, told in status.stages.items():
        by_tier = [row for row in rows(found, "costs") if row["stage"] == stage and row["tier"] != "all"]
        assert sum(row["calls"] for row in by_tier) == told.calls
        assert sum(row["tokens_out"] for row in by_tier) == told.completion_tokens
    assert one(found, "routing", way="as it was")["calls"] == status.calls


def test_chains_add_up_by_model_temperature_and_source(found: Tables) -> None:
    every = one(found, "chains", model="all", temperature="all", source="all")["chains"]
    for column in ("model", "temperature", "source"):
        others = [name for name in ("model", "temperature", "source") if name != column]
        alone = [row for row in rows(found, "chains") if [name for name in row if row[name] == "all"] == others]
        assert alone
        assert sum(row["chains"] for row in alone) == every


def test_scores_and_lengths_are_those_of_the_records(found: Tables, run26: RunDirectory) -> None:
    records = [json.loads(line) for line in run26.records_path.read_text().splitlines()]
    scores = [record["score"] for record in records if record.get("score") is not None]
    told = one(found, "scores", tier="all", source="all", writer="all", origin="all")
    assert (told["records"], told["scored"]) == (len(records), len(scores))
    assert told["mean"].mean == pytest.approx(sum(scores) / len(scores))
    lengths = one(found, "lengths", text="chain", tier="all", writer="all")
    words = sorted(len(record["chain_of_thought"].split()) for record in records)
    letters = sorted(len(record["chain_of_thought"]) for record in records)
    assert lengths["words"].median == pytest.approx(quantile_of(words, 0.5))
    assert lengths["tokens"].p90 == pytest.approx(quantile_of(letters, 0.9))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40))
def test_quantiles_of_counts_are_those_of_the_list(values: list[int]) -> None:
    found, ordered = quantiles(Counter(values)), sorted(values)
    for value, share in ((found.p10, 0.1), (found.median, 0.5), (found.p90, 0.9)):
        assert value == pytest.approx(quantile_of(ordered, share))


def test_unfinished_questions_are_counted_with_what_they_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.stop_after = 60
    folder = run(tmp_path / "run", questions(12))
    found, status = tables_of(folder), status_of(folder)
    assert status.unfinished
    assert one(found, "tiers", source="all")["unfinished"] == status.unfinished
    assert one(found, "costs", stage="all", tier="all")["calls"] == status.calls
    assert one(found, "costs", stage="all", tier="unfinished")["calls"]


def seen(number: int, tier: Tier | None, *spent: tuple[str, bool, float | None]) -> Seen:
    """A finished question whose calls took so many dollars each, and ten tokens."""
    told = [SpentOn(stage, int(later), 1, 0, 6, 4, usd or 0.0, int(usd is None), 1.0) for stage, later, usd in spent]
    story = Story(question(f"q{number}"), tier=tier, failure=None if tier else Failure("key_disputed", "votes"))
    return Seen(story, scores={}, originals={}, spent=told, done=True)


def ways(questions: Sequence[Seen], way: str | None = None) -> dict[str, Any]:
    costs = Costs(way)
    for each in questions:
        costs.add(each)
    (_, routing) = costs.tables()
    return {row.way: row for row in routing.rows}  # type: ignore[attr-defined]


ROUTED = (
    seen(1, Tier.EASY, ("generate", False, 1.0), ("verify", False, 1.0), ("rank", True, 0.5)),
    seen(2, Tier.EASY, ("generate", False, 2.0), ("verify", False, 1.0), ("rank", True, 1.5)),
    seen(3, Tier.DIFFICULT, ("generate", False, 3.0), ("optimize", True, 9.0), ("verify", True, 1.0)),
    seen(4, Tier.DIFFICULT, ("generate", False, 3.0), ("optimize", True, 13.0), ("verify", True, 1.0)),
    seen(5, None, ("generate", False, 4.0)),
)


def test_without_routing_calls_before_the_tier_cost_the_same_and_those_after_the_mean_of_its_way() -> None:
    found = ways(ROUTED)
    assert found["as it was"].usd == pytest.approx(15 + 2 + 24)
    assert found["all difficult"].usd == pytest.approx(15 + 4 * 12)
    assert found["all easy"].usd == pytest.approx(15 + 4 * 1)
    assert found["all difficult"].low < 63 < found["all difficult"].high
    assert (found["all difficult"].questions, found["all difficult"].from_questions) == (4, 2)
    assert found["all difficult"].times == pytest.approx(63 / 41)
    assert "all medium" not in found


def test_a_call_without_a_price_leaves_tokens_and_no_money() -> None:
    found = ways((*ROUTED, seen(6, Tier.DIFFICULT, ("optimize", True, None))))
    assert found["all difficult"].usd is None
    assert found["all difficult"].low is None
    assert found["all difficult"].times == pytest.approx(23 / 21, rel=0.01)
    assert found["all easy"].usd is not None


def test_refined_records_are_paired_with_the_chains_that_they_stem_from() -> None:
    pairs = Refinement()
    old, new = chain(text="One two three."), "One two three four five."
    kept = (Kept(new, "editor", 0, "refine"), Kept(old.text, "m", 0))
    story = Story(question(), (old,), tier=Tier.MEDIUM, kept=kept)
    pairs.add(Seen(story, scores={1: 8, 2: 6}, originals={1: 5}, spent=(), done=True))
    pairs.add(Seen(replace(story, question=question("q2")), scores={1: 7}, originals={}, spent=(), done=True))
    (table,) = pairs.tables()
    score, words, _ = table.rows
    assert (score.pairs, score.records, score.change.mean) == (1, 2, 3.0)  # type: ignore[attr-defined]
    assert (words.pairs, words.change.mean) == (2, 2.0)  # type: ignore[attr-defined]


def test_the_scorer_is_asked_for_originals_of_refined_records_once_and_no_record_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch)
    folder = run(tmp_path / "run", questions(12))
    before, asked = folder.records_path.read_bytes(), world.requests
    (score,) = [row for row in rows(tables_of(folder), "refinement") if row["measure"] == "score"]
    assert (score["records"] > 0, score["pairs"]) == (True, 0)
    for _ in range(2):
        run(tmp_path / "run", questions(12), recipe(score={"originals": True}))
        (found,) = [row for row in rows(tables_of(folder), "refinement") if row["measure"] == "score"]
        assert 0 < found["pairs"] <= score["records"] == world.requests - asked
        assert folder.records_path.read_bytes() == before
    assert one(tables_of(folder), "costs", stage="all", tier="all")["calls"] == status_of(folder).calls


def test_a_run_whose_questions_all_go_one_way_has_that_way_as_it_was(tmp_path: Path) -> None:
    found = tables_of(run(tmp_path / "run", questions(6), recipe(route={"way": "all_difficult"})))
    routing = {row["way"]: row for row in rows(found, "routing")}
    assert routing.keys() == {"as it was", "all difficult"}
    assert routing["as it was"]["calls"] == routing["all difficult"]["calls"]
    assert (
        one(found, "costs", stage="optimize", tier="all")["questions"] > one(found, "tiers", source="all")["difficult"]
    )


def test_names_of_strangers_stay_text_in_markdown(tmp_path: Path) -> None:
    odd = "<script>|x|\n# no\u202e"
    folder = run(tmp_path / "run", [replace(one, source=odd, split="*a*") for one in questions(2)])
    written = as_markdown(tables_of(folder), odd)
    assert "<script>" not in written
    assert "\n# no" not in written
    assert "\u202e" not in written
    lines = [line for line in written.splitlines() if line.startswith("|") and "&lt;script" in line]
    columns = {line.replace("\\|", "").count("|") for line in lines}
    assert columns == {9, 11}, "a bar in a name begins no column"


def test_a_judge_card_and_findings_have_tables_of_their_own(run26: RunDirectory, tmp_path: Path) -> None:
    card = cards.made(tmp_path, "perfect")
    found = tables_of(run26, Beside(card=card, findings={"leak.key": 3}))
    assert {row["by"] for row in rows(found, "judge")} == {"judge card"}
    assert rows(found, "findings") == [{"rule": "leak.key", "findings": 3}]


def test_the_command_prints_and_writes_the_same_figures(run26: RunDirectory, tmp_path: Path) -> None:
    runner = CliRunner()

    def report(*words: str | Path) -> str:
        done = runner.invoke(app, ["report", *map(str, (run26.path, *words))], env={"COLUMNS": "200"})
        return done.output if done.exception is None else f"refused: {done.exception}"

    shown = report()
    written = report("-o", tmp_path / "t.md", "--json", tmp_path / "t.json")
    assert written == f"{tmp_path / 't.md'}\n{tmp_path / 't.json'}\n"
    told = json.loads((tmp_path / "t.json").read_text())
    assert told == json.loads(json.dumps(as_json(tables_of(run26), run26.path.name)))
    page = (tmp_path / "t.md").read_text()
    for table in told["tables"].values():
        assert table["title"] in shown
        assert f"## {table['title']}" in page
    assert "exists; choose another --json, or --force" in report("--json", tmp_path / "t.json")
    assert "--json goes with the tables" in report("--json", tmp_path / "x.json", "-o", tmp_path / "x.html")
    assert "--tier chooses what is on the page" in report("--tier", "easy")
    assert "there is no tokenizer.json" in report("--tokenizer", tmp_path)
    assert "give FILE.md for the tables, or FILE.html" in report("-o", tmp_path / "x.pdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.json", "t.md"]


def test_the_ledger_of_an_evaluation_has_no_such_tables(evaluation: Path) -> None:
    ledger = next(evaluation.rglob("run.json")).parent
    with pytest.raises(UsageError, match=r"is an evaluation: its tables are in report\.md"):
        tables_of(RunDirectory(ledger))
