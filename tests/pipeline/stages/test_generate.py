from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from reasonmed.errors import RequestRejected
from reasonmed.exchange import Completion, Request
from reasonmed.pipeline.stages.generate import generate
from reasonmed.types import Story
from support import WORDS, Script, prose, question, team, texts

PONDERED = "I ponder platelets, thrombin, plasmin and kinins."


async def chains(script: Script, **options: Any) -> Story:
    return await generate(Story(question()), team(script, generate=options))


async def test_nine_chains_in_the_order_of_models_and_temperatures() -> None:
    script = Script(generate=prose("B"))
    story = await chains(script)
    assert [(one.model, one.temperature) for one in story.chains] == [
        (f"made-up-{model}", warmth) for model in (1, 2, 3) for warmth in (0.7, 0.9, 1.0)
    ]
    assert {one.answer for one in story.chains} == {1}
    assert len({request.key for request in script.asked}) == 9


async def test_samples_are_requests_of_their_own() -> None:
    script = Script(generate=prose("B"))
    story = await chains(script, models=["one"], samples=3)
    assert [one.sample for one in story.chains] == [0, 1, 2] * 3
    assert len({request.key for request in script.asked}) == 9


async def test_the_key_and_the_meta_fields_are_in_no_generation_prompt() -> None:
    secret = replace(question(), meta={"explanation": "SECRET-RATIONALE", "long_answer": "SECRET-LONG"})
    script = Script(generate=prose("B"))
    await generate(Story(secret), team(script))
    seen = texts(script.asked)
    assert "SECRET" not in seen
    without_key = texts(list(script.asked))
    assert "Correct answer" not in without_key
    other_key = Script(generate=prose("B"))
    await generate(Story(replace(secret, answer=2)), team(other_key))
    assert texts(other_key.asked) == seen


async def test_what_does_not_come_is_missing_and_not_judged() -> None:
    def answer(request: Request) -> Completion | str:
        if request.model == "made-up-1":
            raise RequestRejected("too long", "context")
        if request.model == "made-up-2":
            return Completion("", finish_reason="stop")
        return prose("A")

    story = await chains(Script(generate=answer))
    assert [one.missing for one in story.chains] == ["context"] * 3 + ["empty"] * 3 + [None] * 3
    assert story.failure is None


@pytest.mark.parametrize(
    ("reply", "missing"),
    [
        (Completion(prose("B"), finish_reason="length"), "cut"),
        (Completion("", finish_reason="content_filter"), "filtered"),
        ("I'm sorry, but I can't help with medical questions.", "refused"),
        ("   \n ", "empty"),
        ("<think>and so on", "cut"),
        ("Answer: B. Warfarin", "short"),
    ],
)
async def test_every_way_to_give_no_chain_has_its_word(reply: Completion | str, missing: str) -> None:
    story = await chains(Script(generate=reply))
    assert {one.missing for one in story.chains} == {missing}
    assert story.failure is not None
    assert story.failure.reason == "no_chain"


async def test_a_cut_chain_is_asked_once_with_twice_the_tokens() -> None:
    def answer(request: Request) -> Completion | str:
        return prose("B") if request.sampling.max_tokens == 4000 else Completion("half", finish_reason="length")

    script = Script(generate=answer)
    story = await chains(script)
    assert all(one.missing is None and not one.truncated for one in story.chains)
    assert len(script.asked) == 18


async def test_a_cut_chain_is_kept_and_marked_where_the_recipe_says_so() -> None:
    script = Script(generate=Completion(prose("B"), finish_reason="length"))
    story = await chains(script, keep_truncated=True)
    assert all(one.truncated for one in story.chains)
    assert len(script.asked) == 9


@pytest.mark.parametrize(
    ("cot", "expected"),
    [("visible", prose("B")), ("reasoning", PONDERED), ("both", f"{PONDERED}\n\n{prose('B')}")],
)
async def test_what_is_stored_follows_the_recipe(cot: str, expected: str) -> None:
    story = await chains(Script(generate=Completion(prose("B"), PONDERED)), cot=cot, min_words=1)
    assert story.chains[0].text == expected
    assert story.chains[0].answer == 1
    assert story.chains[0].after == (len(PONDERED) + 2 if cot == "both" else 0)


async def test_a_short_text_gets_its_thinking_before_it() -> None:
    story = await chains(Script(generate=Completion("Answer: B", f"Alright, {WORDS}")))
    assert story.chains[0].text == f"Word0 {WORDS.removeprefix('word0 ')}\n\nAnswer: B"
    assert story.chains[0].text[story.chains[0].after :] == "Answer: B"


@pytest.mark.parametrize("opener", ["", "Okay, ", "Sure. <think></think>", "## Final Response\n"])
async def test_the_place_of_the_text_after_the_thinking_is_that_in_the_cleaned_text(opener: str) -> None:
    reply = Completion(f"{opener}{prose('B')}<|im_end|>", f"Alright, <b>{PONDERED}")
    chain = (await chains(Script(generate=reply), cot="both", min_words=1)).chains[0]
    assert prose("B")[1:] in chain.text[chain.after :]
    assert PONDERED[-10:] in chain.text[: chain.after]
    assert chain.text[: chain.after].endswith("\n\n")


async def test_headings_of_huatuo_are_thinking_and_text() -> None:
    reply = f"## Thinking\nhm {WORDS}\n\n## Final Response\n{prose('C')}"
    story = await chains(Script(generate=reply))
    assert story.chains[0].text == prose("C")
    assert story.chains[0].answer == 2


async def test_marks_of_the_model_are_taken_off() -> None:
    story = await chains(Script(generate=f"Alright, so {prose('B')}<|im_end|>"))
    assert story.chains[0].text == f"W{prose('B')[1:]}"


async def test_the_answer_is_read_from_the_text_and_not_from_the_thinking() -> None:
    story = await chains(Script(generate=Completion(prose("C"), "Maybe. Answer: A")), cot="both")
    assert story.chains[0].answer == 2
