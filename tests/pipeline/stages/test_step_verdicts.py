"""Step verdicts: what the judge is shown and says of steps, and what becomes of chains with a faulty one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from reasonmed.errors import RecipeError
from reasonmed.parsing.steps import split_steps
from reasonmed.pipeline.preview import preview
from reasonmed.pipeline.stages.optimize import optimize
from reasonmed.pipeline.stages.refine import refine
from reasonmed.pipeline.stages.route import route
from reasonmed.pipeline.stages.verify import verify
from reasonmed.pipeline.synthesize import synthesize
from reasonmed.runs.records import Facts, records_of
from reasonmed.types import ChainOfThought, Kept, Step, Story, Tier, Verdict
from support import Script, judged_story, prose, question, recipe, team, texts, texts_of_request, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from reasonmed.exchange import Request

_TEXT = (
    "The pulse is fast. The rash on both of her legs is new and does not fade.\n\n"
    "Heparin needs no monitoring here.\n\nAnswer: B. Warfarin"
)
_STEPS = [span.of(_TEXT) for span in split_steps(_TEXT)]
_OK = {"label": "ok", "type": "none", "severity": "none", "note": ""}


def _fault(**others: str) -> dict[str, str]:
    return {"label": "error", "type": "wrong_fact", "severity": "severe", "note": "It needs monitoring.", **others}


def said(outcome: str = "Correct", **faults: dict[str, str]) -> Callable[[Request], str]:
    """A judge of steps: ``s2=fault`` is what it says of step 2; all others are ok."""

    def reply(request: Request) -> str:
        numbers = re.findall(r"^<step (\d+) ", texts_of_request(request), re.MULTILINE)
        steps = [{"step": int(number), **faults.get(f"s{number}", _OK)} for number in numbers]
        return json.dumps({"steps": steps, "verdict": outcome, "reason": "because of the pulse"})

    return reply


def _story(*texts_: str) -> Story:
    return Story(question(), tuple(ChainOfThought(text, "m", 1) for text in texts_ or (_TEXT,)))


async def test_the_judge_is_shown_numbered_steps_and_its_labels_lie_over_the_text() -> None:
    script = Script(verify_steps=said("Error", s2=_fault()))
    story = await verify(_story(), team(script, verify={"steps": True}))
    found = story.chains[0].verdict
    assert found is not None
    assert found.outcome == "error"
    assert [_TEXT[step.start : step.end] for step in found.steps] == _STEPS
    assert [step.label for step in found.steps] == ["ok", "error", "ok"]
    assert found.steps[1] == Step(
        len(_STEPS[0]), len(_STEPS[0] + _STEPS[1]), "error", "wrong_fact", "severe", "It needs monitoring."
    )
    assert found.step_share == pytest.approx(2 / 3)
    shown = texts(script.of("verify_steps"))
    assert re.search(r"<step 2 [0-9a-f]{8}>\nHeparin needs no monitoring here.\n</step 2", shown)
    assert script.of("verify") == []
    schema: Any = script.of("verify_steps")[0].response_schema
    assert (schema["properties"]["steps"]["minItems"], schema["properties"]["steps"]["maxItems"]) == (3, 3)


async def test_without_the_option_no_steps_are_asked_for() -> None:
    story = await verify(_story(), team(Script(verify=verdict())))
    assert story.chains[0].verdict == Verdict("correct", "because", "made-up-1")


async def test_correct_with_a_severe_error_is_asked_again_with_it_named_then_undecided() -> None:
    script = Script(verify_steps=said("Correct", s2=_fault()))
    story = await verify(_story(), team(script, verify={"steps": True}))
    found = story.chains[0].verdict
    assert found is not None
    assert (found.outcome, found.conflict) == ("undecided", True)
    asked = script.of("verify_steps")
    assert len(asked) == 2
    assert 'the verdict is "Correct", but step 2 is labelled a severe wrong_fact' in asked[1].messages[-1].content


async def test_correct_with_a_minor_error_stands() -> None:
    script = Script(verify_steps=said("Correct", s2=_fault(severity="minor")))
    story = await verify(_story(), team(script, verify={"steps": True}))
    assert story.chains[0].outcome == "correct"


async def test_a_reply_that_leaves_a_step_out_is_asked_again_then_undecided() -> None:
    half = json.dumps({"steps": [{"step": 1, **_OK}], "verdict": "Correct", "reason": "the pulse"})
    good = said()
    script = Script(verify_steps=[half, good])
    story = await verify(_story(), team(script, verify={"steps": True}))
    assert story.chains[0].outcome == "correct"
    lost = await verify(_story(), team(Script(verify_steps=half), verify={"steps": True}))
    assert lost.chains[0].outcome == "undecided"
    assert "no label for step 2, 3" in (lost.chains[0].verdict or Verdict("error")).reason


async def test_a_second_judge_of_steps_is_asked_for_steps_and_its_labels_are_kept() -> None:
    story = judged_story("ccccceeee")
    script = Script(verify_steps=said("Correct", s1=_fault(severity="minor")))
    made = await route(story, team(script, verify={"steps": True, "second_judge": "two"}))
    assert len({request.key for request in script.of("verify_steps") if request.attempt == 0}) == 9
    first = made.chains[0].verdict
    assert first is not None
    assert next(step.label for step in first.opinions[-1].steps) == "error"


def _refined(*steps: tuple[int, str]) -> str:
    return json.dumps({"steps": [{"step": number, "text": text} for number, text in steps]})


def _medium(outcome: Any = "correct", *labels: Step) -> Story:
    spans = split_steps(_TEXT)
    steps = labels or tuple(Step(*span, "ok") for span in spans)
    found = Verdict(outcome, "why", "judge", steps=steps)
    chain = ChainOfThought(_TEXT, "m", 1, verdict=found)
    return Story(question(), (chain,), tier=Tier.MEDIUM, kept=(Kept(_TEXT, "m", 0, verdict=found),))


def _labels(fault: int) -> tuple[Step, ...]:
    return tuple(
        Step(*span, "error", "wrong_fact", "minor", "It needs monitoring.") if place == fault else Step(*span, "ok")
        for place, span in enumerate(split_steps(_TEXT), 1)
    )


async def test_refine_rewrites_the_faulty_step_and_leaves_the_others_byte_for_byte() -> None:
    script = Script(refine_steps=_refined((2, "Heparin is monitored by the aPTT.\n")), verify_steps=said())
    made = await refine(_medium("correct", *_labels(2)), team(script, verify={"steps": True}, refine={"steps": True}))
    assert made.kept is not None
    assert made.kept[0].text == _TEXT.replace("Heparin needs no monitoring here.", "Heparin is monitored by the aPTT.")
    assert made.kept[0].origin == "refine"
    assert made.kept[0].verified
    shown = texts(script.of("refine_steps"))
    assert "Rewrite these steps: 2." in shown
    assert "It needs monitoring." in shown
    schema: Any = script.of("refine_steps")[0].response_schema
    assert schema["properties"]["steps"]["maxItems"] == 1
    assert len(script.of("verify_steps")) == 1


@pytest.mark.parametrize(
    "reply", [_refined((1, "x")), _refined((2, "x y"), (3, "z")), _refined((2, " ")), '{"steps": "all"}', "no object"]
)
async def test_a_rewrite_of_other_steps_than_the_faulty_ones_is_asked_again_then_none(reply: str) -> None:
    script = Script(refine_steps=reply, verify_steps=said())
    made = await refine(_medium("correct", *_labels(2)), team(script, verify={"steps": True}, refine={"steps": True}))
    assert len(script.of("refine_steps")) == 3
    assert made.kept is not None
    assert (made.kept[0].text, made.kept[0].flags) == (_TEXT, ("not_refined",))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("...", "the text of step 2 is empty"),
        (_STEPS[1], "the text of step 2 is the old one"),
        (_TEXT, "the text of step 2 repeats step 1"),
        ("Heparin is monitored.\n\nAnswer: B. Warfarin", "the text of step 2 repeats step 3"),
    ],
)
async def test_a_text_that_is_none_for_its_step_is_asked_for_again(text: str, problem: str) -> None:
    good = _refined((2, "Heparin is monitored by the aPTT."))
    script = Script(refine_steps=[_refined((2, text)), good], verify_steps=said())
    made = await refine(_medium("correct", *_labels(2)), team(script, verify={"steps": True}, refine={"steps": True}))
    assert problem in script.of("refine_steps")[1].messages[-1].content
    assert made.kept is not None
    assert made.kept[0].origin == "refine"


async def test_a_rewritten_step_is_taken_without_the_tags_of_the_prompt_and_by_a_number_in_quotes() -> None:
    text = "<step 2 1a2b3c4d>\nHeparin is monitored by the aPTT.\n</step 2 1a2b3c4d>"
    script = Script(refine_steps=json.dumps({"steps": [{"step": "2", "text": text}]}), verify_steps=said())
    made = await refine(_medium("correct", *_labels(2)), team(script, verify={"steps": True}, refine={"steps": True}))
    assert made.kept is not None
    assert made.kept[0].text == _TEXT.replace("Heparin needs no monitoring here.", "Heparin is monitored by the aPTT.")


async def test_a_chain_whose_steps_are_all_ok_is_left_as_it_is_without_a_request() -> None:
    script = Script()
    made = await refine(_medium(), team(script, verify={"steps": True}, refine={"steps": True}))
    assert made.kept == _medium().kept
    assert script.asked == []


async def test_the_author_gets_the_notes_on_faulty_steps() -> None:
    story = judged_story("eeeeeeeee")
    spans = split_steps(story.chains[0].text)
    noted = Verdict(
        "error", "reason 0", "judge", steps=(Step(*spans[0], "error", "wrong_fact", "severe", "No such drug."),)
    )
    chains = (ChainOfThought(story.chains[0].text, "m0", 0, verdict=noted), *story.chains[1:])
    script = Script(optimize=prose("B"), verify=verdict())
    await optimize(Story(story.question, chains, tier=Tier.DIFFICULT), team(script))
    assert "No such drug." in texts(script.of("optimize"))


async def test_labels_of_a_chain_that_was_an_error_without_a_request_come_with_the_reason_for_it() -> None:
    script = Script(verify_steps=said("Error", s1=_fault(note="Wrong from the start.")), optimize=prose("B"))
    options = {"steps": True, "precheck": True}
    story = await verify(judged_story("eeeeeeeee"), team(script, verify=options))
    bare = tuple(msgspec.structs.replace(one, verdict=Verdict("error", prechecked=True)) for one in story.chains)
    made = await optimize(Story(story.question, bare, tier=Tier.DIFFICULT), team(script, verify=options))
    assert all(one.verdict and one.verdict.steps for one in made.chains)
    assert "Wrong from the start." in texts(script.of("optimize"))


def _generated(request: Request) -> str:
    return f"Reading {request.key.hex()} of the case.\n\nThe rash is new.\n\n{prose('B')}"


async def test_kept_chains_alone_are_read_a_second_time_and_the_next_best_takes_the_place_of_a_lost_one() -> None:
    texts_lost: list[str] = []

    def second(request: Request) -> str:
        if not texts_lost:
            texts_lost.append(request.messages[-1].content)
        return said("Error", s2=_fault())(request) if request.messages[-1].content == texts_lost[0] else said()(request)

    script = Script(generate=_generated, verify=verdict(), verify_steps=second)
    made = await synthesize(Story(question()), team(script, verify={"steps": "kept"}, rank={"keep": 2}))
    assert made.tier is Tier.EASY
    assert made.failure is None
    assert len(script.of("verify")) == 9
    assert len(script.of("verify_steps")) == 3
    assert made.kept is not None
    assert len(made.kept) == 2
    assert all(one.verified and one.verdict and one.verdict.steps for one in made.kept)
    assert [one.stage for one in made.dropped] == ["verify"]
    assert made.dropped[0].reason.startswith("its steps do not hold")
    lost = made.chains[made.dropped[0].parent or 0]
    assert lost.outcome == "correct"
    assert lost.verdict is not None
    assert lost.verdict.opinions[-1].kind == "steps"


async def test_where_no_chain_holds_the_question_is_a_failure() -> None:
    script = Script(generate=_generated, verify=verdict(), verify_steps=said("Error", s2=_fault()))
    made = await synthesize(Story(question()), team(script, verify={"steps": "kept"}))
    assert made.failure is not None
    assert made.failure.reason == "unverified"
    assert len(script.of("verify_steps")) == 9


async def test_a_kept_chain_of_a_medium_question_goes_to_the_editor_with_its_faulty_steps() -> None:
    outcomes = iter([verdict("Error")] * 5 + [verdict()] * 4)
    script = Script(
        generate=_generated,
        verify=lambda _: next(outcomes),
        verify_steps=[said("Error", s2=_fault())] * 2 + [said()],
        refine_steps=_refined((2, "The rash is old.")),
    )
    made = await synthesize(Story(question()), team(script, verify={"steps": "kept"}, refine={"steps": True}))
    assert made.tier is Tier.MEDIUM
    assert made.kept is not None
    assert [(one.origin, one.verified) for one in made.kept] == [("refine", True)] * 2
    assert all("The rash is old." in one.text for one in made.kept)


async def test_records_carry_steps_and_their_share_and_provenance_does_not_repeat_them() -> None:
    kept = Kept(_TEXT, "m", 0, verdict=Verdict("correct", "why", "judge", steps=_labels(2)))
    story = Story(question(), _story().chains, tier=Tier.EASY, kept=(kept,))
    record = records_of(story, Facts(demo=False, prompts={}), {})[0]
    assert record.steps == _labels(2)
    assert record.step_share == pytest.approx(2 / 3)
    assert "steps" not in record.provenance["verdict"]


def test_refine_steps_needs_a_judge_of_steps() -> None:
    with pytest.raises(RecipeError, match=r"stages\.refine\.steps"):
        recipe(refine={"steps": True})


def test_the_prompts_of_both_roles_can_be_shown_without_a_run() -> None:
    made, story = recipe(verify={"steps": True}, refine={"steps": True}), _story()
    shown = texts([preview(made, "verify_steps", story)])
    assert f"\n{_STEPS[1].strip()}\n</step 2" in shown
    edited = texts([preview(made, "refine_steps", story)])
    assert "(the judge's note on this step)" in edited
    assert "Rewrite these steps: 1." in edited
