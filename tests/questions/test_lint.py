"""What a person is told of a question file before money is spent on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from question_files import found, row, the_question, write_bytes, write_lines
from typer.testing import CliRunner

from reasonmed.cli import app
from reasonmed.errors import UsageError
from reasonmed.questions import Settings
from reasonmed.questions._lint import Lint, lint, write_native

if TYPE_CHECKING:
    from pathlib import Path


def linted(folder: Path, *rows: dict[str, Any], most: int = 20) -> Lint:
    return lint(write_lines(folder / "f.jsonl", rows), Settings(), most)


def test_questions_bad_rows_options_and_keys_are_counted(tmp_path: Path) -> None:
    rows = [row(id=f"q{number}", question=f"{number}?") for number in range(3)]
    more = [row(question="Two?", options=["x", "y"], answer=None), row(options=["x"]), row(answer="none")]
    told = linted(tmp_path, *rows, *more)
    assert (told.good, told.bad) == (4, 2)
    assert told.sizes == {2: 1, 3: 3}
    assert told.keys == {"B": 3, "none": 1}
    assert {rule: findings.count for rule, findings in told.findings.items()} == {"no key": 1, "bad row": 2}


def test_no_more_examples_are_kept_than_asked_for_but_all_are_counted(tmp_path: Path) -> None:
    told = linted(tmp_path, row(), *[row(options=[number]) for number in range(30)], most=20).findings["bad row"]
    assert (told.count, len(told.examples)) == (30, 20)
    assert told.examples[0].endswith("f.jsonl:2: options: must be 2 to 26, not 1: [0]")


def test_an_id_that_stands_twice_is_a_bad_row_as_it_is_for_a_run(tmp_path: Path) -> None:
    told = linted(tmp_path, row(id="a"), row(id="a", question="Another?"))
    assert (told.good, told.bad) == (1, 1)
    assert told.findings["bad row"].examples == [f"{tmp_path / 'f.jsonl'}:2: id: 'a' stands twice, first on line 1"]


def test_the_same_question_under_another_id_is_found_also_with_other_spaces_case_and_order(tmp_path: Path) -> None:
    options = ["Aspirin", "Heparin", "Warfarin"]
    told = linted(
        tmp_path,
        row(id="a"),
        row(id="b", question="which  DRUG?", options=options),
        row(id="c", context="A trial."),
        row(id="d", question="Which drugs?"),
    )
    assert told.findings["same question as another"].examples == ["b: same as a"]


def test_equal_options_are_found_also_if_only_their_case_differs(tmp_path: Path) -> None:
    told = linted(tmp_path, row(id="a", options=["Iron", "Zinc", "iron"], answer="Zinc"), row(id="b"))
    assert told.findings["equal options"].examples == ["a: A and C: 'Iron'"]


@pytest.mark.parametrize(
    "stem",
    [
        "The ECG is shown below. What is the diagnosis?",
        "Which sign does the radiograph of the chest below show?",
        "Refer to Figure 2. Which nerve is it?",
        "See the image. Which nerve is it?",
    ],
)
def test_a_question_that_needs_an_image_is_found(tmp_path: Path, stem: str) -> None:
    assert linted(tmp_path, row(question=stem)).findings["needs an image?"].count == 1


@pytest.mark.parametrize("stem", ["An x-ray shows a fracture. What now?", "Which imaging is best?", "What figures?"])
def test_a_question_that_only_speaks_of_images_is_not_blamed(tmp_path: Path, stem: str) -> None:
    assert not linted(tmp_path, row(question=stem)).findings


def test_the_converted_file_holds_the_good_rows_and_reads_the_same(tmp_path: Path) -> None:
    medqa = {
        "question": "Which?",
        "options": {"A": "8", "B": "4"},
        "answer": "4",
        "answer_idx": "B",
        "meta_info": "step1",
    }
    path = write_lines(tmp_path / "medqa.jsonl", [medqa, {**medqa, "answer_idx": "A"}, {**medqa, "question": "Next?"}])
    target = tmp_path / "folder" / "native.jsonl"
    assert write_native(path, Settings(), target) == 2
    assert found(target) == (found(path)[0], [])


def test_the_command_reports_converts_and_says_by_its_exit_that_rows_are_bad(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "mine.csv", 'Stem,Choices,Key\nWhich?,"[""x"", ""y""]",y\nWhat?,"[""x""]",x\n')
    target = tmp_path / "mine.jsonl"
    names = ["--map", "question=Stem, answer=Key ,options=Choices"]
    done = CliRunner().invoke(app, ["questions", str(path), *names, "-o", str(target)])
    assert done.exit_code == 2
    assert "1 questions, 1 bad rows" in " ".join(done.stdout.split())
    assert "keys: B 1" in done.stdout
    assert the_question(target).answer == 1
    again = CliRunner().invoke(app, ["questions", str(target)])
    assert again.exit_code == 0
    kept = CliRunner().invoke(app, ["questions", str(path), *names, "-o", str(target)])
    assert isinstance(kept.exception, UsageError)
    folder = CliRunner().invoke(app, ["questions", str(target), "-o", str(tmp_path), "--force"])
    assert isinstance(folder.exception, UsageError)
    replaced = CliRunner().invoke(app, ["questions", str(target), "-o", str(target), "--force"])
    assert replaced.exit_code == 0
    assert the_question(target).answer == 1


@pytest.mark.parametrize(
    "names", ["Stem", "question", "question=", "stem=Stem", "question=Stem,,", "question=a,question=b", ""]
)
def test_a_wrong_map_is_a_usage_error(tmp_path: Path, names: str) -> None:
    path = write_lines(tmp_path / "f.jsonl", [row()])
    done = CliRunner().invoke(app, ["questions", str(path), "--map", names])
    assert isinstance(done.exception, UsageError)
    assert "--map" in str(done.exception)


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    bad = json.dumps(row(answer="x\x1b[2Jy"))
    path = write_bytes(tmp_path / "f.jsonl", bad + '\n{"\x1b[2J')
    done = CliRunner().invoke(app, ["questions", str(path)])
    assert done.exit_code == 2
    assert "\x1b" not in done.stdout


ODD = {
    "needs an image?": (
        "Which vessel does the arrow show in Figure 3?",
        "Welche Diagnose zeigt die nebenstehende Abbildung?",
        "Que montre la figure ci-dessous ?",
        "¿Qué se observa en la imagen?",
        "Qual é a lesão na figura a seguir?",
        "如图所示,最可能的诊断是?",
        "写真を示す。診断はどれか。",
        "다음 사진과 같은 병변은?",
    ),
    "asks for several answers": (
        "Which are signs of shock? Select all that apply.",
        "Welche Zeichen passen? (Mehrfachauswahl)",
        "Cochez la ou les réponses exactes.",
        "Marque todas las correctas.",
        "正しいのはどれか。2つ選べ。",
        "옳은 것을 모두 고르시오.",
    ),
    "hangs on another question": (
        "In the previous question, which drug is next?",
        "Welches Mittel hilft dem Patienten der vorigen Frage?",
        "Según la pregunta anterior, ¿qué sigue?",
    ),
    "gives its key?": ("Which drug? (Answer: B)", "Welches Mittel? Lösung: B", "选哪个?答案:B"),
    "HTML in the text": ("Which drug lowers CO&#8322;?", "Is it &lt;5?", "Which<br>drug?"),
    "letters of a wrong encoding": ("Welche GrÃ¶ÃŸe?", "at 37 Â°C?", "the patientâ€™s drug?", "caf\ufffd?"),
    "the stem lists the options": ("Which? A. Heparin B. Warfarin C. Aspirin", "Which of Heparin, Warfarin, Aspirin?"),
    "the key's words are in the stem": ("Who needs a loop diuretic at night?",),
}


@pytest.mark.parametrize(("rule", "stem"), [(rule, stem) for rule, stems in ODD.items() for stem in stems])
def test_what_is_odd_about_a_stem_is_found_and_nothing_else(tmp_path: Path, rule: str, stem: str) -> None:
    options = {"options": ["loop diuretic", "thiazides"], "answer": "A"} if "key's" in rule else {}
    assert [*linted(tmp_path, row(question=stem, **options)).findings] == [rule]


@pytest.mark.parametrize(
    "stem",
    [
        "Laboratory values are shown below.\n\nNa+: 139\nK+: 4\nWhat now?",
        "He answers all questions; all applied creams failed. Which drug?",
        "Key findings: A murmur and a rash. Which drug?",
        "Sofort nach der Antwort: Übelkeit. Welches Mittel?",
    ],
)
def test_a_stem_that_only_sounds_odd_is_not_blamed(tmp_path: Path, stem: str) -> None:
    assert not linted(tmp_path, row(question=stem)).findings


def test_an_option_that_a_program_left_empty_is_found(tmp_path: Path) -> None:
    told = linted(tmp_path, row(options=["Heparin", "NaN", "None"], answer="A"))
    assert [*told.findings] == ["an option that says nothing"]


def test_a_stray_quotation_mark_is_taken_off_and_counted_and_inches_stay(tmp_path: Path) -> None:
    told = [row(id="a", question='Which drug?"'), row(id="b", question="Who is 5'10\""), row(id="c", question='"Oh"?')]
    told.append(row(id="d", options=["Heparin", 'Warfarin\n"'], answer='Warfarin\n"'))
    good, bad = found(write_lines(tmp_path / "g.jsonl", told))
    assert not bad
    assert [one.stem for one in good] == ["Which drug?", "Who is 5'10\"", '"Oh"?', "Which drug?"]
    assert (good[3].options, good[3].answer) == (("Heparin", "Warfarin"), 1)
    assert linted(tmp_path, *told).findings["a stray quotation mark, taken off"].count == 2
