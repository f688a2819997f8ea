"""What a card tells of judges of steps whose worth is known."""

from __future__ import annotations

import json
from math import comb
from typing import TYPE_CHECKING, Any

import pytest

import judges
from cards import judged_by, made, rows
from reasonmed import recipe as recipes
from reasonmed.errors import RecipeError
from reasonmed.parsing.step_labels import TYPES
from reasonmed.parsing.steps import split_steps
from reasonmed.pipeline.judging.cases import case, labelled, mutants
from reasonmed.pipeline.judging.gate import check_judge, read_card
from reasonmed.pipeline.judging.mutations import ANSWER, REASONING, Source, dice_for
from reasonmed.pipeline.judging.pages import html_of, markdown_of
from reasonmed.pipeline.judging.steps import agreement
from reasonmed.runs.commands.judge_card import CARD
from reasonmed.types import Opinion, Probe, Question, Step, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.pipeline.judging.card import Card
    from reasonmed.pipeline.judging.steps import StepCard
    from reasonmed.recipe.options import Recipe

CASE = Question("q1", "A 45-year-old man has pain in the left flank. Which drug?", ("Calcium", "Furosemide"), 0)
TEXT = (
    "The 45-year-old man, 45 years of age, has pain in the left flank. Calcium suggests itself.\n\n"
    "Furosemide acts slowly on the left kidney.\n\nAnswer: A. Calcium"
)


class Cards:
    """The cards of judges, each made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[str, Card] = {}

    def of(self, judge: str, count: int = 4) -> Card:
        """The card of a judge; of a finder with a second judge where two are named, with a plus between them."""
        if judge not in self._made:
            (self.folder / judge).mkdir()
            chosen = two_judges(*judge.split("+")) if "+" in judge else judged_by(judge, steps=True)
            self._made[judge] = made(self.folder / judge, chosen, rows(count), retest=0.0)
        return self._made[judge]

    def steps(self, judge: str, count: int = 4) -> StepCard:
        found = self.of(judge, count).steps
        assert found is not None
        return found


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Cards:
    return Cards(tmp_path_factory.mktemp("cards"))


@pytest.mark.parametrize("seed", range(10))
def test_every_mutation_that_changes_a_place_says_which_characters_it_put_there(seed: int) -> None:
    puts = {"wrong_number": {"90", "22"}, "negated_step": {"rules out"}, "swapped_side": {"right"}}
    for name, words in puts.items():
        found = REASONING[name](Source(CASE, TEXT), dice_for(seed, name))
        assert found is not None
        assert {found.text[start:end] for start, end in found.spans} <= words
        assert len(found.spans) in {"wrong_number": (1, 2), "negated_step": (1,), "swapped_side": (2,)}[name]
        assert found.fault in TYPES
    concluded = ANSWER["wrong_option"](Source(CASE, TEXT), dice_for(seed))
    assert concluded is not None
    assert [concluded.text[start:end] for start, end in concluded.spans] == ["Answer: B. Furosemide"]
    for name in ("only_conclusion", "foreign_reasoning"):
        placeless = REASONING[name](Source(CASE, TEXT + " word" * 60, "Other reasoning."), dice_for(seed))
        assert placeless is not None
        assert placeless.spans == ()
        assert placeless.fault in TYPES


def test_a_judge_that_finds_every_planted_place_has_one_everywhere_and_no_alarm(cards: Cards) -> None:
    found = cards.steps("finder")
    assert found.found.at_step.share == found.found.first.share == 1
    assert found.sensitivity.share == found.specificity.share == found.labelled.share == 1
    assert found.alarms.per_chain.value == 0
    assert 0 < found.alarms.per_chain.high < 1
    assert found.alarms.chains.count == 0
    assert found.alarms.chains.of == 4
    located = {kind for kind, one in found.by_kind.items() if one.at_step.of}
    assert located == {"wrong_option", "wrong_number", "negated_step"}
    assert found.by_kind["only_conclusion"].at_step.share is None
    assert found.by_kind["only_conclusion"].anywhere.of == 4
    assert found.found.anywhere.of == sum(
        one.anywhere.of for kind, one in found.by_kind.items() if kind != "wrong_option"
    )
    assert list(found.by_type) == ["misread_finding", "wrong_inference", "premature_conclusion", "irrelevant"]
    assert found.by_type["misread_finding"].at_step == found.by_kind["wrong_number"].at_step


def test_a_judge_that_flags_everything_finds_all_by_chance_and_has_an_alarm_a_step(cards: Cards) -> None:
    found = cards.steps("flags_all")
    assert found.found.at_step.share == found.found.by_chance == 1
    assert found.found.first.share is not None
    assert found.found.first.share < 1
    assert found.specificity.share == 0
    assert found.alarms.chains.share == 1
    lengths = [len(split_steps(judges.sound(number))) for number in range(4)]
    assert found.alarms.per_chain.value == pytest.approx(sum(lengths) / 4)


def test_a_judge_that_flags_nothing_finds_nothing(cards: Cards) -> None:
    found = cards.steps("flags_none")
    assert (found.found.anywhere.share, found.found.at_step.share, found.found.by_chance) == (0, 0, 0)
    assert (found.sensitivity.share, found.specificity.share) == (0, 1)


def test_a_judge_that_flags_a_random_step_finds_as_much_as_chance(cards: Cards) -> None:
    found = cards.steps("flags_one", 15).found
    assert found.anywhere.share == 1
    assert found.by_chance == pytest.approx(by_chance(15))
    assert found.at_step.low < by_chance(15) < found.at_step.high
    assert found.at_step == found.first


def by_chance(count: int) -> float:
    """The share of broken chains with a place in which one random step holds the fault, from the mutants themselves."""
    shares = []
    other: str | None = None
    for told in rows(count):
        question = Question(told["id"], told["question"], tuple(told["options"]), 1)
        sound = case(question, labelled(told["cots"][0]), presume=False)
        assert isinstance(sound, Probe)
        for one in mutants(question, sound, 0, other):
            if one.stratum == "broken_reasoning" and one.spans:
                spans = split_steps(one.text)
                hit = sum(any(s.start < end and start < s.end for start, end in one.spans) for s in spans)
                shares.append(1 - comb(len(spans) - hit, 1) / len(spans))
        other = sound.text
    return sum(shares) / len(shares)


def test_a_flag_before_the_planted_place_is_found_at_the_step_and_not_first(cards: Cards) -> None:
    found = cards.steps("late")
    assert found.found.at_step.share == 1
    assert found.by_kind["wrong_option"].first.share == 0
    assert found.alarms.per_chain.value == 1


def test_a_judge_that_labels_no_steps_or_gives_no_usable_labels_has_no_figures_of_steps(tmp_path: Path) -> None:
    assert made(tmp_path, judged_by("silent", steps=True), rows(1)).steps is None


def two_judges(first: str, second: str) -> Recipe:
    entries = {name: {"backend": "scripted", "model": name, "function": f"judges:{name}"} for name in (first, second)}
    stages = {"verify": {"model": first, "second_judge": second, "steps": True}}
    return recipes.parse(json.dumps({"models": entries, "stages": stages}))


def test_a_second_judge_labels_the_same_chains_and_their_agreement_is_told(cards: Cards) -> None:
    found = cards.steps("finder+late").second
    assert found is not None
    assert found.judges == ("finder", "late")
    assert found.ok.value is not None
    assert 0.2 < found.ok.low < found.ok.value < found.ok.high < 0.95
    assert found.labels == found.ok
    assert found.chains > 4
    assert cards.steps("finder").second is None


def verdict_with(first: str, second: str) -> Verdict:
    """A verdict and a second one on as many steps as there are letters: o for ok, e for error, u for unsupported."""
    names: dict[str, Any] = {"o": "ok", "e": "error", "u": "unsupported"}
    one, two = (tuple(Step(at, at + 1, names[mark]) for at, mark in enumerate(marks)) for marks in (first, second))
    return Verdict("correct", judge="a", steps=one, opinions=(Opinion("second", "correct", model="b", steps=two),))


def test_agreement_over_three_labels_and_over_two_is_that_of_the_steps_that_both_judged() -> None:
    judged = [("q1", verdict_with("oooe", "ooou")), ("q2", verdict_with("oeuo", "oeuo")), ("q3", None)]
    found = agreement([*judged, ("q3", Verdict("correct", judge="a", steps=(Step(0, 1, "ok"),)))])
    assert found is not None
    assert (found.chains, found.steps) == (2, 8)
    assert found.ok.value == 1
    assert found.labels.value is not None
    assert 0.5 < found.labels.value < 1
    assert agreement([("q3", None)]) is None


def gated(cards: Cards, judge: str, **thresholds: Any) -> None:
    path = cards.folder / judge / "card" / CARD
    wanted = {"file": str(path), "specificity": 0.0, "sensitivity": 0.0, **thresholds}
    check_judge(judged_by(judge, steps=True, require_judge_card=wanted))


def test_the_gate_asks_for_faults_at_the_right_step_and_for_few_false_alarms(cards: Cards) -> None:
    for judge in ("finder", "flags_all", "flags_none"):
        cards.of(judge)
    gated(cards, "finder", step_sensitivity=1.0, step_false_alarms=0.0)
    with pytest.raises(RecipeError, match=r"step_false_alarms: \d\.\d{3} flagged steps in a sound chain is above 0\.5"):
        gated(cards, "flags_all", step_sensitivity=1.0, step_false_alarms=0.5)
    with pytest.raises(RecipeError, match=r"step_sensitivity: 0\.000 \(0 of \d+\) found at the right step is below"):
        gated(cards, "flags_none", step_sensitivity=0.6, step_false_alarms=0.0)
    gated(cards, "flags_none")


def test_a_card_from_before_there_were_steps_is_read_and_is_not_enough_for_a_run_with_steps(cards: Cards) -> None:
    cards.of("flags_none")
    path = cards.folder / "flags_none" / "card" / CARD
    whole = path.read_bytes()
    told = json.loads(whole)
    del told["steps"]
    path.write_text(json.dumps(told))
    old = read_card(path)
    assert old.steps is None
    assert "Faulty steps" not in markdown_of(old)
    with pytest.raises(RecipeError, match=r"the card has no figures on steps, and stages\.verify\.steps is true"):
        gated(cards, "flags_none")
    path.write_bytes(whole)


def test_thresholds_of_steps_need_a_judge_of_steps() -> None:
    for steps in (False, "kept"):
        with pytest.raises(RecipeError, match=r"step_sensitivity is about a judge of steps: set stages\.verify\.steps"):
            judged_by("perfect", steps=steps, require_judge_card={"file": "card.json", "step_sensitivity": 0.5})


def test_the_page_shows_steps_with_a_plot_and_the_second_judge(cards: Cards) -> None:
    text, page = markdown_of(cards.of("finder+late")), html_of(cards.of("finder+late"))
    for said in ("## Faulty steps", "| at the right step |", "| false alarms per sound chain |", "Krippendorff"):
        assert said in text
    assert "Planted faults found" in page or "pip install" in page
