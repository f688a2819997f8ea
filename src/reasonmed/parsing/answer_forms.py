r"""Last lines and last sentences that are nothing but an answer, by language; JSON, tags and signs around an option.

A form fills its line or sentence whole, so that nothing in it can deny or doubt the option. It is looked at only where
no other rule reads one, and an option that the text above states must be the same, unless the line corrects it.
Each line of a table is a form up to its option, or one around it: ``X``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import Refused, json_value
from reasonmed.parsing.answer_phrases import SENTENCE_END
from reasonmed.parsing.answer_words import corrected, said
from reasonmed.parsing.option_texts import tokens
from reasonmed.parsing.sifted import Sifted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.parsing.option_texts import OptionTexts

_LONGEST = 300
_SO = (
    r"(?:(?:so|thus|hence|therefore|consequently|in conclusion|daher|somit|folglich|deshalb|demnach|also|donc|ainsi"
    r"|par conséquent|en conclusion|por (?:lo )?tanto|así que|entonces|en conclusión|portanto|logo|assim|então"
    r"|因此|所以|故|综上(?:所述)?|结论|したがって|従って|よって|ゆえに|따라서|그러므로|결론적으로|그래서)[,，、:：]?\s*)?"
)
_IS = r"\s*(?:is|must be|would be|should be|has to be|=|:|：|-|–|—|→|->|=>|⇒|➜|\))\s*"
_AHEAD = rf"""
(?:the |my |our )?(?:final |best |correct |right |selected |revised )?(?:answer|ans|option|choice|response|solution|letter|one|selection|conclusion|verdict|decision)(?: choice| option| letter)?(?: here)?{_IS}(?:therefore |thus |clearly |option |choice |letter )?
(?:correct|final|right){_IS}
(?:answer|final answer|ans)\s+
(?:it's|it is|it has to be|it must be)(?: option| choice| letter)?\s
(?:i|we)(?:'d| would| will)? (?:choose|select|pick|go with)(?: option| choice| letter)?\s
only\s(?=\S+ (?:remains|is left|fits))
(?:die |meine )?(?:richtige |korrekte |zutreffende |beste |endgültige |finale )?(?:antwort|option|lösung|antwortmöglichkeit|antwortoption|aussage|fazit|ergebnis)\s*(?:ist|lautet|wäre|:|=)\s*(?:somit |daher |also |demnach |folglich )?(?:die )?(?:antwort |option |buchstabe )?
(?:richtig|korrekt|zutreffend)(?: ist| wäre|:)\s*(?:die )?(?:antwort |option |aussage )?
ich (?:wähle|nehme|entscheide mich für)\s(?:antwort |option )?
(?:la |ma )?(?:bonne |meilleure )?(?:réponse|option|proposition|solution|conclusion)(?: correcte| exacte| finale| juste)?\s*(?:est|serait|:|=)\s*(?:donc )?(?:la |l')?(?:option |réponse |proposition |lettre )?
c'est(?: donc)?\s(?:la |l')?(?:option |réponse |proposition )?
je choisis(?: la| l')?\s?(?:option |réponse )?
il s'agit(?: donc)? de (?:la |l')(?:réponse|option|proposition)\s
(?:la |mi )?(?:mejor )?(?:respuesta|opción|alternativa|solución|conclusión|correcta)(?: correcta| final)?\s*(?:es|sería|:|=)\s*(?:entonces )?(?:la )?(?:opción |respuesta |alternativa |letra )?
(?:elijo|escojo|selecciono)\s(?:la )?(?:opción |respuesta )?
(?:a |minha )?(?:melhor )?(?:resposta|opção|alternativa|letra|gabarito|solução|conclusão)(?: correta| certa| final)?\s*(?:é|seria|:|=)\s*(?:então |portanto )?(?:a )?(?:opção |alternativa |resposta |letra )?
(?:alternativa|letra)\s
(?:escolho|seleciono)\s(?:a )?(?:opção |alternativa |letra )?
(?:本题|最终|我)?(?:的)?(?:正确|最佳|最终)?(?:答案|选项|结论|选择|选)(?:应该|应)?(?:是|为|選|选|[:：])?\s*(?:选项)?
(?:应|应该|故|本题|故本题)?选(?:择)?\s*
(?:正确的?|最合适的?)(?:答案|选项)?是\s*(?:选项)?
(?:最終的な|正しい)?(?:答え|正解|正答|解答|回答|最終回答|選択肢|もの|の)(?:は|[:：])\s*(?:選択肢)?
正しいのは\s*
(?:【(?:答案|正解|정답|解答|답)】)\s*
(?:최종 |올바른 |옳은 |가장 적절한 )?(?:정답|답|답안|결론|선택지|것)\s*(?:은|는|[:：]|\s)\s*(?:선택지 )?
"""
_TAIL = r"\s*(?:입니다|이다|임|번입니다|번이다|번|です|である|だ|となる|になります)?"
_AROUND = r"""
(?:(?:die )?(?:antwort|option|antwortmöglichkeit|aussage) )?X ist (?:somit |daher |also |demnach )?(?:die )?(?:einzig )?(?:richtige?|korrekte?|zutreffende?|beste)(?: antwort| option| lösung| aussage)?
ist (?:somit |daher )?(?:die )?(?:antwort |option |aussage )?X (?:die )?(?:richtige?|korrekte?|zutreffende?|beste)(?: antwort| option| lösung)?
(?:(?:l'option|la réponse|la proposition) )X est (?:donc )?(?:la )?(?:bonne |meilleure )?(?:correcte|exacte|bonne|juste|réponse)(?: réponse)?
(?:la )?(?:opción |respuesta |alternativa |letra )?X es (?:la )?(?:respuesta |opción |alternativa )?(?:más )?correcta
(?:a )?(?:opção |alternativa |resposta |letra )?X (?:é|está) (?:a )?(?:resposta |opção |alternativa )?(?:correta|certa)
(?:选项)?\s*X\s*(?:选项|项)?(?:是|为)?(?:正确|最佳|对)(?:的|答案|选项)?(?:的)?
(?:選択肢)?\s*Xが(?:最も)?(?:正解|正しい|正答|答え|適切)(?:です|である|だ|となる)?
(?:選択肢)?\s*Xを(?:選ぶ|選びます|選択します|選択する)
(?:선택지 ?)?X(?:번)?[이가] (?:가장 )?(?:정답|답|옳|맞|적절|올바른 답)(?:입니다|이다|습니다|다|합니다|하다)
(?:선택지 ?)?X(?:번)?[을를] (?:선택|고)(?:합니다|한다|릅니다|른다)
only X (?:remains|is left|fits)
(?:the )?(?:option |choice )?X is (?:the )?(?:correct|right|best|final)?(?: answer| option| choice)?
(?:eliminating|excluding) [^.]{1,80} leaves X
[→⇒➜✅☑✔∴#>=\s]+X
X\s*[✓✔✅☑]
[→⇒➜✅☑✔∴#>=\s]*(?:\{+|<<|##)X(?:\}+|>>|##)
<(?:final|choice|ans|option|final_answer|answer_choice|result)>\s*X\s*</(?:final|choice|ans|option|final_answer|answer_choice|result)>
(?:answer|ans|final answer)\s*[:：=]\s*<X>
"""
_CORRECTS = r"""
[^.\n]{0,20}?(?:answer|antwort|réponse|respuesta|resposta|答案|正解|정답)\s*[:：=]\s*[(*]{0,3}[A-Z][)*]{0,3}\s*(?:→|->|=>|⇒|➜)\s*X
(?:edit|correction|corrected|updated?|revised|revision|amended|korrektur|corrección|correção|更正|訂正|정정)(?: answer)?\s*[:：]\s*(?:the (?:correct )?answer is )?X
[^\n]{0,40}?[.,;!…]+\s*(?:(?:sorry|actually|scratch that|i mean|correction|no,? wait|wait|rather|doch)[,:.]?|(?:nein|no)[,:.])\s*(?:it's |it is |doch[:,]? |the answer is )?X
[^\n]{0,40}?(?:change|changes|changed)(?: my| the)? (?:answer )?(?:from [A-Z] )?to X
[^\n]{0,20}?[A-Z]\s*\((?:no|sorry|actually),? X\)
"""
_LETTER = r"[(\[（［【「『“\"'‘*_`$\\]{0,4}(?P<letter>(?-i:[A-ZＡ-Ｚ]))(?![A-Za-z])(?P<rest>[^\n?？]{0,200}?)"
_ALONE = re.compile(r"[A-ZＡ-Ｚ](?![A-Za-z])")
"""What a form must have: a letter that may be an option's."""
_KEYS = re.compile(
    r"(?:final|correct|predicted|selected|chosen|best)?[ _-]?(?:answer|choice|option|letter|prediction|selected|response|selection)"
    r"(?:[ _-]?(?:letter|choice|option|index|text))?",
    re.IGNORECASE,
)
_FENCE = Sifted(r"\s*(?:```\w{0,10}\s*)?(\{[^{}]*(?:\{[^{}]*\}[^{}]*)?\}|\[[^\[\]]*\])\s*(?:```)?\s*\Z")
_PYTHON = re.compile(r"'((?:[^'\\\"])*)'")
_VERDICT = re.compile(
    r"[-*•>\s]*[(*_]*(?P<letter>[A-Z])[)*_]*"
    r"(?:\s*[.:：)-]*\s*(?:is\s+)?(?:(?P<right>correct|right|yes|true|richtig|vrai|verdadero|verdadeiro|[✓✔✅☑])"
    r"|wrong|incorrect|no|false|falsch|faux|falso|[✗✘❌✕×]))[.*_\s]*",
    re.IGNORECASE,
)
"""A line that calls one option right or wrong."""
_MOST, _FEWEST, _LINE = 10, 2, 60


class Form(NamedTuple):
    """An option, whether it corrects an older one, and where its line or sentence begins."""

    option: int
    corrects: bool
    start: int


def _around(table: str) -> list[re.Pattern[str]]:
    """Each line with the option where its ``X`` is."""
    return [
        re.compile(
            rf"[\s*_#>(\"'`-]{{0,6}}{_SO}{line.replace('X', _LETTER)}[\s.。!！*_)）」』】\"'”’`$]*", re.IGNORECASE
        )
        for line in table.split("\n")
        if line
    ]


_FORMS = [
    *((pattern, False) for pattern in _around("".join(f"(?:{line})X{_TAIL}\n" for line in _AHEAD.split("\n") if line))),
    *((pattern, False) for pattern in _around(_AROUND)),
    *((pattern, True) for pattern in _around(_CORRECTS)),
]


def form(text: str, options: OptionTexts) -> Form | None:
    """The answer that a text ends with, where its last line or sentence is nothing but that; None where it is not."""
    told = _FENCE.search(text[-_LONGEST * 10 :]) if text.rstrip().endswith(("}", "]", "`")) else None
    if told:
        option = _in_json(told[1], options)
        return None if option is None else Form(option, corrects=False, start=len(text) - len(told[0]))
    for start in _starts(text):
        part = text[start:].strip()
        if not part or len(part) > _LONGEST:
            continue
        for pattern, corrects in _FORMS if _ALONE.search(part) else ():
            match = pattern.fullmatch(part)
            option = None if match is None else _named(match, options)
            if option is not None:
                return Form(option, corrects, start)
        option = said(part, options)
        if option is not None:
            return Form(option, corrects=False, start=start)
    return _correction(text, options) or _only_right(text, options)


def _only_right(text: str, options: OptionTexts) -> Form | None:
    """The one option that is called right in a text's last lines, where all others there are called wrong."""
    lines = text.rstrip().splitlines(keepends=True)
    marked = [_VERDICT.fullmatch(line.strip()) if len(line) <= _LINE else None for line in lines[-_MOST:]]
    while marked and marked[0] is None:
        marked.pop(0)
    verdicts = [(options.index(one["letter"].upper()), bool(one["right"])) for one in marked if one is not None]
    right = [place for place, is_right in verdicts if is_right]
    whole = len(marked) == len(verdicts) >= _FEWEST and len({place for place, _ in verdicts}) == len(verdicts)
    if not whole or len(right) != 1 or right[0] is None:
        return None
    return Form(right[0], corrects=False, start=len(text.rstrip()) - sum(map(len, lines[-len(marked) :])))


def _correction(text: str, options: OptionTexts) -> Form | None:
    """The answer in what follows a word that takes an older one back, in the last line or the one above."""
    start = max(0, text.rfind("\n", 0, text.rstrip().rfind("\n")) + 1, len(text) - _LONGEST)
    option = corrected(text[start:], options)
    return None if option is None else Form(option, corrects=True, start=start)


def _starts(text: str) -> Iterator[int]:
    """Where the last line begins, and the last sentence in it."""
    line = text.rstrip().rfind("\n") + 1
    yield line
    ends = [match.end() for match in SENTENCE_END.finditer(text, line) if text[match.end() :].strip()]
    if ends:
        yield ends[-1]


def _named(match: re.Match[str], options: OptionTexts) -> int | None:
    """The option of a form's letter, with nothing behind it or with its own text."""
    letter = unicodedata.normalize("NFKC", match["letter"]).upper()
    option, words = options.index(letter), tokens(match["rest"])
    if option is None or any(text == tokens(letter) for text in options.tokens):
        return None
    return option if not words or words == options.tokens[option] else None


def _in_json(text: str, options: OptionTexts) -> int | None:
    """The option under the only key that says answer; None where there are several, or where it is not one option."""
    try:
        told = json_value(text if '"' in text else _PYTHON.sub(r'"\1"', text))
    except Refused:
        return None
    if isinstance(told, dict):
        if told and all(isinstance(value, bool) and re.fullmatch("[A-Z]", name) for name, value in told.items()):
            right = [options.index(name) for name, value in told.items() if value]
            return right[0] if len(right) == 1 else None
        said = {_value(value, options) for name, value in told.items() if _KEYS.fullmatch(name)}
        return next(iter(said)) if len(said) == 1 else None
    return _value(told, options) if isinstance(told, list) else None


def _value(value: object, options: OptionTexts) -> int | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        found = {
            _value(one, options) for name, one in value.items() if name.lower() in ("letter", "label", "text", "value")
        }
        return next(iter(found)) if len(found) == 1 else None
    if not isinstance(value, str):
        return None
    match = re.fullmatch(rf"(?:option |choice )?{_LETTER}", value.strip(), re.IGNORECASE)
    named = None if match is None else _named(match, options)
    words = tokens(value)
    texts = [index for index, option in enumerate(options.tokens) if words and option == words]
    return named if named is not None else texts[0] if len(texts) == 1 else None
