from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.thinking import Split, Tags, clean, split_thinking

MARKS = (
    "<think>",
    "</think>",
    "<thi",
    "nk>",
    "[IN",
    "ST]",
    "[INST]",
    "<|",
    "|>",
    "<|eot_id|>",
    "</s>",
    "## Thinking\n",
    "**Final Response**\n",
    "Alright, ",
    "okay\n",
    "so ",
    "\x00",
    "\r\n",
    "\r",
    "\n",
    " ",
    "#",
    "a",
    "ß",
    "\ud83d",
    "◁think▷",
    "◁/think▷",
    "&lt;",
    "&gt;",
    "analysis",
    "assistantfinal",
    "[unused1",
    "7]",
)
plain = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="<>[]"), max_size=60)


@pytest.mark.parametrize(
    ("reply", "split"),
    [
        ("Just text.", Split(None, "Just text.", closed=True)),
        ("", Split(None, "", closed=True)),
        (" \n\t", Split(None, "", closed=True)),
        ("<think>Why?</think>\n\nAnswer: B", Split("Why?", "Answer: B", closed=True)),
        ("<think>\n\n</think>\n\nB", Split("", "B", closed=True)),
        ("<THINKING>Why?</Thinking>B", Split("Why?", "B", closed=True)),
        ("<reasoning>Why?</reasoning>B", Split("Why?", "B", closed=True)),
        ("The template opened it.\n</think>\nB", Split("The template opened it.", "B", closed=True)),
        ("<think>One.</think>Between.<think>Two.</think>B", Split("One.Between.Two.", "B", closed=True)),
        ("<think>Cut inside", Split("Cut inside", "", closed=False)),
        ("First. <think>Cut inside", Split("Cut inside", "First.", closed=False)),
        ("<think>One.</think>B<think>Cut", Split("One.\nCut", "B", closed=False)),
        ("<think>Nothing after.</think>", Split("Nothing after.", "", closed=True)),
        ("[THINK]Why?[/THINK]B", Split("Why?", "B", closed=True)),
        ("<unused94>thought\nWhy?<unused95>B", Split("Why?", "B", closed=True)),
        ("<|begin_of_thought|>Why?<|end_of_thought|>B", Split("Why?", "B", closed=True)),
        ("<|channel|>analysis<|message|>Why?<|channel|>final<|message|>B", Split("Why?", "B", closed=True)),
        ("## Thinking\n\nWhy?\n\n## Final Response\n\nB", Split("Why?", "B", closed=True)),
        ("**Thinking:**\nWhy?\n**Final Response:**\nB", Split("Why?", "B", closed=True)),
        ("## Thinking\n\nWhy?\n\n## Final Response", Split("Why?", "", closed=True)),
        ("## Thinking\n\nCut inside", Split("Cut inside", "", closed=False)),
        ("## Thinking\n\nWhy?\nAnswer: B", Split(None, "## Thinking\n\nWhy?\nAnswer: B", closed=True)),
        (
            "## Thinking\n\nWhy?\n\n## Answer\n\nB",
            Split(None, "## Thinking\n\nWhy?\n\n## Answer\n\nB", closed=True),
        ),
        ("I am thinking <aloud>.", Split(None, "I am thinking <aloud>.", closed=True)),
    ],
)
def test_thinking_and_text_come_apart(reply: str, split: Split) -> None:
    assert split_thinking(reply) == split


@settings(max_examples=80)
@given(plain, plain)
def test_what_was_put_together_comes_apart_again(thinking: str, text: str) -> None:
    split = split_thinking(f"<think>{thinking}</think>{text}")
    assert split == Split(thinking.strip(), text.strip(), closed=True)


@settings(max_examples=150)
@given(st.lists(st.one_of(st.sampled_from(MARKS), st.text(max_size=8)), max_size=20).map("".join))
def test_a_closed_text_is_the_end_of_the_reply(reply: str) -> None:
    split = split_thinking(reply)
    assert split.text in reply
    assert not split.closed or reply.rstrip().endswith(split.text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Alright, let us see.", "Let us see."),
        ("Okay, so the patient is ill.", "The patient is ill."),
        ("Okay. Sure! Of course: we start.", "We start."),
        ("Alright\nThe patient is ill.", "The patient is ill."),
        ("Sure enough, it is gout.", "Sure enough, it is gout."),
        ("Okayama is a city.", "Okayama is a city."),
        ("It is certainly, clearly gout.", "It is certainly, clearly gout."),
        ("<think>Why?</think> Gout.", "Why? Gout."),
        ("Gout.<|eot_id|>", "Gout."),
        ("<s>[INST] Why? [/INST] Gout.</s>", "Why?  Gout."),
        ("Gout<|sep|>or lupus", "Gout or lupus"),
        ("## Thinking\n\nWhy?\n\n## Final Response\n\nGout.", "Why?\n\n\nGout."),
        ("**Thinking:**\nWhy?", "Why?"),
        ("Thinking about gout\nis hard.", "Thinking about gout\nis hard."),
        ("One\r\ntwo\rthree", "One\ntwo\nthree"),
        ("a\x00b\x07c\ufeff", "abc"),
        ("half \ud83d a face", "half  a face"),
        ("a tab\tand an \u00e9tat", "a tab\tand an \u00e9tat"),
        ("pH < 7.35 and K+ > 5", "pH < 7.35 and K+ > 5"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_the_marks_of_the_model_are_taken_away(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@settings(max_examples=300)
@given(st.lists(st.one_of(st.sampled_from(MARKS), st.characters()), max_size=25).map("".join))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@settings(max_examples=200)
@given(st.lists(st.one_of(st.sampled_from(MARKS), st.characters()), max_size=25).map("".join))
def test_a_clean_text_holds_no_marks_and_can_be_stored(text: str) -> None:
    once = clean(text)
    assert re.search(r"</?think>|\[/?INST\]|<\|[a-z_]+\|>|[\x00-\x08\x0b-\x1f]", once, re.IGNORECASE) is None
    assert once == once.strip()
    assert once.encode("utf-8") is not None


@settings(max_examples=80)
@given(st.from_regex(r"[A-Z][a-z]{3,9}( [a-z]{2,9}){2,8}\.", fullmatch=True))
def test_plain_prose_is_left_alone(text: str) -> None:
    assert clean(text) == text


def test_fences_of_a_prompt_that_a_model_repeats_are_taken_off() -> None:
    assert (
        clean("<question 08dafb74>\nA man has pain.\n</question 08dafb74>\n\nAnswer: A")
        == "A man has pain.\n\n\nAnswer: A"
    )


FAMILIES = [
    ("<think>", "</think>"),
    ("◁think▷", "◁/think▷"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<SCRATCHPAD>", "</SCRATCHPAD>"),
    ("<scratch_pad>", "</scratch_pad>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("[THINK]", "[/THINK]"),
    ("[unused16]", "[unused17]"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("\\u003cthink\\u003e", "\\u003c/think\\u003e"),
    ('<thinking type="long">', "</thinking>"),
    ("<think>", r"<\/think>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("analysis", "assistantfinal"),
]


@pytest.mark.parametrize(("opened", "closed"), FAMILIES)
def test_every_familys_thinking_is_apart_from_the_answer(opened: str, closed: str) -> None:
    whole = split_thinking(f"{opened}We weigh B, the answer is B.{closed}\n\nThe answer is C.")
    assert whole.closed
    assert whole.text == "The answer is C."
    assert (whole.reasoning or "").startswith("We weigh B, the answer is B.")
    lone = split_thinking(f"We weigh B.{closed}The answer is C.")
    assert (lone.text, lone.closed) == ("The answer is C.", True)


@pytest.mark.parametrize("opened", [opened for opened, _ in FAMILIES])
def test_thinking_of_every_family_that_has_no_end_has_no_answer(opened: str) -> None:
    reply = f"{opened}We weigh B. The answer is B."
    assert split_thinking(reply) == Split("We weigh B. The answer is B.", "", closed=False)
    assert parse_answer(reply, ("Aspirin", "Heparin")) is None


@pytest.mark.parametrize(("opened", "closed"), FAMILIES[:-1])
def test_a_clean_text_holds_no_marks_of_any_family(opened: str, closed: str) -> None:
    assert clean(f"{opened} We weigh B. {closed}") == "We weigh B."


@pytest.mark.parametrize(
    "text",
    [
        "analysis of the findings: B.",
        "Analysis: the findings fit B.",
        "analysis\nWe weigh B.",
        "The &lt;b&gt; of it is 3 &lt; 4.",
        "I was thinking <aloud> of [unused] beds, thought B.",
        "A final analysis by the assistant.",
    ],
)
def test_words_that_only_look_like_marks_are_text(text: str) -> None:
    assert split_thinking(text) == Split(None, text, closed=True)


@pytest.mark.parametrize(("opened", "closed"), [("[BEGIN]", "[END]"), ("mull", "/mull"), ("<<mull", "mull")])
def test_a_recipes_own_marks_are_read_as_thinking(opened: str, closed: str) -> None:
    tags = Tags(opened, closed)
    assert split_thinking(tags.read(f"{opened} B? {closed} C.")) == Split("B?", "C.", closed=True)
    assert split_thinking(tags.read(f"{opened} B?")) == Split("B?", "", closed=False)
