"""Degenerate replies, played through the whole pipeline with a judge that approves of everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reasonmed.pipeline.synthesize import synthesize
from reasonmed.types import Question, Story
from support import Script, score, team, verdict

STEM = "A patient with an acute clot in the deep veins of the leg needs a drug that acts at once through antithrombin."
REASONING = ("generate", "refine", "optimize")


async def _played(case: dict[str, Any]) -> Story:
    options = tuple(case["options"])
    asked = Question(case["id"], f"{STEM} Which one is the best choice?", options, ord(case["key"]) - ord("A"))
    replies = dict.fromkeys(REASONING, case["input"]["generate"])
    script = Script(
        **replies,
        verify=case["input"].get("verify", verdict(reason="The logic leads to the key and each option is weighed.")),
        rank=score(3),
        summarize=case["input"].get("summarize", "The answer is C. Heparin, because it acts at once."),
        consensus=verdict(reason="It follows from the mechanism."),
    )
    return await synthesize(Story(asked), team(script))


def _is_right(case: dict[str, Any], story: Story) -> bool:
    kept = story.kept or ()
    if case["expected"].startswith("record"):
        return bool(kept)
    clean = [one for one in kept if not one.flags]
    return not clean


async def test_no_degenerate_reply_becomes_a_clean_record(shared: Path) -> None:
    rows = (shared / "cases" / "pipeline.jsonl").read_text(encoding="utf-8").splitlines()
    wrong = []
    for case in map(json.loads, rows):
        story = await _played(case)
        if not _is_right(case, story):
            wrong.append(case["id"])
    assert wrong == []
