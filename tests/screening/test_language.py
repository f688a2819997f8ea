"""The language of a text, told by script and commonest words, and texts that leave the question's."""

from __future__ import annotations

import pytest

from reasonmed.screening.language import language_of, other_language

ASKED = "Which of these drugs is the best for a woman with a clot in the calf?"
GERMAN = "Welches dieser Mittel ist für eine Frau mit einem Gerinnsel in der Wade nicht geeignet und warum?"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ASKED, "English"),
        (GERMAN, "German"),
        (
            "La heparina se une a la antitrombina y no cruza la placenta, por lo que es la mejor para la madre.",
            "Spanish",
        ),
        ("L'héparine est la meilleure pour la mère et elle ne passe pas le placenta dans ce cas.", "French"),
        ("肝素不通过胎盘，因此适合孕妇。", "Chinese"),
        ("ヘパリンは胎盤を通過しないので妊婦に適している。", "Japanese"),
        ("헤파린은 태반을 통과하지 않으므로 임산부에게 적합합니다.", "Korean"),
        ("Na+ 140, K+ 4.1, Cl- 100", None),
    ],
)
def test_a_language_is_told_or_left_open(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_a_text_in_the_questions_own_language_is_none_of_another() -> None:
    assert other_language(GERMAN, GERMAN) is None
    assert other_language(ASKED, ASKED) is None
    assert other_language(GERMAN, ASKED) == "it is in German, and the question in English"
    assert other_language(ASKED, GERMAN) == "it is in English, and the question in German"
