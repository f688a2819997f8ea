"""The variant ``short``: the text after the thinking alone, of chains that hold both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from exports import read_lines
from reasonmed.backends import scripted
from reasonmed.exchange import Completion, Request
from reasonmed.export import Settings, export, formats
from reasonmed.export._said import SHORT, said_in, shortened
from reasonmed.export._view import Row
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.records import Facts, records_of
from reasonmed.training.data import VARIANTS
from reasonmed.training.methods import sft
from reasonmed.training.settings import Training
from reasonmed.types import Kept, Record, Step, Story
from runs import questions, run
from support import WORDS, chain, question, recipe

THINKING = f"At first {WORDS} speaks for it.\n\n"


def recorded(visible: str, **others: Any) -> tuple[Record, Story]:
    text = THINKING + visible
    story = Story(
        question(answer=1),
        (replace(chain(text), after=len(THINKING)),),
        kept=(Kept(text, "m", 0, response="B it is."),),
    )
    (record,) = records_of(story, Facts(demo=False, prompts={}), {})
    return replace(record, **others), story


def variants(record: Record, story: Story, **settings: Any) -> dict[str, str]:
    found = said_in(Row(record, "train", story), Settings(**settings))
    return {said.variant: said.parts.content for said in found}


def test_the_short_variant_is_the_text_after_the_thinking_and_only_where_it_is_asked_for() -> None:
    record, story = recorded("Rash and timing fit.\n\nAnswer: B")
    assert SHORT not in variants(record, story)
    found = variants(record, story, short=True)
    assert found[SHORT] == f"Rash and timing fit.\n\nAnswer: B. {record.options[1]}"
    assert found["cotmed"] == THINKING + found[SHORT]


@pytest.mark.parametrize("visible", ["Rash and timing fit.", "Answer: A", "It is B or C."])
def test_a_text_after_the_thinking_that_does_not_conclude_the_key_is_no_short_variant(visible: str) -> None:
    assert shortened(*recorded(visible)) is None


def test_a_text_that_somebody_edited_has_no_short_variant() -> None:
    record, story = recorded("Answer: B")
    assert shortened(replace(record, chain_of_thought="Another text. Answer: B"), story) is None
    stale = replace(story, chains=(replace(story.chains[0], after=5),))
    assert shortened(record, stale) is None


def test_steps_of_the_short_text_keep_their_masks() -> None:
    visible = "Rash fits.\n\nDose is wrong.\n\nAnswer: B"
    start = len(THINKING) + visible.index("Dose")
    steps = (
        Step(0, len(THINKING), "error"),
        Step(start, start + len("Dose is wrong."), "error"),
    )
    record, story = recorded(visible, steps=steps)
    settings = Settings(short=True, mask_steps=True)
    said = next(one for one in said_in(Row(record, "train", story), settings) if one.variant == SHORT)
    assert [said.parts.content[first:last] for first, last in said.masked] == ["Dose is wrong."]


@pytest.fixture(scope="module")
def thinking(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run whose generators think, with thinking and text stored."""

    def reply(request: Request) -> Completion | str:
        made = scripted.made_up(request)
        text = made if isinstance(made, str) else made.text
        return Completion(text, THINKING.strip()) if request.stage == "generate" else made

    class Thinks:
        async def complete(self, request: Request) -> Completion:
            return await scripted.Scripted(reply).complete(request)

        async def aclose(self) -> None:
            """Nothing to release."""

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scripted, "connect", lambda _settings, _connections: Thinks())
        return run(tmp_path_factory.mktemp("thinking") / "run", questions(6), recipe(generate={"cot": "both"}))


def test_every_format_of_texts_has_it_and_training_and_ablation_read_it(thinking: RunDirectory, tmp_path: Path) -> None:
    wanted = ["trl-sft", "messages", "openai-ft", "llamafactory", "axolotl"]
    told = export(thinking, tmp_path / "out", Settings(demo=True, short=True), wanted, force=False)
    short = read_lines(tmp_path / "out" / "trl-sft" / "short" / "train.jsonl")
    whole = {row["id"]: row for row in read_lines(tmp_path / "out" / "trl-sft" / "cotmed" / "train.jsonl")}
    assert short
    for row in short:
        assert whole[row["id"]]["completion"][0]["content"] == THINKING + row["completion"][0]["content"]
    names = ["messages/short/train.jsonl", "openai-ft/short/train.jsonl", "axolotl/short/train.jsonl"]
    names += ["llamafactory/alpaca_short.jsonl", "llamafactory/sharegpt_short.jsonl"]
    assert [told.rows[name] for name in names] == [len(short)] * len(names)
    assert (tmp_path / "out" / "axolotl" / "short.yaml").is_file()
    read = sft.read(tmp_path / "out", Training(base_model="m", variant="short"))
    assert [row.id for row in read.train.rows] == [row["id"] for row in short]
    assert SHORT in VARIANTS


def test_without_the_option_no_file_of_an_export_is_another(thinking: RunDirectory, tmp_path: Path) -> None:
    wanted = [name for name in formats() if name not in ("parquet", "rl", "lm-eval", "inspect", "verifiers-env", "prm")]
    told = export(thinking, tmp_path / "out", Settings(demo=True), wanted, force=False)
    assert not [name for name in told.files if SHORT in name]
