"""The same question under another lead: "Which of the following is correct?" before a stem, or around it.

A lead is words that ask, and say nothing of what is asked, at either end of a stem. Words that turn a question around
(not, except, false, least) are none.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from reasonmed.questions.normal import hashed, normal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.types import Question

_ASKING = """
which what who of the following these those is are was were be does do a an one ones option options answer answers
statement statements choice choices alternative correct true right best most likely appropriate accurate choose select
pick mark indicate identify tick question item mcq please from among below listed single given about regarding
concerning and or
welche welcher welches welchen was ist sind der die das den dem folgenden folgende genannten aussage aussagen antwort
antworten option optionen trifft treffen zu am ehesten richtig richtige zutreffend korrekt korrekte wählen sie bitte
kreuzen an frage eine einer zum zur von über
quel quelle quels quelles lequel laquelle lesquelles parmi les le la suivantes suivants suivante proposition
propositions réponse réponses affirmation affirmations est sont l une un exacte exact vraie correcte correct juste
choisissez cochez indiquez concernant à propos de du des
cuál cuáles qué es son el los las lo siguientes siguiente afirmación afirmaciones opción opciones respuesta respuestas
correcta correcto verdadera cierta señale indique elija marque seleccione entre en cuanto con respecto al sobre una
qual quais que é são o os as das dos seguintes seguinte alternativa afirmação afirmações opção resposta correta correto
verdadeira certa assinale escolha indique dentre sobre a
"""
"""Words of leads, in the languages that have spaces between words."""
_UNSPACED = """
(?:(?:下列|以下|下述)(?:关于|有关)?|关于|有关)
(?:哪一?[项种个]|(?:选项|说法|描述|叙述|陈述)(?:中)?|的是|正确|[是的中]|哪些|请选择?|最佳|答案|单选题?)+
(?:次の|以下の|下記の)(?:うち|中で?|選択肢)?(?:から|の)?
(?:正しい(?:もの|の|記述)?は?|どれか?|どれですか|選べ|選びなさい|1つ|一つ|を|はどれか|について|に関して|関する)+
(?:다음|아래)(?: ?중)?(?:에서)?
(?:옳은|맞는|올바른|가장 ?적절한) ?(?:것은|설명은|것을|답을)?|고르시오|고르세요|무엇인가요?
"""
"""What leads are in languages without such spaces: expressions, one a line."""
_LONGEST = 30
"""A lead has no more words than this."""


@cache
def _asking() -> frozenset[str]:
    return frozenset(normal(_ASKING).split())


@cache
def _unspaced() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{line})" for line in _UNSPACED.strip().splitlines()))


def without_lead(stem: str) -> str:
    """The normal form of a stem without leads at its ends; empty where it is nothing else."""
    return " ".join(_trimmed(_words(stem)))


def shorter(stem: str) -> Iterator[str]:
    """The normal forms of what follows a lead: without its first word, its first two, and so on."""
    words = _words(stem)
    for count, word in enumerate(words[:_LONGEST], 1):
        if word not in _asking() and not word.isdigit():
            return
        if count < len(words):
            yield " ".join(words[count:])


def same_question(question: Question) -> str:
    """Hash of a question that is equal for the same options, in any order, under any lead."""
    options = sorted(normal(option) for option in question.options)
    parts = (normal(question.context or ""), without_lead(question.stem), *options)
    return hashed("\n".join(parts))


def _words(stem: str) -> list[str]:
    return _unspaced().sub(" ", normal(stem)).split()


def _trimmed(words: list[str]) -> list[str]:
    """The words between the leads; a last letter is a name: vitamin A."""
    first, last = 0, len(words)
    while first < last and words[first] in _asking():
        first += 1
    while last > first and len(words[last - 1]) > 1 and words[last - 1] in _asking():
        last -= 1
    return words[first:last]
