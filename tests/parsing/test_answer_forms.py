"""Endings that are nothing but an answer, by language; what only looks like one is never read."""

from __future__ import annotations

import pytest

from reasonmed.parsing.answer import parse_answer

OPTIONS = ("Morphine", "Naloxone", "Codeine", "Fentanyl")
B = 1

ENDINGS = {
    "en": (
        "It has to be B.",
        "We choose B",
        "The correct response is B.",
        "Answer B",
        "Only B remains.",
        "Ans) B",
        "Thus the right one is B.",
    ),
    "de": (
        "Richtig ist B.",
        "Somit ist Antwort B richtig.",
        "Die Lösung ist B.",
        "Ich wähle B.",
        "Fazit: B. Naloxone",
        "Antwort B ist korrekt.",
    ),
    "fr": (
        "L'option B est correcte.",
        "C'est donc B.",
        "La bonne réponse est donc l'option B.",
        "Je choisis B.",
        "La proposition exacte est B.",
    ),
    "es": ("La opción correcta es la B.", "Por tanto, B.", "La B es la correcta.", "Elijo B.", "Solución: B"),
    "pt": (
        "A alternativa correta é a letra B.",
        "Gabarito: B",
        "Letra B.",
        "A opção B está correta.",
        "Logo, a resposta é a alternativa B.",
    ),
    "zh": ("综上，选B。", "B选项正确。", "故本题选Ｂ。", "正确的是B。", "所以正确答案是选项B。", "我选择B。"),
    "ja": ("よって、Bが正解です。", "正答：B", "正しいのはBです。", "選択肢Bが正解です。", "したがって、Bを選びます。"),
    "ko": ("B가 정답입니다.", "정답 B", "따라서 B를 선택합니다.", "결론: B", "선택지 B가 정답이다."),
    "signs": ("=> B", "→ B", "✅ B. Naloxone", "B ✓", "#### B", "<choice>B</choice>", "##B##"),
    "latex": (
        r"\fbox{B}",
        r"\boxed{\textcolor{red}{B}}",
        r"\boxed{\left(B\right)}",
        r"Answer: \[B\]",
        r"\boxed{\large B}",
        r"\boxed{\bf B}",
    ),
    "json": (
        '{"answer": "B"}',
        '```json\n{"reason": "x", "final_answer": "B. Naloxone"}\n```',
        '{"choice": ["B"]}',
        "{'option': '(B)'}",
        '{"answer": {"letter": "B", "text": "Naloxone"}}',
    ),
    "corrected": (
        "Answer: A → B",
        "Answer: A (no, B)",
        "Answer: A; I change my answer to B.",
        "Antwort: A. Nein, doch: B.",
        "The answer is A... actually, B.",
    ),
}


@pytest.mark.parametrize(("language", "ending"), [(name, one) for name, several in ENDINGS.items() for one in several])
def test_an_ending_that_is_nothing_but_an_answer_is_read(language: str, ending: str) -> None:
    found = parse_answer(f"The pupils are small and the breathing is slow.\n\n{ending}", OPTIONS)
    assert found is not None
    assert found.option == B


@pytest.mark.parametrize(
    "ending",
    [
        "L'option B n'est pas correcte.", "Option B ist nicht richtig.", "A opção B não está correta.", "La B no es la correcta.",
        "B选项不正确。", "正解はBではない。", "정답은 B가 아닙니다.", "B가 정답이 아닙니다.", "错误的是B。", "正しくないのはB", "틀린 것은 B입니다.",
        "La opción incorrecta es B.", "Die falsche Antwort ist B.", "Falsch ist B.", "Vielleicht ist B richtig.", "也许答案是B吧？", "Ist B richtig?",
        "B oder C ist richtig.", "B和C都正确。", "BとCが正解です。", "B와 C가 정답입니다.", "Si fuera un niño, la respuesta es B.",
        '{"answer": "B or C"}', '{"answer": "B", "choice": "C"}', '{"answer": "A", "answer": "B"}', '{"answer": "B. Codeine"}',
        '{"wrong_answer": "B"}', "A → B", "❌ B", "B ✗", "Vitamin: B", "Hepatitis B", "The correct answer to the previous question is B.",
        "Answer: B?", "Answer: A. Or maybe B.",
    ],
)  # fmt: skip
def test_an_ending_that_denies_doubts_or_asks_is_not_read(ending: str) -> None:
    assert parse_answer(f"The pupils are small and the breathing is slow.\n\n{ending}", OPTIONS) is None


def test_an_ending_that_contradicts_the_text_above_is_not_read_unless_it_corrects_it() -> None:
    assert parse_answer("Answer: A\n\nRichtig ist B.", OPTIONS) is None
    corrected = parse_answer("Answer: A\nEdit: C", OPTIONS)
    assert corrected is not None
    assert corrected.option == 2
