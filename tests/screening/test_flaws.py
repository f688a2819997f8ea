"""Texts that are no reasoning and no response, and texts like them that are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.screening.flaws import find_flaw, says_too_little
from reasonmed.screening.loop import find_loop
from support import WORDS

STEM = (
    "A woman in the third trimester has a swollen calf; ultrasound shows a clot in the popliteal vein. "
    "Which anticoagulant is the safest for mother and child?"
)
OPTIONS = "Heparin\nWarfarin\nDabigatran\nAspirin"
SOUND = (
    "Low-molecular-weight chains do not cross the placenta, whereas coumarins do and cause bony defects. Direct "
    "thrombin inhibitors lack data, and antiplatelet drugs do not treat a venous clot.\n\nAnswer: A. Heparin"
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<!DOCTYPE html><html><body>Service unavailable</body></html>", "page"),
        ("504 Gateway Time-out", "page"),
        ('{"error": {"message": "overloaded", "code": 529}}', "page"),
        ("An unexpected error occurred. Please try again later.", "page"),
        ('Let me look it up. {"name": "search", "arguments": {"q": "calf"}}', "tool_call"),
        ('[TOOL_CALLS] [{"name": "lookup"}]', "tool_call"),
        ("<function=lookup>{}</function>", "tool_call"),
        ("Thought: I look it up.\nAction: search\nAction Input: popliteal clot", "tool_call"),
        ("Answer: [insert your answer here]", "echo"),
        ("The case is {{ question }} and the answer {answer}.", "echo"),
        ("<letter>. <text>", "echo"),
        ("so " * 40, "loop"),
        (f"{SOUND} " + "It is a clot. " * 9, "loop"),
        ("".join(f"Step {number}: the clot is weighed again. " for number in range(12)), "loop"),
        ("血栓である。" * 12, "loop"),
        ("na" * 60, "loop"),
        ("? " * 60, "loop"),
        ('```json\n{"reasoning": "It crosses no placenta", "answer": "A"}\n```', "form"),
        (f"{STEM} So it is.", "copy"),
    ],
)
def test_a_degenerate_text_is_named_by_its_kind(text: str, kind: str) -> None:
    flaw = find_flaw(text, STEM)
    assert flaw is not None
    assert flaw.kind == kind


@pytest.mark.parametrize(
    "text",
    [
        SOUND,
        f"The question asks for the safest anticoagulant. {SOUND}",
        f"A name such as <i>E. coli</i> or a range {{2, 4}} or [Na+] is no form. {SOUND}",
        f"| option | crosses |\n|---|---|\n| A | no |\n| B | yes |\n| C | yes |\n| D | yes |\n{SOUND}",
        "The answer is A. Heparin.",
        "No, no, no: the calf is not red.",
        f"{WORDS} The monitor showed error code 7, and the syringe pump was replaced. {WORDS.replace('word', 'other')}",
        "Doses of 5 mg, 10 mg, 15 mg, 20 mg, 25 mg, 30 mg, 35 mg and 40 mg were given on the days of the trial.",
    ],
)
def test_prose_is_no_flaw(text: str) -> None:
    assert find_flaw(text, STEM) is None


@pytest.mark.parametrize(
    "text",
    [
        "Let us think through the options carefully and choose the best one.\n\nAnswer: A. Heparin",
        "Heparin is right because heparin is the best choice; the others are wrong.\n\nAnswer: A. Heparin",
        "1. Restate the question:\n2. Key details:\n3. Each option:\n4. Conclusion:\n\nAnswer: A",
        STEM,
    ],
)
def test_praise_announcements_and_headings_are_no_reasons(text: str) -> None:
    assert says_too_little(text, f"{STEM}\n{OPTIONS}")
    assert not says_too_little(SOUND, f"{STEM}\n{OPTIONS}")


@given(
    st.permutations(["fever", "cough", "rash", "calf", "clot", "leg"]), st.integers(1, 6), st.integers(5, 12), st.text()
)
def test_whatever_stands_five_times_in_a_row_is_a_loop_wherever_it_stands(
    words: list[str], size: int, times: int, before: str
) -> None:
    looped = " ".join(words[:size] * max(times, 24 // size + 2))
    assert find_loop(f"{before}\n{WORDS} {looped} {WORDS.replace('word', 'other')}") is not None


def test_real_reasoning_has_no_flaw_and_the_degenerate_of_a_small_model_has(shared: Path) -> None:
    rows = map(json.loads, (shared / "data" / "cots" / "cots.jsonl").read_text(encoding="utf-8").splitlines())
    lost: dict[str, int] = {}
    seen: dict[str, int] = {}
    for row in rows:
        for chain in row["cots"]:
            who = (
                "without reasoning"
                if chain["prompt"] == "direct" and len(chain["text"].split()) < 20
                else chain["model"]
            )
            whole = "\n".join((row["question"], *row["options"]))
            seen[who] = seen.get(who, 0) + 1
            flawed = find_flaw(chain["text"], row["question"]) is not None or says_too_little(chain["text"], whole)
            lost[who] = lost.get(who, 0) + flawed
    assert {who: count for who, count in lost.items() if count} == {"without reasoning": 12, "flan-T5-xxl": 17}, seen
