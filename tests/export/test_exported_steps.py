"""Labels of steps in exports: the row of a planted fault points at it."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from msgspec.structs import replace
from typer.testing import CliRunner

from exports import Export as Exporting
from exports import read_lines
from reasonmed.checks import Plan, check
from reasonmed.checks.inputs import find_input
from reasonmed.cli import app
from reasonmed.errors import UsageError
from reasonmed.export import Export, Settings, export
from reasonmed.export._chains import judged
from reasonmed.export._sinks import Sinks
from reasonmed.export._text import VARIANTS, ended, masked
from reasonmed.export._view import Case
from reasonmed.export.formats.dpo import pairs
from reasonmed.export.importing import import_file
from reasonmed.parsing.step_labels import as_asked, parse_steps
from reasonmed.parsing.steps import changed_step, misfit, split_steps
from reasonmed.questions import Settings as Questions
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.records import Facts, record_in, records_of
from reasonmed.types import ChainOfThought, Kept, Opinion, Rewrite, Step, Story, Tier, Verdict
from stepped import BETTER, MINOR, NOTES, SEVERE, stepped_run
from support import question


class Out(NamedTuple):
    folder: Path
    told: Export


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    with pytest.MonkeyPatch.context() as patch:
        return stepped_run(tmp_path_factory.mktemp("stepped") / "run", patch)


@pytest.fixture(scope="module")
def out(stepped: RunDirectory, tmp_path_factory: pytest.TempPathFactory) -> Out:
    """All formats that know steps, with masks."""
    pytest.importorskip("pyarrow.parquet", reason="pip install 'reasonmed[parquet]'")
    folder = tmp_path_factory.mktemp("stepped") / "out"
    formats = ("prm", "dpo", "llamafactory-dpo", "verifier", "records", "parquet", "trl-sft", "messages", "axolotl")
    return Out(folder, made(stepped, folder, *formats, mask_steps=True))


def made(run: RunDirectory, folder: Path, *formats: str, **settings: Any) -> Export:
    return export(run, folder, Settings(demo=True, **settings), formats, force=False)


def test_the_row_of_a_planted_fault_has_its_label_and_points_at_it(out: Out) -> None:
    rows = read_lines(out.folder / "prm" / "train.jsonl")
    chains = {row["id"] for row in rows if "/chain-" in row["id"]}
    assert len(chains) == 18
    assert any("/rewrite-" in row["id"] for row in rows)
    for row in rows:
        faults = [SEVERE in step or MINOR in step for step in row["completions"]]
        assert row["labels"] == [not fault for fault in faults]
        assert row["first_error"] == (faults.index(True) if any(faults) else None)
        assert row["verdict"] == ("error" if SEVERE in "".join(row["completions"]) else "correct")
        assert row["prompt"].startswith("Please answer the following multiple-choice question:\n")
        assert [span.of("".join(row["completions"])) for span in split_steps("".join(row["completions"]))] == row[
            "completions"
        ]
    assert {row["first_error"] for row in rows} == {None, 1}
    assert set(rows[0]) == {
        *("id", "question_id", "prompt", "completions", "labels", "first_error"),
        *("verdict", "judge", "tier", "source", "stem"),
    }  # fmt: skip


def test_chains_without_labels_are_left_out_counted_and_named_with_the_option(
    run26: RunDirectory, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"nothing is left to export; left out: .* no_steps.*verify: \{steps: true\}"):
        made(run26, tmp_path / "out", "prm")
    told = made(run26, tmp_path / "both", "prm", "kto")
    assert told.formats_left_out["prm"]["no_steps"] == sum(told.rows[f"kto/{split}.jsonl"] for split in told.splits)


def test_records_with_too_small_a_share_of_good_steps_are_left_out_and_so_are_those_without_steps(
    stepped: RunDirectory, run26: RunDirectory, tmp_path: Path
) -> None:
    everything = read_lines(stepped.records_path)
    shares = sorted({row["step_share"] for row in everything})
    assert shares == [0.75, 1]
    told = made(stepped, tmp_path / "out", "records", min_step_share=1.0)
    left = told.left_out.get("step_share", 0)
    assert told.records == sum(row["step_share"] == 1 for row in everything) == len(everything) - left
    assert told.settings.min_step_share == 1.0
    assert (
        "records with a share of at least 1 of their steps ok by the judge"
        in (tmp_path / "out" / "README.md").read_text()
    )
    with pytest.raises(UsageError, match="no_steps"):
        made(run26, tmp_path / "none", "records", min_step_share=0.1)


def test_the_data_of_a_judge_of_steps_is_the_prompt_and_reply_of_verify_steps(out: Out) -> None:
    labels = {row["id"]: row["labels"] for row in read_lines(out.folder / "prm" / "train.jsonl")}
    rows = read_lines(out.folder / "verifier" / "train.jsonl")
    assert {row["id"] for row in rows} == set(labels)
    for row in rows:
        reply = row["completion"][0]["content"]
        assert "Label each numbered step:" in row["prompt"][0]["content"]
        read = parse_steps(reply, len(labels[row["id"]]))
        assert [one.label == "ok" for one in read] == labels[row["id"]]
        assert list(json.loads(reply)) == ["steps", "verdict", "reason"]
        assert (json.loads(reply)["verdict"] == "Correct") == row["label"]


def test_a_chain_is_paired_with_itself_but_for_the_step_that_was_rewritten(out: Out) -> None:
    steps = {row["id"]: row for row in read_lines(out.folder / "prm" / "train.jsonl")}
    pairs = read_lines(out.folder / "dpo" / "train.jsonl")
    apart = [row for row in pairs if row["differs_in"] is not None]
    assert out.told.of_which["dpo"] == out.told.of_which["llamafactory-dpo"] == {"one_step_apart": len(apart)}
    assert len({row["id"] for row in pairs}) == len(pairs) == len(apart) + 7
    assert {row["chosen_id"] for row in apart} == {name for name in steps if "/rewrite-" in name}
    for row in apart:
        wrong, right = (steps[row[name]]["completions"] for name in ("id", "chosen_id"))
        (place,) = (place for place, pair in enumerate(zip(wrong, right, strict=True)) if pair[0] != pair[1])
        assert row["differs_in"] == place == steps[row["id"]]["first_error"]
        assert row["rejected_reason"] == NOTES[MINOR]
        assert MINOR in row["rejected"][0]["content"]
        assert row["rejected"][0]["content"].replace(MINOR, BETTER) == row["chosen"][0]["content"]
    assert apart
    assert [row["rank"] for row in pairs if row["question_id"] == "q0"] == [*range(1, len(apart) + 6)]


def test_a_wrong_chain_with_a_rewritten_step_is_in_that_pair_alone() -> None:
    parent = Verdict("error", "no", "judge", steps=_steps())
    twin = ChainOfThought(_TEXT.replace(MINOR, BETTER), "m", 1, verdict=Verdict("correct", "yes", "judge"))
    story = Story(
        question(),
        (ChainOfThought(_TEXT, "m", 1, verdict=parent),),
        rewrites=(Rewrite("refine", 0, 0, twin), Rewrite("refine", 1, 0, replace(twin, text="other"), "leaks")),
    )
    ((row, _),) = pairs(Case(story, "train", (), frozenset()), Settings(), 0.0, Sinks(Path("unused")))
    assert (row["id"], row["chosen_id"], row["differs_in"]) == ("q1/chain-1", "q1/rewrite-1", 1)
    assert changed_step(_TEXT, _steps(), _TEXT) is None
    assert changed_step(_TEXT, _steps(), twin.text.replace("pulse", "heart")) is None


@pytest.mark.parametrize("name", ["records/train.jsonl", "parquet/train.parquet"])
def test_records_with_steps_come_back_from_records_and_parquet(
    out: Out, stepped: RunDirectory, tmp_path: Path, name: str
) -> None:
    before = read_lines(stepped.records_path)
    for source, target in ((out.folder / name, "a.parquet"), (tmp_path / "a.parquet", "b.jsonl")):
        assert import_file(source, tmp_path / target).layouts == {"records": len(before)}
    after = read_lines(tmp_path / "b.jsonl")
    for was, now in zip(before, after, strict=True):
        assert record_in(now).steps == record_in(was).steps != ()
        assert {**record_in(now).provenance, **was["provenance"]} == record_in(now).provenance
        assert now["step_share"] == was["step_share"]
        assert (now["chain_of_thought"], now["tier"], now["verified"]) == (
            was["chain_of_thought"],
            was["tier"],
            was["verified"],
        )


def test_why_names_the_steps_that_are_not_ok(stepped: RunDirectory) -> None:
    told = re.sub(r"[│├└─\s]+", " ", CliRunner().invoke(app, ["why", str(stepped.path), "q0"]).stdout)
    assert told.count("3 of 4 steps ok") == 8
    assert f'step 2: error, wrong_fact, severe: {NOTES[SEVERE]} ("{SEVERE}")' in told
    assert f'step 2: unsupported, unsupported_claim, minor: {NOTES[MINOR]} ("{MINOR}")' in told
    assert "4 of 4 steps ok" in told


def test_check_finds_nothing_to_say_of_steps_that_fit_and_are_minor(stepped: RunDirectory) -> None:
    rules = check(find_input(stepped.path, Questions()), Plan(near=False), BytesIO(), lambda _: None).counts.rules
    assert not {"steps.severe", "steps.offsets"} & rules.keys()


_TEXT = f"The pulse is fast.\n\n{MINOR}\n\nAnswer: B. Warfarin"


def _steps(text: str = _TEXT) -> tuple[Step, ...]:
    return tuple(
        Step(*span, "error", "wrong_fact", "minor", "It does.") if MINOR in span.of(text) else Step(*span, "ok")
        for span in split_steps(text)
    )


def _case(*verdicts: Verdict) -> Case:
    chains = tuple(ChainOfThought(f"{_TEXT}", f"m{place}", 1, verdict=one) for place, one in enumerate(verdicts))
    return Case(Story(question(), chains), "train", (), frozenset())


def test_a_chain_is_as_right_as_the_second_look_at_its_steps_says() -> None:
    look = Opinion("steps", "error", "Step 2 fails.", "second", steps=_steps())
    (found,) = judged(_case(Verdict("correct", "fine", "first", opinions=(look,), steps=_steps())))
    assert (found.right, found.verdict.reason, found.verdict.judge) == (False, "Step 2 fails.", "second")
    lost = Opinion("steps", "undecided", "no reply", "second")
    assert judged(_case(Verdict("correct", "fine", "first", opinions=(lost,)))) == []


def test_labels_written_as_asked_are_read_as_they_were() -> None:
    reply = json.dumps({"steps": as_asked(_steps()), "verdict": "Correct"})
    read = parse_steps(reply, len(_steps()))
    assert [(one.label, one.type, one.severity, one.note) for one in read] == [
        (step.label, step.type, step.severity, step.note) for step in _steps()
    ]


def test_offsets_that_do_not_fit_a_text_are_told() -> None:
    good = _steps()
    assert misfit(_TEXT, good) is None
    assert misfit(_TEXT, good[1:]) == f"step 1 is {good[1].start} to {good[1].end}, where the one before it ends at 0"
    assert misfit(_TEXT, good[:-1]) == f"the last step ends at {good[-2].end}, and the text at {len(_TEXT)}"
    assert misfit(_TEXT + "!", good) is not None
    assert BETTER not in _TEXT


def _masked(said: dict[str, str], pairs: list[list[int]]) -> list[str]:
    whole = said.get("reasoning_content") or said["content"]
    return [whole[start:end] for start, end in pairs]


def test_masked_texts_are_the_steps_that_the_judge_flagged(out: Out) -> None:
    from pyarrow.parquet import read_table

    flagged = 0
    for variant in VARIANTS:
        rows = read_lines(out.folder / "trl-sft" / variant / "train.jsonl")
        for row in rows:
            said = row["completion"][0]
            faulty = MINOR in said["content"]
            assert _masked(said, row["masked"]) == ([f"{MINOR}\n\n"] if faulty else [])
            flagged += faulty
        table = read_table(out.folder / "parquet" / variant / "train.parquet").to_pylist()
        assert [row["masked"] for row in table] == [row["masked"] for row in rows]
        assert all("masked" not in row for row in read_lines(out.folder / "messages" / variant / "train.jsonl"))
    assert flagged == 4
    assert out.told.of_which["trl-sft"] == out.told.of_which["axolotl"] == {"with_masked_steps": flagged}


def test_masked_texts_are_those_of_the_reasoning_where_it_is_apart(stepped: RunDirectory, tmp_path: Path) -> None:
    made(stepped, tmp_path / "out", "trl-sft", mask_steps=True, reasoning="field")
    rows = read_lines(tmp_path / "out" / "trl-sft" / "reasonmed" / "train.jsonl")
    assert [f"{MINOR}\n\n"] in [_masked(row["completion"][0], row["masked"]) for row in rows]


@pytest.mark.parametrize(
    ("text", "fault", "wanted"),
    [
        ("One.\n\nTwo.\n\nThree.\n\nAnswer: B", "Two.", "Two.\n\n"),
        ("  \n<think>One.\n\nTwo.</think>\n\nThree.\n\nAnswer: B", "Two.", "Two.\n\n"),
        ("One.\n\nTwo.\n\nThree.\n\nAnswer: B", "Answer", "Answer: B. Warfarin"),
        ("One.\n\nTwo.\n\n  Three is said.  \n\n", "Three", "Three is said."),
        ("One.\n\nTwo.\n\nThree is it. Answer: B", "Three", "Three is it."),
        ("First it is fast. Then it is slow. So it is B. Nothing more is to be said.", "Then", "Then it is slow."),
    ],
)
def test_masked_texts_are_found_whatever_the_ending_becomes(text: str, fault: str, wanted: str) -> None:
    steps = tuple(
        Step(*span, "error", "wrong_fact", "minor", "no") if fault in span.of(text) else Step(*span, "ok")
        for span in split_steps(text)
    )
    story = Story(question(), tier=Tier.EASY, kept=(Kept(text, "m", verdict=Verdict("correct", "y", steps=steps)),))
    (record,) = records_of(story, Facts(demo=False, prompts={}), {})
    (pair,) = masked(record, "cotmed", Settings())
    whole = ended(text, record.options, record.answer_index, plain=False)
    assert whole[slice(*pair)] == wanted
    assert "error" in [step.label for step in record.steps]


def test_axolotl_is_told_for_every_character_whether_it_is_learned(out: Out) -> None:
    for variant in VARIANTS:
        told = yaml.safe_load((out.folder / "axolotl" / f"{variant}.yaml").read_text())
        assert told["datasets"][0]["message_field_training_detail"] == "train_detail"
        for row in read_lines(out.folder / "axolotl" / variant / "train.jsonl"):
            asked, said = row["messages"]
            assert set(asked) == {"role", "content"}
            parts = [said["content"][one["begin_offset"] : one["end_offset"] + 1] for one in said["train_detail"]]
            assert "".join(parts) == said["content"]
            unlearned = [part for part, one in zip(parts, said["train_detail"], strict=True) if not one["train"]]
            assert unlearned == ([f"{MINOR}\n\n"] if MINOR in said["content"] else [])


def test_formats_that_cannot_mask_refuse_to(stepped: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--mask-steps: kto, openai-ft cannot mask steps; add one of trl-sft"):
        made(stepped, tmp_path / "out", "kto", "openai-ft", mask_steps=True)


def test_without_masks_rows_have_none(exported: Exporting, tmp_path: Path) -> None:
    exported(["trl-sft", "axolotl"])
    assert "masked" not in (tmp_path / "out" / "trl-sft" / "cotmed" / "train.jsonl").read_text()
    assert "train_detail" not in "".join(path.read_text() for path in (tmp_path / "out" / "axolotl").rglob("*.*"))
