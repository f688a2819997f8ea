"""Each rule on texts that it must find and on texts that it must leave alone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reasonmed.checks.cases import Case, Passage
from reasonmed.checks.rules import PASSAGE_RULES, PHI_RULES, QUESTION_RULES, TEXT_RULES
from reasonmed.parsing.steps import split_steps
from reasonmed.types import Step, Story
from support import WORDS, chain, question

ASKED = question(answer=1)
ENGLISH = question(answer=1)
NONE: frozenset[str] = frozenset()


def found(rule: str, text: str) -> str | None:
    if rule in PHI_RULES:
        return PHI_RULES[rule](text)
    if rule in TEXT_RULES:
        return TEXT_RULES[rule](text, ASKED)
    return PASSAGE_RULES[rule](Passage("x", "record", text), ASKED)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("leak.gold", "Since the given answer is C, we argue for it."),
        ("text.refusal", "I'm sorry, but I cannot help with medical questions."),
        ("text.language", "The patient has a fever. 患者有发热和咳嗽。"),
        ("text.language", "Пациент жалуется на боль."),
        ("text.repetition", "and so we think that it is so. " * 9),
        ("text.degenerate", "<html><body>504 Gateway Time-out</body></html>"),
        ("text.degenerate", '<tool_call>{"name": "look_up", "arguments": {"drug": "heparin"}}</tool_call>'),
        ("text.bare", "Let us consider the question step by step. The best answer is B.\n\nAnswer: B"),
        ("text.truncated", f"{WORDS}\n\nThe next step in the management of this patient would be to"),
        ("text.truncated", f"<think>{WORDS}"),
        ("answer.against_key", f"{WORDS}\n\nAnswer: C"),
        ("answer.contradiction", "Warfarin is slow. The correct answer is A. Heparin.\n\nAnswer: B"),
        ("phi.date", "She was admitted on March 3, 2019."),
        ("phi.date", "Seen 12/31/2019 in clinic"),
        ("phi.date", "DOB: 1961-04-09."),
        ("phi.date", "born 3rd of May 1970"),
        ("phi.phone", "call (415) 555-0132 for results"),
        ("phi.phone", "call 415-555-0132"),
        ("phi.phone", "Tel. +49 30 1234567"),
        ("phi.mrn", "MRN: 00123456"),
        ("phi.mrn", "medical record number 8831-22"),
        ("phi.ssn", "SSN 123-45-6789"),
        ("phi.email", "write to jane.doe@clinic.example.org"),
        ("phi.url", "see https://clinic.example.org/p/1"),
    ],
)
def test_a_rule_finds_what_it_is_for(rule: str, text: str) -> None:
    assert found(rule, text)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("leak.gold", "The answer choices give four drugs; none of them fits better than warfarin."),
        ("text.refusal", f"I'm sorry to say that the prognosis is poor. {WORDS}"),
        ("text.language", "β-blockers raise Δ9-THC levels: naïve, Sjögren, Ménière."),
        ("text.language", "Na+ 140, K+ 4.1, Cl- 100 " * 20),
        ("text.repetition", "The patient has a fever. " * 2 + WORDS),
        ("text.truncated", f"{WORDS}\n\nAnswer: B. Warfarin"),
        ("text.truncated", f"{WORDS}\n\n**B**"),
        ("text.truncated", f"{WORDS}\n- Warfarin inhibits the vitamin K epoxide reductase in the liver of patients"),
        ("text.truncated", "Short"),
        ("answer.against_key", f"{WORDS}\n\nAnswer: B"),
        ("answer.against_key", WORDS),
        ("answer.contradiction", "Heparin may come to mind first. It is wrong. So warfarin.\n\nAnswer: B"),
        ("phi.date", "In 2019, 12 of 31 patients; 3 weeks ago; May be; 1/2 tablet; BP 120/80/min"),
        ("phi.phone", "Platelets 150,000-450,000; 10-20-30 mg; 2019-2020; ratio 100.200"),
        ("phi.mrn", "The patient number of 4 visits; chart review of 12,345 cases; MRN unknown"),
        ("phi.ssn", "000-12-3456 or 1234-56-7890"),
        ("phi.email", "twice @ night"),
        ("phi.url", "the http protocol"),
    ],
)
def test_a_rule_leaves_alone_what_only_looks_like_it(rule: str, text: str) -> None:
    assert found(rule, text) is None


def test_a_response_that_answers_otherwise_than_its_chain_is_found() -> None:
    rule = PASSAGE_RULES["answer.response"]
    assert rule(Passage("x", "record", "So it is.\n\nAnswer: B", "Answer: C"), ASKED) == (
        "the chain of thought concludes B, the response C"
    )
    assert rule(Passage("x", "record", "So it is.\n\nAnswer: B", "Answer: B"), ASKED) is None
    assert rule(Passage("x", "record", "So it is.\n\nAnswer: B", None), ASKED) is None


def test_a_wrong_chain_is_not_against_the_key_as_a_record_would_be() -> None:
    assert PASSAGE_RULES["answer.against_key"](Passage("x", "chain", f"{WORDS}\n\nAnswer: C"), ASKED) is None


def test_a_chain_that_was_cut_is_truncated_whatever_its_end() -> None:
    assert PASSAGE_RULES["text.truncated"](Passage("x", "chain", "Answer: B.", truncated=True), ASKED)


def test_a_severe_step_of_a_record_and_steps_of_another_text_are_found() -> None:
    text = "Warfarin acts at once.\n\nAnswer: B"
    first, last = split_steps(text)
    fault = Step(*first, "error", "wrong_fact", "severe", "It takes days.")
    record = Passage("x#1", "record", text, steps=(fault, Step(*last, "ok")))
    severe, offsets = PASSAGE_RULES["steps.severe"], PASSAGE_RULES["steps.offsets"]
    assert severe(record, ASKED) == "step 1 is labelled a severe wrong_fact: It takes days."
    assert severe(record._replace(subject="chain"), ASKED) is None
    assert severe(record._replace(steps=(replace(fault, severity="minor"), Step(*last, "ok"))), ASKED) is None
    assert offsets(record, ASKED) is None
    assert offsets(record._replace(steps=()), ASKED) is None
    assert offsets(record._replace(chain=f"{text}."), ASKED) == "the last step ends at 33, and the text at 34"
    assert offsets(record._replace(steps=record.steps[1:]), ASKED)


def test_a_key_that_models_contradict_with_one_voice_is_disputed() -> None:
    rule = QUESTION_RULES["gold.disputed"]
    against = tuple(chain(answer=2, model=f"m{number % 2}") for number in range(6))
    assert rule(Case(ASKED, (), Story(ASKED, against)), NONE) == "votes: C 6"
    one_model = tuple(chain(answer=2, model="m") for _ in range(6))
    assert rule(Case(ASKED, (), Story(ASKED, one_model)), NONE) is None
    divided = (*against[:3], *(chain(answer=1) for _ in range(3)))
    assert rule(Case(ASKED, (), Story(ASKED, divided)), NONE) is None
    few = against[:2]
    assert rule(Case(ASKED, (), Story(ASKED, few)), NONE) is None
    keyless = question(answer=None)
    assert rule(Case(keyless, (), Story(keyless, against)), NONE) is None
    assert rule(Case(ASKED, disputed=True), NONE)


@pytest.mark.parametrize(
    ("license_", "rules"),
    [
        (None, {"license.missing", "license.not_allowed"}),
        ("  ", {"license.missing", "license.not_allowed"}),
        ("MIT", set()),
        ("mit", set()),
        ("Apache-2.0", {"license.not_allowed"}),
        ("Apache License 2.0", {"license.not_allowed"}),
        ("CC-BY-SA-4.0", {"license.not_allowed"}),
        ("cc-by-nc-4.0", {"license.noncommercial", "license.not_allowed"}),
        ("for research only", {"license.noncommercial", "license.unknown", "license.not_allowed"}),
        ("ask the author", {"license.unknown", "license.not_allowed"}),
        ("permitted", {"license.unknown", "license.not_allowed"}),
    ],
)
def test_licenses_are_told_apart(license_: str | None, rules: set[str]) -> None:
    case = Case(question(license=license_))
    wanted = frozenset({"mit"})
    assert {name for name, rule in QUESTION_RULES.items() if name.startswith("license") and rule(case, wanted)} == rules
    if license_:
        assert not QUESTION_RULES["license.not_allowed"](case, NONE)


@pytest.mark.parametrize(
    ("said", "words"), [("row", ", by its own row"), ("layout", ", by the layout of its file"), ("none", "")]
)
def test_a_license_is_shown_with_whoever_named_it(said: str, words: str) -> None:
    case = Case(question(license="cc-by-nc-4.0", license_source=said))
    assert QUESTION_RULES["license.noncommercial"](case, NONE) == f"license 'cc-by-nc-4.0'{words}"
