"""Replies that refuse to answer, in the languages of the table; a recipe adds phrases of its own."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from reasonmed.parsing.sifted import Sifted, first_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORT = 60
"""Words; a longer text that says such a thing further on goes on to answer all the same."""
_SIGNS = 200
"""Signs that are as short in a script without spaces."""
_OPENING = 300
"""A text of any length whose first characters decline for good is a refusal."""

_I = r"(?:i|we)"
_CANNOT = (
    r"(?:cannot|can\s*not|can't|won't|will\s+not|(?:won't|will\s+not|wouldn't)\s+be\s+able\s+to|am\s+(?:not\s+able|unable)\s+to|'m\s+(?:not\s+able|unable)\s+to|"
    r"(?:am|'m)\s+not\s+(?:permitted|allowed|authori[sz]ed|designed|programmed|licensed|qualified|in\s+a\s+position|"
    r"comfortable)\b(?:\s+to)?|must\s+(?:decline|refuse)(?:\s+to)?|(?:have|need)\s+to\s+(?:decline|refuse)(?:\s+to)?|"
    r"(?:respectfully\s+)?(?:decline|refuse)\s+to|should\s*n't|should\s+not|do\s+not|don't)"
)
_DECLINED = (
    r"(?:help|assist|comply|fulfil+|accommodate|engage|proceed|participate|continue\s+with|process\s+th|"
    r"(?:respond|reply)\s+to\s+(?:(?:a|an|any|such|th\w+|your|medical|health|clinical)\s+)*(?:question|request|quer|prompt|inquir)|"
    r"discuss\s+th|"
    r"answer\w*\s+(?:(?:this|that|the|your|such|any|these|medical|health|clinical)\b)|"
    r"(?:provide|offer|give|giving|providing|offering|make|making)\s+(?:you\s+)?(?:with\s+)?(?:an?\s+|any\s+|the\s+)?"
    r"(?:\w+\s+)?(?:medical|clinical|health|professional|specific|personal|treatment|therapeutic|diagnos\w+|"
    r"recommendations?|advice|answers?|guidance|information|opinions?|prescriptions?))"
)
_UNABLE = r"(?:(?:i'm|i\s+am|we're|we\s+are)\s+(?:not\s+able|unable)\s+to)"
_ANY = (
    r"(?:answer|provide|offer|give|recommend|advise|diagnose|suggest|respond|reply|practi[cs]e|share|say\s+more|"
    r"determine\s+(?:the|an?|which)\b)"
)
_AI = r"\b(?:as\s+an?|i\s+am\s+(?:just\s+|only\s+)?an?|i'm\s+(?:just\s+|only\s+)?an?)\s+(?:\w+\s+){0,2}?"

_FOR_GOOD: dict[str, tuple[str, ...]] = {
    "en": (
        r"\bi(?:'m|\s+am)\s+(?:going\s+to\s+have\s+to|forced\s+to)\s+(?:say\s+no|decline|refuse|pass)\b|\bsay\s+no\s+to\s+this\s+request",
        r"\bi\s+(?:must|will|would|have\s+to)?\s*(?:respectfully|politely)?\s*(?:decline|refuse)\s*(?:[.!]|to\s+answer)",
        rf"\b{_I}\s+(?:cannot|can't|won't)\s+discuss\s+(?:medical|health|clinical)",
        r"\b(?:this|that|it)\s+(?:falls?|is|lies)\s+outside\s+(?:of\s+)?(?:the\s+)?(?:scope\s+of\s+)?(?:what\s+i|my)\b",
        r"\bmy\s+(?:guidelines|polic(?:y|ies)|programming|rules|instructions)\s+(?:prevent|prohibit|forbid|do\s+not\s+allow|don't\s+allow)",
        rf"\b{_I}(?:\s+|(?='m)){_CANNOT}\s+(?:\w+ly\s+)?{_DECLINED}",
        rf"\b{_UNABLE}\s+{_DECLINED}",
        (
            rf"\b(?:sorry|apologi[sz]e|apologies|regret|unfortunately)\b[^.!?\n]{{0,40}}\b{_I}(?:\s+|(?='m)){_CANNOT}\s+"
            rf"(?:{_DECLINED}|{_ANY})"
        ),
        (
            rf"\b(?:sorry|apologi[sz]e|apologies)\b\W{{0,3}}(?:but\s+)?{_I}(?:\s+|(?='m)){_CANNOT}\s+"
            r"(?!rule\b|exclude\b|agree\b|be\s+sure\b)\w+"
        ),
        (
            r"\b(?:against|violates?|violating|prohibited\s+by|not\s+(?:permitted|allowed)\s+(?:by|under))\s+"
            r"(?:the\s+)?(?:(?:my|our|openai's?|usage|content|safety|community|ethical)\s+){1,3}(?:\w+\s+)?"
            r"(?:polic(?:y|ies)|guidelines|rules|programming|terms)"
        ),
        r"\bi(?:'d|\s+would)?\s+(?:rather|prefer)\s+not\b|\bi\s+(?:have\s+to|must)\s+(?:refuse|decline)\b",
        r"\bi\s+(?:do\s+not|don't|am\s+not)\s+(?:feel\s+)?comfortable\b",
        r"\b(?:falls?|is|lies)\s+outside\s+(?:of\s+)?(?:(?:what\s+i\s+(?:can|am)|my\s+(?:scope|capabilit|abilit|expertise)))",
        r"\bbeyond\s+my\s+(?:scope|capabilit\w+|abilit\w+|expertise|competence)\b",
        (
            r"\b(?:inappropriate|irresponsible|unethical|unsafe|not\s+appropriate|not\s+ethical)\s+(?:for\s+me\s+)?to\s+"
            r"(?:recommend|give|provide|offer|suggest|choose|answer|make|advise|diagnose)"
        ),
        r"\bi\s+(?:don't|do\s+not|lack)\s+(?:have\s+)?(?:the\s+)?(?:medical\s+)?(?:training|license|qualifications?)\b",
    ),
    "zh": (
        r"(?:我|本人)(?:无权|無權|不能对此|不能對此|无法对此|無法對此)",
        r"我(?:不方便|没有办法|沒有辦法|拒绝|拒絕|不便|无权|無權)\s*(?:回答|提供|给出|協助|协助|诊断)|超出了?我的(?:能力|权限|範圍|范围|职责)",
        r"(?:抱歉|对不起|對不起|很遗憾|很遺憾|遗憾的是)[^。！？\n]{0,20}(?:无法|無法|不能|不会|不會|不便|没有办法|沒有辦法)",
        (
            r"(?:我|作为\S{0,8}(?:AI|人工智能|语言模型)\S{0,4}|作為\S{0,8}(?:AI|人工智慧|語言模型)\S{0,4})[，,\s]*(?:我)?\s*"
            r"(?:无法|無法|不能|不可以|不被允许|不被允許)\s*(?:为您|為您|向您|给您|對此|对此)?\s*"
            r"(?:提供|回答|给出|給出|帮助|幫助|协助|協助|诊断|診斷|满足|滿足|完成)"
        ),
    ),
    "ja": (
        r"(?:お答え|回答|返答|コメント)[はを]?(?:差し控え|控え|お断り|ご遠慮)",
        r"お力になれません|お答えを差し控え|(?:リクエスト|ご依頼|ご要望|質問)(?:には|に)お?(?:応え|答え)(?:できません|かねます)|私には(?:判断|回答|診断)できません",
        (
            r"(?:申し訳|すみません|恐れ入り|残念ながら|ごめんなさい)[^\n]{0,60}"
            r"(?:できません|できかねます|出来ません|いたしかねます|お答えできない|お答えしかね|お断り|控え)"
        ),
        (
            r"(?:お答え|回答|お手伝い|対応|医療(?:上の)?(?:アドバイス|助言)[^。\n]{0,10}|ご(?:要望|質問)[^。\n]{0,10})"
            r"(?:は|を|に|することは?|すること[がは])?(?:提供)?(?:することは)?(?:できません|できかねます|いたしかねます|しかねます|控えさせて)"
        ),
    ),
    "ko": (
        r"(?:답|답변|진단|조언)을\s*(?:드릴|내릴|할)\s*(?:수|권한|자격)[이가]?\s*없습니다",
        r"요청(?:을|은|을\s)?[^.\n]{0,6}(?:처리|수행|이행)할\s*수\s*없습니다|답변을\s*(?:거절|거부|삼가)",
        r"(?:죄송|미안|유감|안타깝)[^.!?\n]{0,40}(?:수\s*없|못\s*(?:합|하|드)|않습니다|어렵습니다)",
        r"(?:답변|도움|도와|조언|진단|제공|대답)[^.!?\n]{0,12}(?:수(?:가|는)?\s*없습니다|못합니다|드리기\s*어렵)",
    ),
    "de": (
        r"\b(?:hierzu|dazu)\s+(?:gebe|kann|darf)\s+ich\b[^.!?\n]{0,30}\bkein\w*\b|\b(?:das|dies)\s+(?:darf|möchte|will)\s+ich\s+nicht\b",
        r"\bich\s+bin\s+(?:leider\s+)?nicht\s+(?:in\s+der\s+lage|befugt|berechtigt|imstande)\b[^.!?\n]{0,60}\b(?:beantworten|antworten|helfen|geben|erteilen)",
        r"\bes\s+ist\s+mir\s+(?:leider\s+)?nicht\s+(?:gestattet|erlaubt|möglich)\b",
        r"\bich\s+(?:muss|möchte|werde)\s+(?:diese|die|ihre|das)\s+\w+\s+ablehnen\b|\bdas\s+kann\s+ich\s+(?:leider\s+)?nicht\s+beantworten\b",
        r"\bich\s+(?:kann|darf|möchte|werde)\s+(?:dazu\s+|ihnen\s+)?kein\w*\s+(?:medizinisch|ärztlich)\w*\s+(?:beratung|rat|ratschläge|auskunft|empfehlung)",
        (
            r"\b(?:tut\s+mir\s+(?:sehr\s+)?leid|entschuldig\w+|leider|bedaure|bedauere)\b[^.!?\n]{0,60}"
            r"\b(?:nicht|kein\w*)\b[^.!?\n]{0,40}\b(?:helfen|beantworten|antworten|geben|unterstützen|weiterhelfen|anbieten|"
            r"erteilen|stellen|dienen|möglich|erfüllen)\b"
        ),
        (
            r"\bich\s+(?:kann|darf|werde|möchte)\b[^.!?\n]{0,50}\b(?:nicht|kein\w*)\b[^.!?\n]{0,40}\b(?:helfen|beantworten|"
            r"antworten|weiterhelfen|erteilen|unterstützen|empfehlung\w*\s+geben|(?:rat|ratschläge)\s+geben)\b"
        ),
    ),
    "fr": (
        r"\bje\s+m'abstiens\b|\bje\s+n'ai\s+pas\s+l'autorisation\b",
        r"\bje\s+(?:préfère|préférerais)\s+ne\s+pas\b|\bje\s+(?:dois|vais)\s+(?:refuser|décliner)\b",
        r"\bil\s+m'est\s+impossible\s+de\b|\bje\s+suis\s+dans\s+l'impossibilité\s+de\b",
        (
            r"\b(?:désolée?|navrée?|excuse\w*|malheureusement|regrette)\b[^.!?\n]{0,60}\b(?:ne|n')\s*(?:peux|puis|suis|peut|"
            r"pouvons|serai)\b"
        ),
        (
            r"\bje\s+(?:ne\s+(?:peux|puis|suis\s+pas\s+(?:en\s+mesure|capable|autorisée?|habilitée?|qualifiée?))|n'ai\s+pas\s+le\s+"
            r"droit)\b[^.!?\n]{0,30}\b(?:répondre|aider|fournir|donner|conseiller|offrir|poser)\b"
        ),
    ),
    "es": (
        r"\bme\s+abstengo\b|\bno\s+(?:tengo|me\s+está|me\s+han)\s+(?:permitido|permiso|autorización)\b",
        r"\bprefiero\s+no\b|\b(?:debo|tengo\s+que)\s+(?:rechazar|declinar)\b|\bno\s+me\s+es\s+posible\b|\bno\s+me\s+corresponde\b",
        (
            r"\b(?:lo\s+siento|lamento|lamentablemente|disculp\w+|perdón|desafortunadamente)\b[^.!?\n]{0,60}\bno\s+"
            r"(?:puedo|podemos|estoy|me\s+es|podré)\b"
        ),
        (
            r"\bno\s+(?:puedo|podemos|estoy\s+(?:autorizad|capacitad|en\s+condiciones)\w*(?:\s+(?:para|a|de))?)\s+"
            r"(?:ayudar\w*|responder\w*|proporcionar\w*|ofrecer\w*|dar\w*\s+(?:consejo|recomend|asesor|un\s+diag)|brindar\w*)"
        ),
    ),
    "pt": (
        r"\babstenho-me\b|\bme\s+abstenho\b|\bnão\s+(?:tenho|me\s+é)\s+(?:permissão|permitido|autorização)\b",
        r"\bprefiro\s+não\b|\b(?:devo|tenho\s+que|tenho\s+de)\s+(?:recusar|declinar)\b|\bnão\s+me\s+(?:é\s+possível|cabe)\b",
        (
            r"\b(?:desculp\w+|lamento|sinto\s+muito|infelizmente)\b[^.!?\n]{0,60}\bnão\s+(?:posso|podemos|estou|consigo|"
            r"poderei)\b"
        ),
        (
            r"\bnão\s+(?:posso|podemos|consigo|estou\s+(?:autorizad|apt|habilitad)\w*(?:\s+(?:para|a))?)\s+"
            r"(?:ajudar\w*|responder\w*|fornecer\w*|oferecer\w*|dar\w*\s+(?:conselho|recomend|orienta)|auxiliar\w*|prestar)"
        ),
    ),
}
"""Phrases that decline for good, by language."""

_IN_SHORT: dict[str, tuple[str, ...]] = {
    "en": (
        rf"\b{_I}(?:\s+|(?='m)){_CANNOT}\s+{_ANY}\b",
        rf"\b{_UNABLE}\s+{_ANY}\b",
        rf"{_AI}(?:ai|artificial\s+intelligence|(?:large\s+)?language\s+model|chatbot|assistant)\b",
        r"\bi(?:'m|\s+am)\s+not\s+an?\s+(?:\w+\s+)?(?:doctor|physician|clinician|professional|provider|expert)\b",
        r"\bnot\s+a\s+substitute\s+for\s+(?:professional|medical)",
        (
            r"\b(?:please|should|must|recommend(?:ed)?|advise|best\s+to)\b[^.!?\n]{0,30}\b(?:consult|see|speak\s+(?:to|with)|seek|contact|"
            r"talk\s+to)\b[^.!?\n]{0,30}\b(?:professional|physician|doctor|clinician|provider|specialist|advice|advisor|"
            r"medical\s+(?:attention|care|help))\b"
        ),
        r"\b(?:don't|do\s+not|without)\s+(?:have\s+)?(?:enough|sufficient|adequate)\s+(?:information|context|details?|data)\b",
        (
            r"\b(?:insufficient|not\s+enough|inadequate)\s+(?:information|context|details?)\s+(?:is\s+|was\s+|were\s+)?"
            r"(?:provided\s+|given\s+|available\s+)?(?:to|for)\b"
        ),
        r"\b(?:would|will)\s+need\s+(?:more|additional|further)\s+(?:information|context|details?)\b",
        r"\b(?:please|could\s+you|can\s+you)\s+(?:provide|share|give|supply|clarify|specify|upload|send)\b",
        r"\bsomething\s+else\s+(?:i|you)\s+(?:can|could|want|would)|\b(?:talk|speak)\s+about\s+something\s+else",
    ),
    "zh": (
        r"(?:^|[。，！])\s*(?:无法|無法|不能)提供(?:相关|相關|医疗|醫療|任何)|(?:请|請)您?\s*(?:咨询|諮詢)",
        r"(?:请|請|建议您?|建議您?)\s*(?:咨询|諮詢|寻求|尋求|就医|就醫)",
        r"(?:作为|作為|我(?:只)?是)\s*(?:一个|一個|一名|一款)?\s*(?:AI|人工智能|人工智慧|语言模型|語言模型|大型语言模型)",
        r"(?:信息|資訊|资料|資料)不足",
    ),
    "ja": (
        r"専門医[^。\n]{0,8}(?:ご?相談|受診)",
        r"(?:医師|専門家|医療機関)[^。\n]{0,12}(?:ご?相談|受診)",
        r"(?:AI|人工知能|言語モデル)(?:として|である|ですので|のため)",
        r"情報が(?:不足|足り)",
    ),
    "ko": (
        r"전문의[^.\n]{0,8}(?:상담|문의|상의)",
        r"(?:의사|전문가|의료진)[^.\n]{0,12}(?:상담|문의|상의)",
        r"(?:AI|인공지능|언어\s*모델)(?:로서|이기\s*때문|이므로|입니다)",
        r"정보가\s*(?:부족|충분하지)",
    ),
    "de": (
        (
            r"\b(?:wenden\s+sie\s+sich|konsultieren\s+sie|suchen\s+sie|fragen\s+sie)\b[^.!?\n]{0,40}\b(?:arzt|ärztin|fachperson\w*|"
            r"fachmann|rat|hilfe|apotheker\w*)\b"
        ),
        r"\bals\s+(?:ki|künstliche\s+intelligenz|sprachmodell)\b",
        r"\bich\s+bin\s+kein\w*\s+(?:arzt|ärztin|mediziner\w*)\b",
        r"\bnicht\s+genügend\s+informationen\b",
    ),
    "fr": (
        (
            r"\b(?:veuillez|consultez|adressez-vous|contactez|il\s+est\s+préférable)\b[^.!?\n]{0,40}\b(?:médecin|professionnel\w*|"
            r"spécialiste)\b"
        ),
        r"\ben\s+tant\s+qu(?:e\s+|')(?:ia\b|intelligence\s+artificielle|modèle\s+de\s+langage)",
        r"\bje\s+ne\s+suis\s+pas\s+(?:un\s+)?(?:médecin|professionnel)",
        r"\b(?:pas\s+assez|pas\s+suffisamment)\s+d'informations?\b",
    ),
    "es": (
        r"\b(?:consulte|consulta|acuda|por\s+favor|hable\s+con)\b[^.!?\n]{0,40}\b(?:médic[oa]|profesional|especialista)\b",
        r"\bcomo\s+(?:una?\s+)?(?:ia\b|inteligencia\s+artificial|modelo\s+de\s+lenguaje)",
        r"\bno\s+soy\s+(?:un\s+|una\s+)?(?:médic[oa]|profesional)",
        r"\bno\s+(?:tengo|hay)\s+suficiente\s+información\b",
    ),
    "pt": (
        r"\b(?:consulte|procure|por\s+favor|fale\s+com)\b[^.!?\n]{0,40}\b(?:médic[oa]|profissional|especialista)\b",
        r"\bcomo\s+(?:uma?\s+)?(?:ia\b|inteligência\s+artificial|modelo\s+de\s+linguagem)",
        r"\bnão\s+sou\s+(?:um\s+|uma\s+)?(?:médic[oa]|profissional)",
        r"\bnão\s+(?:tenho|há)\s+informaç\w+\s+suficient",
    ),
}
"""Phrases that are a refusal where the text is short and states no answer, by language."""

_ANSWERS = Sifted(
    r"\b(?:answer|option|choice|respuesta|réponse|antwort|resposta)\b[^.\n]{0,20}(?-i:\b[A-J]\b)(?!')|"
    r"\b(?:answer|option|diagnosis)\s+is\b|(?:答案|答え|正解|解答|정답|해답|답)\s*(?:是|为|為|は|은|[:：])|(?m:^\W*(?-i:[A-J])[.):]\W)",
    re.IGNORECASE,
)
"""What states an answer, in whatever form: such a text goes on to answer."""
_QUOTED = Sifted(
    r"[“„«「『][^”“»」』\n]{1,400}[”“»」』]|\"[^\"\n]{1,400}\"|(?<![^\W_])['‘](?=\S)(?:[^'‘’\n]|['’](?=\w)){1,400}['’](?!\w)"
)
_LASTING, _BRIEF = (
    [Sifted(pattern, re.IGNORECASE) for patterns in table.values() for pattern in patterns]
    for table in (_FOR_GOOD, _IN_SHORT)
)
_APOSTROPHE = Sifted(r"(?<=\w)[’ʼ′`](?=\w)")
_SPACED_OUT = Sifted(r"(?<=[\u3040-\u30ff\u3400-\u9fff])[ \t]+(?=[\u3040-\u30ff\u3400-\u9fff，。])")


def find_refusal(text: str, further: Sequence[str] = ()) -> str | None:
    """The phrase by which a text refuses; None where it does not.

    ``further`` are phrases of a recipe. Quoted speech is not the writer's own.
    """
    short = _is_short(text)
    spoken = _QUOTED.sub(" … ", _straight(text if short else text[:_OPENING]))
    found = first_of([*_own(tuple(further)), *_LASTING], spoken) or (first_of(_BRIEF, spoken) if short else None)
    return found[0] if found and not _ANSWERS.search(_QUOTED.sub(" … ", _straight(text))) else None


def _is_short(text: str) -> bool:
    return len(text.split()) <= _SHORT and (text.isascii() or len(text) <= _SIGNS or " " in text.strip()[:20])


def _straight(text: str) -> str:
    """The text with straight apostrophes and with no space between characters that need none."""
    return _SPACED_OUT.sub("", _APOSTROPHE.sub("'", text))


@lru_cache(maxsize=16)
def _own(further: tuple[str, ...]) -> list[Sifted]:
    return [Sifted(re.escape(phrase), re.IGNORECASE) for phrase in further]
