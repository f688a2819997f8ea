"""What texts of a question show that something is wrong with it: a rule a line, in the languages of exams."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from reasonmed.questions._letters import split_stem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.types import Question

_THINGS = (
    "image|figure|fig|photo|photograph|photomicrograph|picture|micrograph|radiograph|x-ray|ECG|EKG|CT|MRI|scan|slide"
    "|tracing|plate|graph|chart|diagram|illustration|exhibit|video|audio|drawing|curve|pedigree|spirogram|audiogram"
)
_BELOW = r"below(?!\s*[.:]?[ \t]*\n)"
"""Not where lines follow, which are then what is shown: values, a table."""
_FIGURE = r"""
\b(?:THINGS)s?(?: \w+){0,4} (?:above|shown|provided|attached|depicted|given|displayed|BELOW)\b
\b(?:shown|depicted|pictured|illustrated|seen|displayed) (?:BELOW|above|here)\b
\b(?:shown|depicted|pictured|illustrated|seen) in (?:the|this) (?:attached |adjacent |accompanying )?(?:THINGS)\b
\b(?:image|figure|fig\.|exhibit|colou?r plate|table) (?:no\.? ?)?\d+\b
\bcolou?r plate\b
\b(?:see|refer to) (?:the )?(?:THINGS)\b
\b(?:this|the following|accompanying|attached) (?:THINGS)\b(?! of)
\b(?:siehe|vgl\.) ?(?:abb(?:ildung|\.)|bild|foto|grafik|tabelle)
\b(?:abgebildet|in der abbildung|im bild|auf dem (?:bild|foto))\b
\babb(?:ildung|\.) ?\d+
\b(?:gezeigte[nrs]?|nebenstehende[nrs]?|folgende[nrs]?) (?:abbildung|bild|röntgenbild|EKG|foto)\b
\b(?:figure|image|cliché|photo|schéma) (?:ci-dessous|ci-dessus|ci-contre|suivante?)\b
\bvoir (?:la |l')?(?:figure|image)\b
\b(?:en la|la siguiente|véase la|ver) (?:imagen|figura|fotografía)\b
\b(?:imagen|figura) \d+\b
\b(?:imagem|figura) (?:a seguir|abaixo|acima|anexa)\b
\b(?:na|ver) (?:imagem|figura)\b
如图|下图|上图|图示|见图|图\d
図に示す|図\d|下図|(?:写真|画像)を(?:別に)?示す|別冊
(?:그림|사진|다음 영상)(?:과 같|은|을 보|에서)
"""
_SEVERAL = r"""
\b(?:select|choose|mark|check|tick|pick) all (?:that|which|of the)\b
\ball that apply\b
\b(?:select|choose) (?:two|three|2|3)\b
\bmore than one (?:answer|option|choice) (?:is|may be|can be) (?:correct|right|true)\b
\bmultiple (?:answers|options) (?:are|may)\b
\bmehrfachauswahl\b
\bmehrere (?:antworten|aussagen|optionen) (?:sind|können)\b
\b(?:zwei|drei) (?:richtige|zutreffende) antworten\b
\balle zutreffenden\b
\bplusieurs réponses\b
\b(?:cochez|sélectionnez) (?:toutes|la ou les)\b
\bla ou les réponses?\b
\blaquelle \(lesquelles\)
\b(?:seleccione|marque|elija|assinale|selecione) todas\b
\bselezionare tutte\b
多选|所有正确|多項選択|(?:[23２３二三]つ|すべて)選べ
모두 고르|(?:[23]|두|세) ?(?:개|가지)를? 고르
"""
_EARLIER = r"""
\b(?:previous|preceding|prior|last|above|earlier) (?:question|case|item|vignette|scenario)\b
\b(?:question|case|vignette|scenario) above\b
\b(?:refer to|from|in|using) the (?:summary|abstract|passage|advertisement|information) above\b
\bthe same patient (?:as )?(?:in|from|described)\b
\bquestions? \d+ ?(?:to|and|-|–|through) ?\d+\b
\bitem \d+ of \d+\b
\bfor the (?:next|following) (?:two|three|four|\d+) (?:questions|items)\b
\b(?:vorige|vorherige|vorangehende|obige)[mnrs]? (?:frage|aufgabe|fall)\b
\b(?:question précédente|cas précédent|domanda precedente)\b
\b(?:pregunta|questão|caso) anterior\b
上一?题|前題|前問|앞 ?문제|위 문제
"""
_MARK = r" ?[:=：][ \n]*(?:option )?[(\[]?[A-Ja-j1-9][)\].]?(?=\s|$)"
_KEY = r"""
\b(?:correct |right |final )?(?:answer|ans|key)MARK
\b(?:richtige |korrekte )?(?:antwort|lösung)MARK
\b(?:respuesta(?: correcta)?|(?:bonne )?réponse|resposta(?: correta)?|gabarito|risposta(?: corretta)?)MARK
(?:答案|正解|정답)MARK
"""
_NOTHING = {
    "nan",
    "null",
    "n/a",
    "#n/a",
    "undefined",
    "#name?",
    "#ref!",
    "#value!",
    "#div/0!",
    "<na>",
    "nat",
    "[object object]",
}
_MOJIBAKE = re.compile("[ÃÂ][\u0080-\u00bf]|â(?:€|\u0080)|ï»¿|ï¿½|\ufffd|Ð[\u0080-\u00bf]Ñ|Î[\u0080-\u00bf]Î")
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}\d{0,2}|#\d{2,6}|#x[0-9A-Fa-f]{2,5});")
_TAG = re.compile(
    r"</?(?:br|p|i|b|u|sub|sup|div|span|em|strong|td|tr|table|img|li|ul|ol|font)(?: [^<>]{0,200})?/?>", re.IGNORECASE
)
_LONG_KEY = 12
_FEWEST = 3
_SHORTEST = 4
_END = 20
"""So many characters may follow the last option of a stem that ends with them."""


def _any(table: str) -> re.Pattern[str]:
    """A pattern of all lines of a table."""
    for name, part in (("THINGS", _THINGS), ("BELOW", _BELOW), ("MARK", _MARK)):
        table = table.replace(name, part)
    return re.compile("|".join(f"(?:{line})" for line in table.split("\n") if line), re.IGNORECASE)


_SHOWN = _any(_FIGURE)
_IN_STEM = {
    "needs an image?": _SHOWN,
    "asks for several answers": _any(_SEVERAL),
    "hangs on another question": _any(_EARLIER),
    "gives its key?": _any(_KEY),
}


def figure_in(text: str) -> str | None:
    """The words by which a text points to an image that no reader of it has; None where it points to none."""
    found = _SHOWN.search(text)
    return found[0] if found else None


def oddities(question: Question) -> Iterator[tuple[str, str]]:
    """What is odd about the texts of one question: the rule, and the words that show it."""
    for rule, pattern in _IN_STEM.items():
        if found := pattern.search(question.stem):
            yield rule, f'"{found[0]}"'
    for text in (question.stem, *question.options):
        marked = next((one for one in _ENTITY.finditer(text) if html.unescape(one[0]) != one[0]), _TAG.search(text))
        if marked:
            yield "HTML in the text", f"{marked[0]!r:.60}"
            break
    for text in (question.stem, *question.options):
        if garbled := _MOJIBAKE.search(text):
            start = max(0, garbled.start() - 10)
            yield "letters of a wrong encoding", f"{text[start : garbled.end() + 10]!r}"
            break
    empty = [one for one in question.options if one.casefold() in _NOTHING]
    if empty:
        yield "an option that says nothing", repr(empty[0])
    if _lists_options(question):
        yield "the stem lists the options", f"{question.stem[-80:]!r}"
    elif _tells_key(question):
        yield "the key's words are in the stem", f"{question.options[question.answer or 0]!r:.80}"


def _lists_options(question: Question) -> bool:
    if len(question.options) < _FEWEST:
        return False
    found = split_stem(question.stem)
    options = {_folded(one) for one in question.options}
    if found and len({_folded(one) for one in found[1]} & options) * 2 > len(options):
        return True
    stem, at = _folded(question.stem), 0
    for one in map(_folded, question.options):
        at = stem.find(one, at) + len(one)
        if len(one) < _SHORTEST or at < len(one):
            return False
    return len(stem) - at <= _END


def _tells_key(question: Question) -> bool:
    """Whether the stem holds the key's text, which is not short, and no other option's."""
    if question.answer is None:
        return False
    stem = _folded(question.stem)
    there = [index for index, one in enumerate(question.options) if _folded(one) in stem]
    return there == [question.answer] and len(question.options[question.answer]) >= _LONG_KEY


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
