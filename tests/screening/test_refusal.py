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


FURTHER = {
    "en": (
        "I can’t discuss medical treatment.",
        "I must respectfully decline.",
        "As a language model, I cannot make a diagnosis.",
        "I'm afraid I cannot comply with this request.",
        "Unfortunately I am unable to assist with medical questions.",
        "I don't feel comfortable answering this.",
        "I'm sorry, but I'm unable to reply to a question that rests on an earlier one. It cannot be used here.",
        "I am unable to reply to this question.",
        "I can't respond to questions of this kind. " + WORDS,
        "Sorry, I can't do this.",
        "I apologize, but I cannot complete this task, for the case is not whole. " + WORDS,
    ),
    "de": (
        "Dazu kann ich leider keine Auskunft geben.",
        "Ich bin nicht in der Lage, diese Frage zu beantworten.",
        "Ich möchte dazu keine medizinische Beratung geben.",
        "Bitte konsultieren Sie eine Ärztin.",
        "Entschuldigung, dabei kann ich nicht helfen.",
    ),
    "fr": (
        "Désolé, je ne peux pas répondre à cette question.",
        "Je ne suis pas autorisé à donner des conseils médicaux.",
        "Je préfère ne pas répondre.",
        "Consultez un professionnel de santé.",
        "Je regrette, mais je ne peux pas traiter cette demande.",
    ),
    "es": (
        "Lo siento, no puedo responder a esa pregunta.",
        "No estoy autorizado para dar consejos médicos.",
        "Prefiero no responder.",
        "Debo rechazar esta solicitud.",
        "Me temo que no puedo ayudar con eso.",
    ),
    "pt": (
        "Desculpe, não posso responder a esta pergunta.",
        "Não estou autorizado a dar conselhos médicos.",
        "Prefiro não responder.",
        "Devo recusar este pedido.",
        "Lamento, mas não consigo ajudar com isso.",
    ),
    "zh": (
        "对不起，我不能提供医疗建议。",
        "作为人工智能，我不能做出诊断。",
        "请您咨询医生。",
        "我拒绝回答该问题。",
        "无法提供相关信息。",
    ),
    "ja": (
        "申し訳ございませんが、医療上の助言はできません。",
        "AIとして診断を行うことはできません。",
        "回答を控えさせていただきます。",
        "このリクエストにはお応えできません。",
        "私には判断できません。",
    ),
    "ko": (
        "죄송합니다. 이 질문에는 답변할 수 없습니다.",
        "도와드릴 수 없습니다.",
        "의사와 상담하시기 바랍니다.",
        "유감스럽지만 답변할 수 없습니다.",
        "전문의와 상의하세요.",
    ),
}
PROSE = (
    "I'm sorry to say the biopsy was malignant; the answer is B.",
    "The patient cannot answer the question because of aphasia. Answer: D.",
    "The physician must decline to perform the procedure. Answer: B.",
    "The patient should consult a physician if fever recurs. Answer: C.",
    "He apologizes and says he is unable to continue. Answer: C. Delirium.",
    "Der Patient kann die Frage nicht beantworten, was für eine Aphasie spricht. Antwort: B.",
    "Ohne Biopsie kann man keine Diagnose stellen. Antwort: A.",
    "Le patient ne peut pas répondre, ce qui évoque une aphasie. Réponse : B.",
    "On ne peut pas poser le diagnostic sans biopsie. Réponse : C.",
    "El paciente no puede responder a las preguntas: afasia. Respuesta: B.",
    "Lo siento mucho, dice el médico a la familia. Respuesta: A.",
    "O paciente não consegue responder às perguntas. Resposta: B.",
    "Não é possível diagnosticar sem biópsia. Resposta: A.",
    "很遗憾，肿瘤无法切除。答案：C。",
    "医生应拒绝家属的要求。答案：D。",
    "残念ながら切除できない。答えはC。",
    "환자는 질문에 답할 수 없다. 실어증이다. 답: B.",
    "조직검사 없이는 진단할 수 없다. 답: A.",
)


@pytest.mark.parametrize(
    ("language", "text"),
    [(name, text) for table in (REFUSED, FURTHER) for name, texts in table.items() for text in texts],
)
def test_a_refusal_is_found(language: str, text: str) -> None:
    assert find_refusal(text), language


@pytest.mark.parametrize(
    "text",
    [
        "The patient says she cannot give consent. Answer: B. Obtain it from the parents.",
        "I cannot rule out sepsis, so blood cultures come first.",
        "Sorry, we cannot exclude pericarditis yet; an echocardiogram comes first.",
        "Tumors of this kind cannot respond to hormones, and the patient is unable to reply to questions.",
        "Tell the patient: \"I'm sorry, but I can't help with that.\" Answer: D.",
        "The most appropriate reply is 'I am not able to discuss this with you'. Answer: A",
        "There is insufficient evidence to recommend screening. The answer is E.",
        "The patient is unable to answer questions, which suggests aphasia.",
        "Leider ist die Prognose nicht gut; die Antwort ist B.",
        "残念ながら予後は不良である。答えはC。",
        f"{WORDS} The family should consult a physician.",
        *PROSE,
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
