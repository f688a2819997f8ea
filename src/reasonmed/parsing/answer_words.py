"""A sentence that names one option and has no other words than those in which answers are given, in eight languages.

Since no word that denies, doubts or puts a condition is among them, what is left can only state the option. Options
that are turned down beside it ("not B but C", "C rather than B", "A and B are wrong") are taken out first; what comes
after a word that takes an answer back ("no, wait", "Korrektur") counts for itself.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from reasonmed.parsing.option_texts import tokens

if TYPE_CHECKING:
    from reasonmed.parsing.option_texts import OptionTexts

_DECIDES = """
answer ans correct right best fits fit choose select pick go remains leaves leave left so thus hence therefore pick
choice winner give consistent must select selected conclusion final consequently guess elimination suits settle settled decide decided prefer preferred matches match
prevails stands suitable clearly evidently accordingly ultimately overall vote bet say conclude concluding favor opt identify going points wins
antwort richtig richtige korrekt korrekte trifft passt bleibt wähle nehme entscheide wahl folglich somit daher damit also
demnach deshalb lösung fazit ergebnis zutreffend zutreffende wählen gesuchte erfüllt ausschlussverfahren tippe unterm strich bevorzuge nenne stimmt treffend passend entspricht ergibt votiere
plädiere festgelegt lege würde schließe verbleibt eindeutig spricht insgesamt letztlich schließlich kreuze
réponse correcte correct exacte juste bonne vraie convient retiens retenir opte agit reste choisis choisit choisira choisir opte
choix donc ainsi conclusion solution élimination faut dirais dis bon penche sélectionne préfère correspond finalement demeure convenable adaptée adapté plaide clairement moi
respuesta correcta correcto verdadera queda quedo elijo escojo marco marcaría selecciono elección trata tanto así conclusión
solución descarte diría digo decido opto prefiero corresponde finalmente acertada adecuada adecuado seleccionaría elegiría apunta claramente mí
escogería
resposta correta correto certa certo resta fico escolho seleciono marco assinalo assinalaria portanto logo assim então
escolha conclusão exclusão gabarito trata diria digo decido opto prefiro corresponde finalmente adequada adequado sobra escolhida escolhido
selecionaria escolheria aponta claramente mim fica
"""
"""Words that make a sentence an answer; one of them must be there."""
_FILLS = """
the my our i we us that this it is would will be ll d with for of as in to what here only option letter one most likely
appropriate all things considered given had reflection on drug agent treatment diagnosis cause substance test
management step medication just by case up us me are out together taken at arrive end everything which makes call m stated remaining clinical picture patient
die der das den ist es ich mich nur für auf am ehesten besten beste option aussage antworten buchstabe meine lautet mittel
der substanz wirkstoff zu fällt alle kriterien übrig ein aber wäre ich an mit diese dieser dieses dem sich fest klar klinischen bild patienten hier gut alles dann mir
la le l les il ne que de d je c est qui on lettre option proposition la meilleure à mon se porte sur par s ma j c d
un une traitement diagnostic médicament choisie retenue vers semble mieux ici au tableau patient tout pour
la lo el nos quedo elegida escogida aquí mejor cuadro paciente todo para
la lo el los es opción letra alternativa solo sólo por con me en de se fármaco tratamiento diagnóstico que una
a o os as é opção letra alternativa apenas só por com em de da do se fármaco tratamento diagnóstico que uma está eu aqui melhor quadro paciente nos tudo para
"""
_UNSPACED = re.compile(
    r"(?:答案|正确|最佳|最终|最合适|最符合|合适|符合|首选|选项|选择|应该|应当|题意|可选|显然|我认为|剩下|本|符合|判断|考虑|最|选|项|应|为|是|故|所以|因此|综上|本题|只有|我|的|题"
    r"|正解|正答|解答|回答|答え|選択肢|最も|適切|正しい|正しく|よって|したがって|従って|ゆえに|以上より|消去法|残る|第一選択"
    r"|選びます|選ぶ|選択する|である|です|となる|になる|のみ|もの|薬剤|私|だけ|だ|で|と|は|が|を|の|適当|妥当|選択|選ばれる|判断する|考える|考えられる|以上|最終的に|明らかに|思われる|残り"
    r"|정답|답|해답|최종|가장|적절한|적절하다|타당하다|타당한|올바른|옳은|맞다|맞는|선택지|보기|선택|따라서|그러므로|결론적으로|소거법으로"
    r"|남는다|고르겠습니다|고른다|적합하다|적합한|합당하다|선택합니다|봅니다|본다|분명히|명백히|생각한다|남은|라고|최종적으로|약제|약물|입니다|이다|한다|합니다|하다|것|번|제|은|는|이|가|을|를|로)+"
)
_DECIDES_UNSPACED = re.compile(
    r"答|选|显然|认为|剩|明らか|思|분명|생각|正|適当|妥当|合适|消去|符合|故|所以|因此|選|適切|残|よって|したがって|ゆえに|以上より|답|옳|맞|적절|타당|남|적합|고르|고른|선택|따라서|약제|약물"
)

_NOT = r"(?:not|nicht|pas|no|não|non)"
_BUT = r"(?:but|sondern|mais|sino|mas)"
_THAN = r"(?:rather than|instead of|over|,? ?(?:and )?not|statt|anstatt|(?:und )?nicht|plutôt que|et non|en vez de|em vez de|y no|e não|(?<=,) ?(?:no|não|non))"
_WRONG = r"(?:wrong|incorrect|false|out|excluded|falsch|ausgeschlossen|fausses?|exclues?|incorrectas?|falsas?|erradas?)"
_ARE = r"(?:is|are|ist|sind|est|sont|es|son|é|são|estão|están|está)"
_NAMED = r"(?:\w+ ){0,2}?⟨\d+⟩"
_MANY = r"⟨\d+⟩(?:(?: ?[,、，] ?| and | und | et | y | e |, and )⟨\d+⟩)*"
_ASIDE = re.compile(
    rf"\b(?:n ?)?(?:\w+ )??{_NOT} {_NAMED},? {_BUT}\b|不是 ?⟨\d+⟩ ?[,，]? ?而(?=是)|⟨\d+⟩ ?(?:では|じゃ)なく(?:て)?|⟨\d+⟩ ?[이가] ?아니라"
    rf"|(?<=[⟩\w]),? {_THAN} {_NAMED}"
    rf"|{_MANY} ?(?:{_ARE} {_WRONG}|(?:均|都)?(?:错误|不对|不正确)|は(?:誤り|間違い)(?:で|であり)?|[은는] 틀리고)[;,.，；、。]?(?: (?:and|but|und|et|y|e)\b)?",
    re.IGNORECASE,
)
"""Options that are turned down beside the one that is meant."""
_BACK = re.compile(
    r"(?:^|(?<=[.,;:!?…\s(—–-]))"
    r"(?:(?:no|nein|non|não|hmm|oops)(?:,? (?:wait|sorry|moment|pardon|perdón|espera|espere|attends|actually|scratch that))*(?=[.,:;!…—–-])"
    r"|no,? wait|wait|hold on|scratch that|strike that|i take that back|i (?:meant|misread)|actually|correction|edit|oops|sorry"
    r"|korrektur|halt|moment(?: mal)?|quatsch|en fait|pardon|je me (?:suis )?tromp[eé]|rectification"
    r"|perdón|corrijo|corrección|mejor dicho|rectifico|aliás|corrigindo|correção|desculpe|melhor"
    r"|on (?:reflection|second thought)s?)\b"
    r"|更正|不对|不,|等等|纠正|いや|訂正(?:します|する)?|違う|間違え\w*|待って|아니(?:다|요)?|정정(?:합니다|한다)?|잠깐",
    re.IGNORECASE,
)
_MARKS = re.compile(r"\A\s*>|[*_`#\"'“”‘’«»「」『』《》【】\[\]{}|$()（）~]+")
_LETTER = re.compile(r"(?<![A-Za-z⟨'’.-])([A-Z])(?![A-Za-z⟩]|['’]\w|-\w)")
_NEXT = re.compile(r"\s([^\W\d_]{2,})")
_VERBS = r"(?:is|fits|remains|suits|it|ist|passt|trifft|est|convient|es|é|está)\b"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SHOWN = re.compile(r"⟨(\d+)⟩")
_LONGEST = 160


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_DECIDE, _FILL = _words(_DECIDES), _words(_FILLS)


def said(sentence: str, options: OptionTexts) -> int | None:
    """The option that a sentence states and does nothing else; None where it does not."""
    if len(sentence) > _LONGEST or _CONTROL.search(sentence) or sentence.rstrip()[-1:] in tuple("?？:："):
        return None
    shown, aside = _ASIDE.subn(" ", _shown(sentence, options))
    return _only(sentence, shown, options, needs=not aside)


def corrected(text: str, options: OptionTexts) -> int | None:
    """The option in what follows a word that takes an answer back, at a text's end; None where there is none."""
    found = list(_BACK.finditer(text))
    rest = text[found[-1].end() :].strip(" .,;:!…—–-\n\t(") if found else ""
    if not rest or len(rest) > _LONGEST:
        return None
    for part in (rest, re.split(r"[,;，；]\s*", rest)[-1]):
        option = _only(part, _ASIDE.sub(" ", _shown(part, options)), options, needs=part is not rest)
        if option is not None:
            return option
    return None


def _only(sentence: str, shown: str, options: OptionTexts, *, needs: bool) -> int | None:
    """The one option that a sentence as it is shown names, where its other words are those of answers."""
    named = {int(place) for place in _SHOWN.findall(shown)}
    left = _SHOWN.sub(" ", shown)
    if len(named) != 1 or not _says(left, needs=needs) or _may_be_another(sentence, left, named, options):
        return None
    return named.pop()


def takes_back(text: str, option: int, options: OptionTexts) -> bool:
    """Whether what follows an answer takes it back, and names another option by its letter."""
    found = _BACK.search(text)
    if found is None:
        return False
    places = {int(place) for place in _SHOWN.findall(_shown(text[found.end() :], options))}
    return bool(places - {option})


def _shown(sentence: str, options: OptionTexts) -> str:
    """A sentence with ``⟨2⟩`` for the letter of an option, without that option's text and marks around words."""
    plain = " ".join(_MARKS.sub(" ", unicodedata.normalize("NFKC", sentence)).split())
    shown = _LETTER.sub(lambda match: _letter(match, options), plain)
    named = {int(place) for place in _SHOWN.findall(shown)}
    return options.without(named.pop(), shown) if len(named) == 1 else shown


def _letter(match: re.Match[str], options: OptionTexts) -> str:
    """The mark of a letter; one that begins a sentence may be a word: a resposta, o fármaco."""
    index, rest = options.index(match[1]), match.string[match.end() :]
    if index is None or options.is_letter(match[1]):
        return match[0]
    word = _NEXT.match(rest) if match[1] in "AEIOY" and not match.string[: match.start()].strip(" .,;:") else None
    if word and (word[1] in _FILL or word[1] in _DECIDE) and not re.match(_VERBS, word[1]):
        return match[0]
    return f"⟨{index}⟩"


def _may_be_another(sentence: str, left: str, named: set[int], options: OptionTexts) -> bool:
    """Whether a sentence holds another option's text, or the words beside its letter are all that another one says."""
    others = [place for place in range(len(options.tokens)) if place not in named and options.tokens[place]]
    words = {*tokens(left)}
    return any(
        options.without(place, sentence) != sentence or words.issuperset(options.tokens[place]) for place in others
    )


def _says(left: str, *, needs: bool) -> bool:
    """Whether words are those in which answers are given, with one among them that makes it an answer."""
    unspaced = _UNSPACED.findall(left)
    words = tokens(_UNSPACED.sub(" ", left).replace("’", "'").replace("'", " "))
    decided = any(word in _DECIDE for word in words) or any(_DECIDES_UNSPACED.search(one) for one in unspaced)
    return (decided or not needs) and all(word in _DECIDE or word in _FILL for word in words)
