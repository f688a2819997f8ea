"""The judge card's figures of steps on published chains of thought: a judge's known rates come out again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import judges
from cards import judged_by, made

if TYPE_CHECKING:
    from pathlib import Path


def test_the_rates_of_a_scripted_judge_come_out_on_published_chains(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It flags 80 % of the steps that are in no chain of the question, and 10 % of the others."""
    path = shared / "data" / "cots" / "cots.jsonl"
    if not path.exists():
        pytest.skip(f"there is no {path}: it holds the published chains of thought")
    told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for one in told:
        stem = " ".join(one["question"].split())[:100]
        texts = [judges.KNOWN.get(stem, ""), *(cot["text"] for cot in one["cots"])]
        monkeypatch.setitem(judges.KNOWN, stem, "\n".join(texts))
    card = made(tmp_path, judged_by("noisy", steps=True), told[::4], presume=True, retest=0.0)
    found = card.steps
    assert found is not None
    assert found.labelled.share == 1
    assert found.sensitivity.low < 0.8 < found.sensitivity.high
    assert found.specificity.low < 0.9 < found.specificity.high
    at_step, by_chance = found.found.at_step, found.found.by_chance
    assert by_chance is not None
    assert at_step.low > by_chance + 0.3
    steps, flagged = found.specificity.of, found.specificity.of - found.specificity.count
    assert found.alarms.per_chain.value == pytest.approx(flagged / found.alarms.chains.of)
    assert found.alarms.per_chain.low < 0.1 * steps / found.alarms.chains.of < found.alarms.per_chain.high
