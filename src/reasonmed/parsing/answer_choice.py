"""The option that is named where a final-answer phrase has announced one; used by ``answer``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.parsing import answer_phrases as phrases
from reasonmed.parsing.option_texts import tokens

if TYPE_CHECKING:
    import re

    from reasonmed.parsing.option_texts import OptionTexts

_FEW_WORDS = 6


class Several(Exception):
    """A final statement names two options or none at all: there is no answer, and no older one counts."""


class Choice:
    """Reads what follows a final-answer phrase."""

    def __init__(self, options: OptionTexts) -> None:
        self.options = options

    def read(self, rest: str) -> int | None:
        """The option at the start, or the only one in the first sentence.

        Raises:
            Several: two options, a letter with another option's text, or an explicit "cannot tell".
        """
        start = self._after_lead(rest)
        by_text = self.options.leading(start)
        found = self._letter(start, by_text)
        if found is None and by_text is not None:
            found = by_text, start[self.options.end(by_text, start) :]
            self._forbid_other_letter(*found)
        if found is None:
            return self._in_sentence(start, self._label(start))
        index, after = found
        if phrases.OR.match(after):
            raise Several
        asked = phrases.QUESTION.match(after) and not self.options.asks[index]
        return None if asked or phrases.CONDITION.match(after) or phrases.REJECTED.match(after) else index

    def spelled_out(self, rest: str) -> int | None:
        """The option where nothing but its letter and its whole text stand there."""
        start = self._after_lead(rest)
        match = phrases.LETTER.match(start)
        index = self.options.index(match[1]) if match and match[1] else None
        if match is None or index is None or not self.options.tokens[index]:
            return None
        return index if tokens(start[match.end() :]) == self.options.tokens[index] else None

    def denied(self, rest: str) -> int | None:
        """The option in "not B"."""
        denial = phrases.DENIED.match(rest)
        return self.read(rest[denial.end() :]) if denial else None

    def _label(self, start: str) -> int | None:
        """The letter at the start, where it is no word of the sentence."""
        label = phrases.LABEL.match(start)
        return self.options.index(label[1]) if label else None

    def _after_lead(self, rest: str) -> str:
        """What follows "option", a bracket or the like; all of it where those words begin an option's text."""
        by_text, lead = self.options.leading(rest), phrases.LEAD.match(rest)
        if lead is None or (by_text is not None and not self.options.short(by_text)):
            return rest.lstrip(" \t:：*_(")
        return rest[lead.end() :]

    def _letter(self, start: str, by_text: int | None) -> tuple[int, str] | None:
        match = phrases.LETTER.match(start)
        if match is None:
            return None
        index, rest = self.options.index((match[1] or match[2]).upper()), start[match.end() :]
        that_is = phrases.THAT_IS.match(rest)
        rest = f". {rest[that_is.end() :]}" if that_is else rest
        end = self._own_end(index, rest)
        if not end and by_text is not None:
            if index is None or len("".join(self.options.tokens[by_text])) > 1:
                return None
            if by_text != index:
                raise Several
        if not end and self.options.leading(rest) is None and self._begins_a_word(match, index):
            return None
        if index is None:
            raise Several
        if not end:
            self._forbid_another_text(index, rest)
        qualified = phrases.QUALIFIED.match(rest, end) if end else None
        self._forbid_other_letter(index, rest[qualified.end() if qualified else end :])
        return index, rest[end:]

    def _own_end(self, index: int | None, rest: str) -> int:
        """Where the letter's own text ends; 0 where something else follows the letter."""
        named = self.options.leading(rest)
        return 0 if index is None or named not in (None, index) else self.options.end(index, rest)

    def _begins_a_word(self, match: re.Match[str], index: int | None) -> bool:
        """Whether the letter is an article or part of a name, as in "A 24-hour test", "C. difficile", "B cells"."""
        rest = match.string[match.end() :]
        word = phrases.WORD.match(rest)
        own = () if index is None else self.options.tokens[index]
        if word is None or phrases.CONNECTIVE.match(word[1]) or word[1].lower() in own:
            return False
        return word[1][0].islower() or (match[0] in "AI" and not rest.startswith("."))

    def _forbid_other_letter(self, index: int, after: str) -> None:
        """Raise where another letter or text is joined to an option, or stands behind it in parentheses."""
        sentence = phrases.SENTENCE_END.split(after.lstrip(" .:*_"), maxsplit=1)[0]
        statement = phrases.REASON.split(sentence, maxsplit=1)[0]
        joined, enclosed = phrases.ANOTHER.match(after), phrases.IN_PARENTHESES.match(after.lstrip(" .*_\"'”)%°"))
        letters = [*phrases.LATER.findall(statement), *(match[1] for match in (joined, enclosed) if match)]
        if any(self.options.index(letter) not in (None, index) for letter in letters):
            raise Several
        revised = phrases.REVISED.search(sentence)
        if revised and (set(map(self.options.index, phrases.SINGLE.findall(revised["to"]))) - {None, index}):
            raise Several
        second = phrases.JOINED.match(after)
        if second and self.options.leading(after[second.end() :]) is not None:
            raise Several

    def _forbid_another_text(self, index: int, rest: str) -> None:
        """Raise where a letter goes with another option's text, whole or, in a label of few words, in part."""
        if self.options.leading(rest) not in (None, index):
            raise Several
        label = phrases.SENTENCE_END.split(rest.lstrip(" \t.):*_"), maxsplit=1)[0]
        if rest[:1] not in tuple(".):'’\"") or len(tokens(label)) > _FEW_WORDS or phrases.AGAINST.search(label):
            return
        part_of = self.options.within(label)
        if self.options.sole(label) not in (None, index) or (part_of and index not in part_of):
            raise Several

    def _in_sentence(self, start: str, label: int | None) -> int | None:
        """The only option that the first sentence names, or the letter at its end.

        Raises:
            Several: it names another option than its label, or says that there is none.
        """
        sentence = phrases.SENTENCE_END.split(start, maxsplit=1)[0]
        index = self.options.sole(sentence)
        at_end = phrases.CONCLUDED.search(sentence) or phrases.TRAILING.search(sentence)
        last = self.options.index(at_end[1]) if at_end else None
        if index is not None and (label not in (None, index) or last not in (None, index)):
            raise Several
        if at_end and last is not None and index is None and label is None:
            return self._at_end(sentence, at_end, last)
        others = self.options.without(index, sentence)
        if phrases.HEDGE.search(others):
            raise Several
        doubted = phrases.AGAINST.search(others) or phrases.QUESTION.search(others) or phrases.CONDITION.match(others)
        return None if doubted else index

    def _at_end(self, sentence: str, match: re.Match[str], index: int) -> int | None:
        """A letter at the end of a sentence: the only one, or what is left after others were ruled out."""
        before = sentence[: match.start()]
        if match.re is phrases.CONCLUDED:
            return None if match[1] in phrases.SINGLE.findall(before) else index
        against = phrases.AGAINST.search(before) or phrases.HEDGE.search(before)
        return None if against or phrases.SINGLE.search(before) or self.options.named(before) else index
