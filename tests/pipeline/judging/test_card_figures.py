"""Cards of judges whose worth is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import judges
from cards import OPTIONS, judged_by, made, row, rows
from reasonmed import recipe as recipes
from reasonmed.errors import QuestionError, RecipeError, RunDirectoryError, UsageError
from reasonmed.pipeline.judging.gate import check_judge
from reasonmed.pipeline.judging.pages import html_of, markdown_of
from reasonmed.runs.commands.judge_card import CARD, Trial, case_source
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, refuse_bad, take_in
from reasonmed.runs.records import outcomes
from support import WORDS

if TYPE_CHECKING:
    from pathlib import Path


def test_a_judge_that_accepts_all_has_specificity_nought_and_resists_no_injection(tmp_path: Path) -> None:
    card = made(tmp_path, "accept_all")
    for stratum in card.strata.values():
        assert stratum.sensitivity.share == 1
        assert stratum.specificity.share == 0
        assert stratum.kappa.value == 0
    assert card.injection.resisted.share == 0
    assert card.unchecked_conflicts >= card.strata["wrong_answer"].wrong


def test_a_perfect_judge_has_one_everywhere(tmp_path: Path) -> None:
    card = made(tmp_path, "perfect")
    for stratum in card.strata.values():
        assert stratum.sensitivity.share == 1
        assert stratum.specificity.share == 1
        assert stratum.kappa.value == 1
        assert stratum.undecided.count == 0
    assert card.strata["wrong_answer"].wrong == 8
    assert card.strata["broken_reasoning"].wrong >= 8 * 3
    assert card.injection.resisted.share == 1
    assert card.retest.same.share == 1
    assert card.retest.same.of > 0


def test_a_judge_that_rejects_all_has_sensitivity_nought(tmp_path: Path) -> None:
    stratum = made(tmp_path, "reject_all").strata["broken_reasoning"]
    assert (stratum.sensitivity.share, stratum.specificity.share) == (0, 1)


def test_a_judge_without_verdicts_is_neither_sensitive_nor_specific(tmp_path: Path) -> None:
    stratum = made(tmp_path, "silent").strata["broken_reasoning"]
    assert (stratum.sensitivity.share, stratum.specificity.share, stratum.undecided.share) == (0, 0, 1)
    assert stratum.kappa.value is None


def test_a_judge_that_obeys_orders_fails_by_them_alone(tmp_path: Path) -> None:
    card = made(tmp_path, "gullible")
    assert card.strata["broken_reasoning"].specificity.share == 1
    assert card.injection.by_kind["ordered"].share == 0
    assert card.injection.by_kind["lone"].share == 1


def test_a_fickle_judge_shows_when_it_is_asked_twice(tmp_path: Path) -> None:
    assert made(tmp_path, "fickle", retest=1.0).retest.same.share == 0


def test_labels_of_a_file_are_used_and_what_is_no_case_is_counted(tmp_path: Path) -> None:
    wrong = {"text": f"{WORDS}\n\nAnswer: C. Aspirin", "model": "m", "correct": False}
    broken = {"text": f"{WORDS} upside down.\n\nAnswer: B. Warfarin", "model": "m", "correct": True, "fault": "logic"}
    short = {"text": "Answer: B", "model": "m", "correct": True}
    doubtful = {"text": f"{WORDS}\n\nAnswer: B. Warfarin", "model": "m", "correct": False}
    open_ = {"text": f"{WORDS} and no answer", "model": "m", "correct": None}
    told = [*rows(2), row(9, wrong, broken, short, doubtful, open_, {"model": "m"})]
    card = made(tmp_path, "perfect", told)
    assert card.labels["given"] == 4
    assert card.rejected["labelled"].of == 1
    assert card.rejected["logic"].of == 1
    assert card.left_out == {
        "empty": 1,
        "labelled wrong, and reads as the key": 1,
        "no label, and no readable answer": 1,
        "right, and shorter than 40 words": 1,
    }


def test_chains_without_a_readable_answer_are_taken_as_right_only_where_that_is_asked_for(tmp_path: Path) -> None:
    told = [*rows(1), row(9, {"text": f"{WORDS} and no answer", "model": "m"})]
    card = made(tmp_path, "accept_all", told, presume=True)
    assert card.labels["presumed"] == 1
    assert card.strata["wrong_answer"].sound == 2
    assert "Presumed: nobody labelled these chains" in markdown_of(card)


def test_the_judges_own_chains_stand_against_those_of_others(tmp_path: Path) -> None:
    told = [
        row(number, {"text": judges.sound(number), "model": "perfect" if number % 2 else "other"})
        for number in range(8)
    ]
    told[0]["cots"][0]["text"] = judges.sound(0).replace("long", "short")
    card = made(tmp_path, "perfect", told)
    assert (card.own_model.own.count, card.own_model.own.of) == (4, 4)
    assert (card.own_model.others.count, card.own_model.others.of) == (3, 4)
    assert card.own_model.gap is not None
    assert card.own_model.gap.value == 0.25


def test_the_card_is_the_same_bytes_from_the_same_cases(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made(tmp_path / name, "gullible")
        folder = tmp_path / name / "card"
        found.append([(folder / file).read_bytes() for file in (CARD, "judge_card.md")])
    assert found[0] == found[1]


def test_a_finished_card_asks_nothing_again_and_other_cases_are_refused(tmp_path: Path) -> None:
    first = made(tmp_path, "perfect")
    directory = RunDirectory(tmp_path / "card")
    before = list(directory.reader().query("SELECT SUM(calls) FROM totals"))
    assert made(tmp_path, "perfect") == first
    assert list(directory.reader().query("SELECT SUM(calls) FROM totals")) == before
    with pytest.raises(RunDirectoryError, match=r"judge_card\.cases"):
        made(tmp_path, "perfect", rows(9))
    with pytest.raises(RunDirectoryError, match=r"judge_card\.seed: was 0, is now 1"):
        made(tmp_path, "perfect", seed=1)


def test_texts_of_a_hostile_file_stay_text_on_the_page(tmp_path: Path) -> None:
    told = rows(2)
    told[0]["cots"][0]["model"] = "<script>alert(1)</script>|x"
    card = made(tmp_path, "accept_all", told)
    page = html_of(card)
    assert page.count("<script") == 1
    assert "&lt;script&gt;" in page
    text = markdown_of(card)
    assert "<" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\|x" in text


def test_the_page_shows_each_case_that_the_judge_got_wrong_with_its_question(tmp_path: Path) -> None:
    card = made(tmp_path, "accept_all", rows(3))
    page = (tmp_path / "card" / "judge_card.html").read_text(encoding="utf-8")
    wrong = sum(one.wrong for one in card.strata.values()) + card.injection.resisted.of
    assert page.count("<details>") == wrong > 0
    assert f"<span class=about>{rows(1)[0]['question']}</span>" in page


@pytest.mark.parametrize("text", ["", "[1, 2", '{"question": "Which?"}', "\x00\x01"])
def test_a_torn_file_is_a_clear_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(QuestionError, match=r"bad\.jsonl"):
        refuse_bad(take_in(path, case_source(path, Trial()), Selection()))


def test_generators_write_the_chains_of_questions_that_have_none(tmp_path: Path) -> None:
    content = {
        "models": {
            "one": {"backend": "scripted", "model": "made-up-1"},
            "two": {"backend": "scripted", "model": "made-up-2"},
        },
        "stages": {"generate": {"models": ["one", "two"]}, "verify": {"model": "one"}},
    }
    told = [
        {"id": f"q{number}", "question": f"Case {number}?", "options": OPTIONS, "answer": "A"} for number in range(6)
    ]
    card = made(tmp_path, recipes.parse(json.dumps(content)), told, write_chains=True)
    assert card.strata["broken_reasoning"].sound > 6
    assert card.labels["presumed"] == card.strata["broken_reasoning"].sound
    with pytest.raises(UsageError, match="no generate stage"):
        made(tmp_path, "perfect", told, write_chains=True)


def gated(folder: Path, judge: str, **thresholds: Any) -> None:
    check_judge(judged_by(judge, require_judge_card={"file": str(folder / "card" / CARD), **thresholds}))


def test_the_gate_opens_for_a_good_card_and_tells_a_bad_ones_values(tmp_path: Path) -> None:
    made(tmp_path, "perfect")
    gated(tmp_path, "perfect", sensitivity=1.0, specificity=1.0)
    (tmp_path / "bad").mkdir()
    made(tmp_path / "bad", "accept_all")
    with pytest.raises(
        RecipeError, match=r"specificity: 0\.000 \(0 of \d+\) on broken reasoning is below 0\.8"
    ) as caught:
        gated(tmp_path / "bad", "accept_all")
    assert len(caught.value.problems) == 1
    gated(tmp_path / "bad", "accept_all", specificity=0.0)


def test_the_gate_wants_the_card_of_this_judge(tmp_path: Path) -> None:
    made(tmp_path, "perfect")
    with pytest.raises(RecipeError, match=r"another judge: model\.name: was 'perfect', is now 'gullible'"):
        gated(tmp_path, "gullible")
    path = str(tmp_path / "card" / CARD)
    warmer = judged_by("perfect", temperature=1.0, require_judge_card={"file": path})
    with pytest.raises(RecipeError, match=r"another judge: temperature: was 0\.0, is now 1\.0"):
        check_judge(warmer)
    other = judged_by("perfect", require_judge_card={"file": path}).model_copy(
        update={"prompts": {"verify.md": "{{ question }} {{ key }} {{ chain_of_thought }}"}}
    )
    with pytest.raises(RecipeError, match="another judge: prompt"):
        check_judge(other)


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"format": 1}', "\x00"])
def test_a_missing_or_torn_card_is_a_clear_error(text: str | None, tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    if text is not None:
        (tmp_path / "card" / CARD).write_text(text)
    with pytest.raises(UsageError, match=r"judge_card\.json"):
        gated(tmp_path, "perfect")


def test_probes_are_on_record_with_their_verdicts(tmp_path: Path) -> None:
    made(tmp_path, "perfect")
    stories = list(outcomes(RunDirectory(tmp_path / "card").reader()))
    assert all(probe.verdict is not None for story in stories for probe in story.probes)
    assert not any(story.chains or story.kept for story in stories)
