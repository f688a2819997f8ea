"""Replies that refuse, in eight languages, and clinical prose that does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reasonmed.screening.refusal import find_refusal
from support import WORDS

REFUSED = {
    "en": (
        "I’m not able to provide medical advice on this matter.",
        "Apologies, but I must decline to answer.",
        "I won't be able to help with this request.",
        "Insufficient information is provided to answer the question.",
        "I prefer not to answer.",
        "I'm sorry, but I can't help with that request. " + WORDS,
    ),
    "de": ("Es tut mir leid, ich kann diese Frage nicht beantworten.", "Bitte wenden Sie sich an einen Arzt."),
    "fr": ("Je ne peux pas fournir de conseils médicaux.", "Veuillez consulter un médecin."),
    "es": ("Lamento, no puedo proporcionar asesoramiento médico.", "Como IA no puedo dar consejos."),
    "pt": ("Desculpe, não posso ajudar com isso.", "Não posso fornecer aconselhamento médico."),
    "zh": ("很抱歉，我无法回答这个问题。", "作为一个AI语言模型，我无法提供医疗诊断。", "请 咨询 专业 医生 。"),
    "ja": ("申し訳ありませんが、その質問にはお答えできません。", "医師にご相談ください。"),
    "ko": ("죄송하지만 의료 조언을 제공할 수 없습니다.", "저는 AI로서 진단을 내릴 수 없습니다."),
}


@pytest.mark.parametrize(("language", "text"), [(name, text) for name, texts in REFUSED.items() for text in texts])
def test_a_refusal_is_found(language: str, text: str) -> None:
    assert find_refusal(text), language


@pytest.mark.parametrize(
    "text",
    [
        "The patient says she cannot give consent. Answer: B. Obtain it from the parents.",
        "I cannot rule out sepsis, so blood cultures come first.",
        "Tell the patient: \"I'm sorry, but I can't help with that.\" Answer: D.",
        "The most appropriate reply is 'I am not able to discuss this with you'. Answer: A",
        "There is insufficient evidence to recommend screening. The answer is E.",
        "The patient is unable to answer questions, which suggests aphasia.",
        "Leider ist die Prognose nicht gut; die Antwort ist B.",
        "残念ながら予後は不良である。答えはC。",
        f"{WORDS} The family should consult a physician.",
    ],
)
def test_clinical_prose_is_no_refusal(text: str) -> None:
    assert find_refusal(text) is None


def test_a_recipe_adds_phrases() -> None:
    text = "Ez a kérdés kívül esik a hatáskörömön."
    assert find_refusal(text) is None
    assert find_refusal(text, ("kívül esik a hatáskörömön",))


def test_refusals_of_public_reports_are_told_from_clinical_prose(shared: Path) -> None:
    rows = map(json.loads, (shared / "cases" / "refusal.jsonl").read_text(encoding="utf-8").splitlines())
    assert [row["input"] for row in rows if bool(find_refusal(row["input"])) != row["expected"]] == []
