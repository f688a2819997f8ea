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
        start = _after_lead(rest)
        by_text = self.options.leading(start)
        by_letter = self._letter(start, by_text)
        if by_letter is not None:
            index, after = by_letter
        elif by_text is not None:
            index, after = by_text, start[self.options.end(by_text, start) :]
            self._forbid_second_text(after)
        else:
            return self._in_sentence(start)
        return None if phrases.QUESTION.match(after) or phrases.CONDITION.match(after) else index

    def spelled_out(self, rest: str) -> int | None:
        """The option where nothing but its letter and its whole text stand there."""
        start = _after_lead(rest)
        match = phrases.LETTER.match(start)
        index = self.options.index(match[1]) if match and match[1] else None
        if match is None or index is None or not self.options.tokens[index]:
            return None
        return index if tokens(start[match.end() :]) == self.options.tokens[index] else None

    def denied(self, rest: str) -> int | None:
        """The option in "not B"."""
        denial = phrases.DENIED.match(rest)
        return self.read(rest[denial.end() :]) if denial else None

    def _letter(self, start: str, by_text: int | None) -> tuple[int, str] | None:
        match = phrases.LETTER.match(start)
        index = self.options.index((match[1] or match[2]).upper()) if match else None
        if match is None or index is None:
            return None
        rest = start[match.end() :]
        end = self._own_end(index, rest)
        if not end and by_text not in (None, index):
            if len("".join(self.options.tokens[by_text or 0])) == 1:
                raise Several
            return None
        if not end and self._begins_a_word(match, index):
            return None
        self._forbid_second_letter(index, rest[end:] if end else rest.lstrip(" \t.):*_"), rest[end:])
        if end:
            self._forbid_second_text(rest[end:])
        else:
            self._forbid_another_text(index, rest)
        return index, rest[end:]

    def _own_end(self, index: int, rest: str) -> int:
        """Where the letter's own text ends; 0 where something else follows the letter."""
        named = self.options.leading(rest)
        return self.options.end(index, rest) if named in (None, index) else 0

    def _begins_a_word(self, match: re.Match[str], index: int) -> bool:
        """Whether the letter is an article or part of a name, as in "A 24-hour test", "C. difficile", "B cells"."""
        rest = match.string[match.end() :]
        word = phrases.WORD.match(rest)
        if word is None or word[1] in phrases.CONNECTIVES or word[1].casefold() in self.options.tokens[index]:
            return False
        return word[1][0].islower() or (match[0] in "AI" and not rest.startswith("."))

    def _forbid_second_letter(self, index: int, said: str, after: str) -> None:
        sentence = phrases.SENTENCE_END.split(said, maxsplit=1)[0]
        joined = phrases.ANOTHER.match(after)
        letters = [*phrases.LATER.findall(sentence), *([joined[1]] if joined else [])]
        if any(self.options.index(letter) not in (None, index) for letter in letters):
            raise Several

    def _forbid_second_text(self, after: str) -> None:
        joined = phrases.JOINED.match(after)
        if joined and self.options.leading(after[joined.end() :]) is not None:
            raise Several

    def _forbid_another_text(self, index: int, rest: str) -> None:
        """Raise where a letter goes with another option's text, whole or, in a label of few words, in part."""
        if self.options.leading(rest) not in (None, index):
            raise Several
        label = phrases.SENTENCE_END.split(rest.lstrip(" \t.):*_"), maxsplit=1)[0]
        if rest[:1] not in tuple(".):") or len(tokens(label)) > _FEW_WORDS or phrases.AGAINST.search(label):
            return
        part_of = self.options.within(label)
        if self.options.sole(label) not in (None, index) or (part_of and index not in part_of):
            raise Several

    def _in_sentence(self, start: str) -> int | None:
        sentence = phrases.SENTENCE_END.split(start, maxsplit=1)[0]
        index = self.options.sole(sentence)
        others = self.options.without(index, sentence)
        if phrases.HEDGE.search(others):
            raise Several
        if phrases.AGAINST.search(others) or phrases.QUESTION.search(others) or phrases.CONDITION.match(others):
            return None
        return index


def _after_lead(rest: str) -> str:
    lead = phrases.LEAD.match(rest)
    return rest[lead.end() :] if lead else rest
